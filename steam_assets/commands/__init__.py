"""What ``steam-assets`` can do: a module a command. Heavy imports wait for a command to run: --help is quick."""
