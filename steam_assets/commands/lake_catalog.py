"""``steam-assets catalog`` and ``relocate``: opening tables by name, rebuilding catalogs, repairing a moved lake.

Belongs here: what they print. Does not belong here: the work (lake/relocate.py), the lines that open a table
(lake/connection_snippets.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.command_list import CommandGroup
from steam_assets.commands.common_options import HomeOption, not_among
from steam_assets.commands.counted import counted
from steam_assets.commands.examples import epilog
from steam_assets.commands.preflight import opened_settings
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steam_assets.lake.connection_snippets import Opening, TableName
    from steam_assets.lake.lake import Lake
    from steam_assets.settings import RootName

catalog = typer.Typer(cls=CommandGroup)


@catalog.callback(invoke_without_command=True, epilog=epilog("catalog"))
def open_by_name(
    context: typer.Context,
    table: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A table, such as reviews or steam_raw.reviews. Default: the first one."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="pyiceberg, duckdb, polars, spark, athena or tableau. Default: all."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Print the code with which other programs open a table of this deployment by name, without secrets.

    The code runs without this product. Everything that is not code is a comment.
    """
    if context.invoked_subcommand:
        if given := [f"--{name}" for name in ("table", "engine", "home") if context.params.get(name) is not None]:
            raise typer.BadParameter(f"type {', '.join(given)} after {context.invoked_subcommand}")
        return
    settings = opened_settings(home)
    from steam_assets.lake.connection_snippets import openings
    from steam_assets.lake.lake import Lake

    lake = Lake(settings)
    known = dict(_tables(lake))
    if not known:
        raise typer.BadParameter(f"{settings.home} has no tables yet; `steam-assets status` says why")
    name = next(iter(known)) if table is None else table.strip().lower()
    name = name.removeprefix("steam.")
    if name not in known:
        raise not_among(name, known, "table", "--table")
    found = openings(settings, known[name])
    if engine is not None and engine.lower() not in found:
        raise not_among(engine, found, "engine", "--engine")
    shown = list(found.values()) if engine is None else [found[engine.lower()]]
    typer.echo("\n\n".join("\n".join(_script(opening)) for opening in shown))
    if table is None:
        Terminal(stderr=True).print(f"\n--table takes any of: {', '.join(known)}", style="dim", soft_wrap=True)


def _tables(lake: Lake) -> Iterator[tuple[str, TableName]]:
    """The existing tables by the name that a user types: clean tables and insights without their database."""
    from steam_assets.lake.connection_snippets import TableName

    roots: tuple[RootName, ...] = ("clean", "raw", "clean-backup", "raw-backup")
    for root in roots:
        for name in lake.table_names(root):
            found = TableName(root, name)
            yield (name if root == "clean" else found.identifier), found


def _script(opening: Opening) -> Iterator[str]:
    comment = "--" if opening.language == "sql" else "#"
    yield f"{comment} {opening.program}{f' ({opening.note})' if opening.note else ''}"
    yield from opening.lines


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
        console.print(f"{name}: {counted(len(found), 'table')}: {', '.join(found)}", soft_wrap=True)


def relocate(home: HomeOption = None) -> None:
    """Repair a lake that was copied or moved to the location in the settings. The original is not changed."""
    settings, console = opened_settings(home), Terminal()
    from steam_assets.lake.relocate import relocate as relocate_root
    from steam_assets.lake.roots import ROOT_NAMES

    damaged, repair = False, "copy the lake again, or restore what `steam-assets verify` names"
    for name in ROOT_NAMES:
        with console.status(f"Rewriting addresses in {settings.root(name)}"):
            done = relocate_root(settings, name)
        outcome = (
            f"{done.origin} → {done.place}: {counted(done.files, 'file')} of "
            f"{counted(len(done.tables), 'table')} rewritten"
            if done
            else f"{settings.root(name)} was not moved"
        )
        console.print(f"{name}: {outcome}", soft_wrap=True)
        for address in done.leftovers if done else ():
            console.print(f"{address} is unreadable, and nothing names it: a killed commit left it", soft_wrap=True)
        for address in done.damaged if done else ():
            damaged = True
            console.print(f"{address} is damaged, and stays as it is; {repair}", style="red", soft_wrap=True)
    console.print("Run `steam-assets verify` to read everything back.")
    if damaged:
        raise typer.Exit(1)
