"""``steam-assets release`` and ``steam-assets contracts``: data, and what it guarantees, for others.

Belongs here: checks of the folder, and what is printed. Does not belong here: the files (publication/).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.counted import counted
from steam_assets.commands.preflight import opened_settings, require_writable, settings_of
from steam_assets.commands.terminal import Terminal


def release(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Include the texts of reviews and news. Default: without.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Write all tables for people without a lake: Parquet by table and month, a card, contracts and checksums.

    It contains nothing that identifies a reviewer or an author. The same lake always gives the same bytes.
    """
    folder = folder.absolute()
    _require_empty(folder)
    require_writable(folder, "FOLDER")
    settings = opened_settings(home)
    from rich.progress import track

    from steam_assets.lake.lake import Lake
    from steam_assets.publication.release import CARD, NothingToRelease, Release
    from steam_assets.sources import SOURCES

    console, lake = Terminal(), Lake(settings)
    try:
        made = Release(lake, SOURCES, with_text=with_text)
    except NothingToRelease:
        raise typer.BadParameter(
            f"no table has rows in {settings.home} yet; `steam-assets status` lists the partitions"
        ) from None
    for _ in track(made.write(folder), "Releasing", total=len(made.parts), console=console):
        pass
    size = sum(found.stat().st_size for found in folder.rglob("*") if found.is_file())
    console.print(f"{counted(len(made.parts), 'file')} of data ({size / 1e6:.1f} MB) in {folder}", soft_wrap=True)
    console.print(f"Content, date and gaps are described in {folder / CARD}", soft_wrap=True)


def contracts(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write to; contracts there are replaced.")],
    home: HomeOption = None,
) -> None:
    """Write a contract for each table (Open Data Contract Standard): schema, units, keys, rules, freshness, terms.

    Contracts state what a lake guarantees. Writing them needs no data.
    """
    folder = folder.absolute()
    require_writable(folder, "FOLDER")
    settings = settings_of(home)
    from steam_assets.insights.declared_tables import declared_tables
    from steam_assets.publication.contracts import contract, kept_for, write_contract
    from steam_assets.sources import SOURCES

    folder.mkdir(parents=True, exist_ok=True)
    tables = declared_tables(SOURCES)
    for table in tables:
        write_contract(contract(table, kept_for(table, settings.housekeeping_keep_days)), table, folder)
    Terminal().print(f"{counted(len(tables), 'contract')} in {folder}", soft_wrap=True)


def _require_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        new = folder / "release"
        raise typer.BadParameter(f"{folder} is not empty; type another folder, such as {new}", param_hint="FOLDER")
