"""``steam-assets status``, ``verify``, ``restore``, ``drill`` and ``housekeeping``: the care of what is kept.

Belongs here: what they ask and print. Does not belong here: the work (lake/).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from steam_assets.settings import Settings

if TYPE_CHECKING:
    from steam_assets.lake.restore import Restored
    from steam_assets.sources.source import Source

SourceOption = Annotated[str | None, typer.Option("--source", help="One source. Default: all.")]
PartitionOption = Annotated[str | None, typer.Option("--partition", help="One partition, YYYY-MM-DD. Default: all.")]


def status(
    source: SourceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object a partition.")] = False,
) -> None:
    """Show every partition: its counts, what is backed up and verified, how fresh each source is, and the gaps."""
    from steam_assets.ingestion.clock import Clock
    from steam_assets.lake.freshness import freshness
    from steam_assets.lake.lake import Lake

    settings = Settings()
    lake, now = Lake(settings), Clock.from_settings(settings).now()
    reports = [freshness(lake, chosen, now) for chosen in _sources(source)]
    if as_json:
        typer.echo(json.dumps([report.to_json() for report in reports], indent=1))
        return
    from steam_assets.commands.partition_table import partition_table

    console = Console()
    console.print(partition_table([p for report in reports for p in report.partitions], f"Kept in {settings.home}"))
    for report in reports:
        console.print(f"{report.source}: {report.summary}", highlight=False)


def verify(source: SourceOption = None, partition: PartitionOption = None) -> None:
    """Read raw and clean data and their backups back, and compare with the ledger. Exit code 1 if any differs."""
    from steam_assets.lake.backup import verify_twins
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.partition_status import SourceLedger

    console, lake = Console(), Lake(Settings())
    todo = [
        (twins, key)
        for chosen in _sources(source)
        for key in SourceLedger.of(lake, chosen).keys
        if partition in (None, key)
        for twins in lake.twins(chosen)
    ]
    if not todo:
        raise typer.BadParameter("there is no such partition; `steam-assets status` shows what there is")
    problems = [p for twins, key in track(todo, "Reading back", console=console) for p in verify_twins(twins, key)]
    partitions = len({(twins.label.partition("/")[0], key) for twins, key in todo})
    _report(console, problems, f"{partitions} partitions and their backups, raw and clean, are as they were written.")


def restore(
    source: SourceOption = None,
    partition: PartitionOption = None,
    to: Annotated[
        str | None, typer.Option(metavar="FOLDER|s3://…", help="Restore to this place instead of the primaries.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace data that differs from its backup.")] = False,
) -> None:
    """Bring partitions back from their backups, raw and clean, and read back what arrived."""
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import Restorer

    console, lake = Console(), Lake(Settings())
    restorer = Restorer.elsewhere(lake, to) if to else Restorer.in_place(lake)
    restored: list[Restored] = []
    for chosen in _sources(source):
        keys = [key for key in restorer.partitions(chosen) if partition in (None, key)]
        for result in restorer.restore(chosen, keys, overwrite=overwrite):
            console.print(f"{result.source} {result.partition_key}: {_arrived(result)}", highlight=False)
            restored.append(result)
    if not restored:
        raise typer.BadParameter("no backup of that; `steam-assets status` shows what there is")
    _report(console, _problems(restored), f"{len(restored)} partitions are back and verified.")
    if to:
        console.print(f"Use them by {restorer.usable_as}", highlight=False, soft_wrap=True)


def drill(source: SourceOption = None) -> None:
    """Prove that the backups restore: into an empty folder, compared, and removed again."""
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import drill as run_drill

    console, lake = Console(), Lake(Settings())
    lake.settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lake.settings.home, prefix="drill-") as folder:
        work = run_drill(lake, _sources(source), Path(folder).absolute())
        restored = list(track(work, "Restoring", console=console))
    if not restored:
        raise typer.BadParameter("there is no backup yet; `steam-assets status` shows what there is")
    _report(console, _problems(restored), f"{len(restored)} partitions restored into an empty place and equal.")


def housekeeping(
    apply: Annotated[bool, typer.Option("--apply", help="Delete. Without it, only say what would be deleted.")] = False,
    keep_days: Annotated[int | None, typer.Option(min=1, help="Default: STEAM_HOUSEKEEPING_KEEP_DAYS (90).")] = None,
) -> None:
    """Clear primaries older than a setting, each only if its backup verifies at that moment. A dry run by default.

    Backups are never touched. A cleared partition comes back by `restore`, or by running its source again.
    """
    from steam_assets.ingestion.clock import Clock
    from steam_assets.lake.housekeeping import Housekeeping
    from steam_assets.lake.lake import Lake

    console, lake = Console(), Lake(Settings())
    days = keep_days or lake.settings.housekeeping_keep_days
    older_than = Clock.from_settings(lake.settings).now() - timedelta(days=days)
    work = Housekeeping(lake, _sources(None), older_than)
    lines = work.apply() if apply else work.plan()
    table = Table(title=f"Began before {older_than:%Y-%m-%d}", title_justify="left", box=None, pad_edge=False)
    for heading in ("what", "partition", "deleted" if apply else "would go", "rows", "why"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(line.label, line.partition_key, "yes" if line.clear else "no", str(line.rows), line.reason)
    console.print(table)
    if not apply:
        console.print("Nothing was deleted. `steam-assets housekeeping --apply` deletes the lines that say yes.")


def _sources(name: str | None) -> Sequence[Source]:
    from steam_assets.sources import SOURCES, source_named

    return (source_named(name),) if name else SOURCES


def _problems(restored: Iterable[Restored]) -> list[str]:
    return [f"{r.source} {r.partition_key}: {problem}" for r in restored for problem in r.problems]


def _arrived(result: Restored) -> str:
    return ", ".join(f"{count} rows of {table}" for table, count in result.rows.items()) or "nothing"


def _report(console: Console, problems: Sequence[str], fine: str) -> None:
    if problems:
        for problem in problems:
            console.print(f"[red]{problem}[/]", highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    console.print(f"[green]{fine}[/]")
