"""``steam-assets status``, ``verify``, ``restore``, ``drill`` and ``housekeeping``: the care of what is kept.

Belongs here: what they ask and print. Does not belong here: the work (lake/).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from steam_assets.commands.partition_options import (
    PartitionOption,
    SourceOption,
    chosen_sources,
    partitions_of,
)
from steam_assets.commands.refresh import say_behind
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import Settings

if TYPE_CHECKING:
    from steam_assets.lake.housekeeping import Line
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import Restored
    from steam_assets.sources.source import Source


def status(
    source: SourceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object a partition.")] = False,
) -> None:
    """Show every partition: its counts, what is backed up and verified, how fresh each source is, and the gaps."""
    from steam_assets.clock import Clock
    from steam_assets.lake.freshness import freshness
    from steam_assets.lake.lake import Lake

    settings = Settings()
    lake, now = Lake(settings), Clock.from_settings(settings).now()
    reports = [freshness(lake, chosen, now) for chosen in chosen_sources(source)]
    if as_json:
        typer.echo(json.dumps([report.to_json() for report in reports], indent=1))
        return
    from steam_assets.commands.partition_table import partition_table, table_console

    console = table_console()
    shown = [p for report in reports for p in report.partitions]
    console.print(partition_table(shown, f"Kept in {settings.home}", console.width))
    for report in reports:
        console.print(f"{report.source}: {report.summary}", highlight=False, markup=False)
    say_behind(lake, console)


def verify(source: SourceOption = None, partition: PartitionOption = None) -> None:
    """Read raw and clean data and their backups back, and compare with the ledger. Exit code 1 if any differs."""
    from steam_assets.lake.backup import verify_twins
    from steam_assets.lake.lake import Lake

    console, lake = Console(), Lake(Settings())
    asked = _asked(lake, source, partition, _kept, "there is no such partition")
    todo = [(twins, key) for chosen, keys in asked for key in keys for twins in lake.twins(chosen)]
    problems = [p for twins, key in track(todo, "Reading back", console=console) for p in verify_twins(twins, key)]
    partitions = sum(len(keys) for _, keys in asked)
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
    from steam_assets.lake.restore import Restorer, backed_up_partitions

    console, lake = Console(), Lake(Settings())
    asked = _asked(lake, source, partition, backed_up_partitions, "there is no backup")
    restorer = Restorer.elsewhere(lake, to) if to else Restorer.in_place(lake)
    restored: list[Restored] = []
    for chosen, keys in asked:
        for result in restorer.restore(chosen, keys, overwrite=overwrite):
            console.print(f"{result.source} {result.partition_key}: {_arrived(result)}", markup=False, highlight=False)
            restored.append(result)
    _report(console, _problems(restored), f"{len(restored)} partitions are back and verified.")
    if to:
        console.print(f"Use them by {restorer.usable_as}", markup=False, highlight=False, soft_wrap=True)
    else:
        say_behind(lake, console)


def drill(source: SourceOption = None) -> None:
    """Prove that the backups restore: into an empty folder, compared, and removed again."""
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import backed_up_partitions
    from steam_assets.lake.restore import drill as run_drill

    console, lake = Console(), Lake(Settings())
    asked = _asked(lake, source, None, backed_up_partitions, "there is no backup")
    lake.settings.home.mkdir(parents=True, exist_ok=True)
    with temporary_folder("drill-", lake.settings.home) as folder:
        work = run_drill(lake, [chosen for chosen, _ in asked], folder.absolute())
        restored = list(track(work, "Restoring", console=console))
    _report(console, _problems(restored), f"{len(restored)} partitions restored into an empty place and equal.")


def housekeeping(
    apply: Annotated[bool, typer.Option("--apply", help="Delete. Without it, only say what would be deleted.")] = False,
    keep_days: Annotated[int | None, typer.Option(min=1, help="Default: STEAM_HOUSEKEEPING_KEEP_DAYS (90).")] = None,
) -> None:
    """Clear primaries older than a setting, each only if its backup verifies at that moment. A dry run by default.

    Backups are never touched. A cleared partition comes back by `restore`, or by running its source again.
    """
    from steam_assets.clock import Clock
    from steam_assets.commands.partition_table import KEY_WIDTH, table_console
    from steam_assets.lake.housekeeping import Housekeeping
    from steam_assets.lake.lake import Lake

    console, lake = table_console(), Lake(Settings())
    days = keep_days or lake.settings.housekeeping_keep_days
    older_than = Clock.from_settings(lake.settings).now() - timedelta(days=days)
    work = Housekeeping(lake, chosen_sources(None), older_than)
    lines = work.apply() if apply else work.plan()
    console.print(f"Began before {older_than:%Y-%m-%d}:" if lines else "There are no primaries.")
    for heading, group in _by_reason(lines, applied=apply).items():
        console.print(heading, style="bold", markup=False, highlight=False)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold", min_width=KEY_WIDTH)
        table.add_column(overflow="fold", justify="right")
        for line in group:
            table.add_row(line.label, line.partition_key, f"{line.rows} rows")
        console.print(table)
    if not apply:
        console.print("Nothing was deleted. `steam-assets housekeeping --apply` deletes what would go.")


def _by_reason(lines: Iterable[Line], *, applied: bool) -> dict[str, list[Line]]:
    """The lines by what happens to them and why, in words; what goes first."""
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: not line.clear):
        what = ("Deleted" if applied else "Would go") if line.clear else "Kept"
        found.setdefault(f"{what}: {line.reason}", []).append(line)
    return found


def _kept(lake: Lake, source: Source) -> list[str]:
    """Keys of the partitions of which anything is kept."""
    from steam_assets.lake.partition_status import SourceLedger

    return SourceLedger.of(lake, source).keys


def _asked(
    lake: Lake, source: str | None, partition: str | None, kept: Callable[[Lake, Source], Iterable[str]], what: str
) -> list[tuple[Source, list[str]]]:
    """The sources with those of their ``kept`` partitions that are asked for. BadParameter if there is none."""
    from steam_assets.clock import Clock

    found = [(chosen, list(kept(lake, chosen))) for chosen in chosen_sources(source)]
    if partition is not None:
        there = {key for _, keys in found for key in keys}
        cadences = [chosen.cadence for chosen, _ in found]
        wanted = partitions_of(partition, cadences, Clock.from_settings(lake.settings).now(), kept=there)
        found = [(chosen, [key for key in keys if key == wanted.get(chosen.cadence)]) for chosen, keys in found]
    found = [(chosen, keys) for chosen, keys in found if keys]
    if not found:
        named = " ".join(part for part in (source, partition) if part)
        raise typer.BadParameter(f"{what}{f' ({named})' if named else ''}; `steam-assets status` shows what there is")
    return found


def _problems(restored: Iterable[Restored]) -> list[str]:
    return [f"{r.source} {r.partition_key}: {problem}" for r in restored for problem in r.problems]


def _arrived(result: Restored) -> str:
    return ", ".join(f"{count} rows of {table}" for table, count in result.rows.items()) or "nothing"


def _report(console: Console, problems: Sequence[str], fine: str) -> None:
    if problems:
        for problem in problems:
            console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    console.print(f"[green]{fine}[/]")
