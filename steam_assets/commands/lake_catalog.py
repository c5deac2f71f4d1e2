"""``steam-assets catalog`` and ``relocate``: rebuilding catalogs, and repairing a copied or moved lake.

Belongs here: what they print. Does not belong here: the work (lake/relocate.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.command_list import CommandGroup
from steam_assets.commands.common_options import HomeOption, not_among
from steam_assets.commands.examples import epilog
from steam_assets.commands.preflight import opened_settings
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.settings import RootName

catalog = typer.Typer(
    cls=CommandGroup, no_args_is_help=True, help="The catalogs through which query engines find the tables."
)


@catalog.command(epilog=epilog("catalog rebuild"))
def rebuild(
    root: Annotated[str | None, typer.Option(help="raw, raw-backup, clean or clean-backup. Default: all four.")] = None,
    home: HomeOption = None,
) -> None:
    """Rebuild catalogs from the newest metadata file of each table, after one was lost or damaged."""
    from steam_assets.lake.catalog_rebuild import rebuild_catalog
    from steam_assets.lake.roots import ROOT_NAMES, open_root, read_marker

    if root is not None and root not in ROOT_NAMES:
        raise not_among(root, ROOT_NAMES, "root", "--root")
    settings, console = opened_settings(home), Terminal()
    chosen: list[RootName] = [name for name in ROOT_NAMES if root in (None, name)]
    for name in chosen:
        if read_marker(settings, name) is None:
            console.print(f"{name}: nothing at {settings.root(name)} yet", soft_wrap=True)
            continue
        open_root(settings, name)
        found = rebuild_catalog(settings, name)
        console.print(f"{name}: {len(found)} tables: {', '.join(found)}", soft_wrap=True)


def relocate(home: HomeOption = None) -> None:
    """Repair a lake that was copied or moved to the place in the settings. The original is not changed."""
    settings, console = opened_settings(home), Terminal()
    from steam_assets.lake.relocate import relocate as relocate_root
    from steam_assets.lake.roots import ROOT_NAMES

    for name in ROOT_NAMES:
        with console.status(f"Rewriting addresses in {settings.root(name)}"):
            done = relocate_root(settings, name)
        outcome = (
            f"{done.origin} → {done.place}: {done.files} files rewritten, {len(done.tables)} tables"
            if done
            else f"{settings.root(name)} was not moved"
        )
        console.print(f"{name}: {outcome}", soft_wrap=True)
    console.print("Run `steam-assets verify` to read everything back.")
