"""``steam-assets export`` and ``steam-assets jars``: files for other programs and other machines.

Belongs here: what is written where. Does not belong here: the files (visuals/exports), the jars (java/jars.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import HomeOption, not_among
from steam_assets.commands.counted import counted
from steam_assets.commands.partition_options import partitions_of
from steam_assets.commands.preflight import opened_settings, require_writable
from steam_assets.commands.refresh import warn_if_stale
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.settings import Settings
    from steam_assets.sources.cadence import Cadence


def export(
    table: Annotated[list[str] | None, typer.Option(help="A table; may be repeated. Default: all.")] = None,
    partition: Annotated[
        list[str] | None,
        typer.Option(help="A partition, YYYY-MM-DD or YYYY-MM; may be repeated. Default: all."),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write to. Default: HOME/exports.")] = None,
    home: HomeOption = None,
) -> None:
    """Write clean and insight tables as CSV (safe to open in a spreadsheet) and Parquet, one file per partition.

    TABLE/all.parquet has all exported partitions of a table, columns.csv describes the columns, and steam.duckdb has a
    view of each table.
    """
    settings = opened_settings(home)
    folder = (to or settings.home / "exports").absolute()
    require_writable(folder, "--to")
    from steam_assets.insights.declared_tables import declared_tables
    from steam_assets.sources import SOURCES

    declared = declared_tables(SOURCES)
    known = [one.name for one in declared]
    for unknown in sorted(set(table or ()) - set(known)):
        raise not_among(unknown, known, "table", "--table")
    if not partition:
        _require_tables(settings, table or known, named=bool(table))
    from rich.progress import track

    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.lake.lake import Lake
    from steam_assets.visuals.exports.catalog_files import catalog_exports
    from steam_assets.visuals.exports.table_files import export_table

    console = Terminal()
    reader, files, rows = CleanReader(settings), 0, 0
    asked = _asked(reader, settings, table or known, partition or [])
    for name, keys in track(asked, "Exporting", console=console):
        for written in export_table(reader, folder, name, keys):
            files, rows = files + 2, rows + written.rows
    catalog_exports(folder, declared, synthetic=reader.is_synthetic)
    console.print(
        f"{counted(files, 'file')} with {counted(rows, 'row')} in {folder}, and steam.duckdb over all tables",
        soft_wrap=True,
    )
    warn_if_stale(Lake(settings), console)


def _require_tables(settings: Settings, tables: Sequence[str], *, named: bool) -> None:
    """Raise BadParameter if none of the tables was ever written."""
    from steam_assets.lake.ledger_files import open_ledger

    ledger = open_ledger(settings)
    if not any(ledger.properties("clean", name) for name in tables):
        which = f"{', '.join(tables)} has no rows" if named else "no table has rows"
        raise typer.BadParameter(f"{which} in {settings.home} yet; `steam-assets status` lists the partitions")


def _asked(
    reader: CleanReader, settings: Settings, tables: Sequence[str], texts: Sequence[str]
) -> Sequence[tuple[str, Sequence[str] | None]]:
    """The partitions to export by table, None for all. Raises BadParameter for a partition that no table has."""
    from steam_assets.clock import Clock
    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.records import CleanRecord
    from steam_assets.sources import SOURCES

    if not texts:
        return [(name, None) for name in tables]
    cadences = {name: cadence for name, cadence in _cadences().items() if name in tables}
    if not cadences:
        raise typer.BadParameter(f"{', '.join(tables)} has no partitions; omit the option", param_hint="--partition")
    lake, now = Lake(settings), Clock.from_settings(settings).now()
    clean = {table.name: lake.clean(table) for source in SOURCES for table in source.tables}
    # A partition without rows is recorded only in the ledger.
    there = {
        name: {*reader.partition_keys(name), *(clean[name].records(CleanRecord) if name in clean else ())}
        for name in cadences
    }
    chosen: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        wanted = partitions_of(text, cadences.values(), now, kept={key for keys in there.values() for key in keys})
        having = [name for name, cadence in cadences.items() if wanted.get(cadence) in there[name]]
        if not having:
            which = "no table has" if len(tables) > 1 else f"{tables[0]} does not have"
            raise typer.BadParameter(
                f"{which} the partition {text}; `steam-assets status` lists the partitions", param_hint="--partition"
            )
        for name in having:
            chosen.setdefault(name, []).append(wanted[cadences[name]])
    return list(chosen.items())


def _cadences() -> dict[str, Cadence]:
    """The cadence of every table that has one."""
    from steam_assets.insights import INSIGHTS
    from steam_assets.sources import SOURCES

    clean = {table.name: source.cadence for source in SOURCES for table in source.tables}
    return clean | {insight.table: insight.cadence for insight in INSIGHTS if insight.cadence}


def jars(
    folder: Annotated[Path, typer.Argument(help="Target folder; set STEAM_JARS_DIR to it afterwards.")],
) -> None:
    """Copy the pinned jars of Kafka and Spark into a folder, for an offline machine or an image."""
    require_writable(folder, "FOLDER")
    from steam_assets.java.jars import export_jars

    copied = export_jars(folder)
    size = sum(jar.stat().st_size for jar in copied) / 1e6
    found = f"{len(copied)} jars, {size:.0f} MB, digests verified. STEAM_JARS_DIR={folder.absolute()}"
    Terminal().print(found, soft_wrap=True)
