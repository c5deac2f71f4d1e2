"""The commands of ``steam-assets``, one module each. Heavy imports happen when a command runs, so --help is fast."""
