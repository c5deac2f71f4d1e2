"""``python -m steam_assets``: the command ``steam-assets``."""

from steam_assets.cli import main

main()
