"""``steam-assets export`` and ``steam-assets jars``: files for other programs and other machines.

Belongs here: what goes where. Does not belong here: the formats (visuals/exports.py), the jars (embedded/jars.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from steam_assets.settings import Settings


def export(
    table: Annotated[list[str] | None, typer.Option(help="A table; may be repeated. Default: all.")] = None,
    partition: Annotated[list[str] | None, typer.Option(help="A partition, YYYY-MM-DD. Default: all.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write to. Default: HOME/exports.")] = None,
) -> None:
    """Write clean and insight tables as CSV (safe to open in a spreadsheet) and Parquet, a file a partition."""
    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.lake.disk_store import DiskStore
    from steam_assets.sources import SOURCES
    from steam_assets.visuals.exports import export_table, exported_tables

    settings, console = Settings(), Console()
    known = exported_tables(SOURCES)
    unknown = sorted(set(table or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"no table {', '.join(unknown)}; there are {', '.join(known)}", param_hint="--table")
    folder = (to or settings.home / "exports").absolute()
    reader, store, files, rows = CleanReader(settings), DiskStore(folder), 0, 0
    for name in track(table or known, "Exporting", console=console):
        for written in export_table(reader, store, name, partition):
            files, rows = files + 2, rows + written.rows
    console.print(f"{files} files with {rows} rows in {folder}", markup=False, highlight=False, soft_wrap=True)


def jars(
    folder: Annotated[Path, typer.Argument(help="Where to put them; then set STEAM_JARS_DIR to it.")],
) -> None:
    """Bring the pinned jars of Kafka and Spark into a folder, for a machine or an image without a network."""
    from steam_assets.embedded.jars import export_jars

    brought = export_jars(folder)
    size = sum(jar.stat().st_size for jar in brought) / 1e6
    found = f"{len(brought)} jars, {size:.0f} MB, digests verified. STEAM_JARS_DIR={folder.absolute()}"
    Console().print(found, markup=False, soft_wrap=True)
