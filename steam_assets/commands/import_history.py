"""``steam-assets import-history``: imports the old pipeline's folders under their own dates.

Belongs here: the options, the runs that clean what was imported, and the report. Does not belong here: reading the
files (ingestion/history/).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from steam_assets.commands.counted import counted
from steam_assets.commands.preflight import writable_settings
from steam_assets.commands.refresh import refresh_stale, warn_if_stale
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.ingestion.history.importing import ImportLine
    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.partition_status import PartitionStatus
    from steam_assets.orchestration.launch import RunFailed
    from steam_assets.sources.source import Source


def import_history(
    folder: Annotated[Path, typer.Argument(help="The old pipeline's folder (its data/, or the whole checkout).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be imported.")] = False,
    clean: Annotated[bool, typer.Option(help="Back up and clean what was imported, one run per range.")] = True,
    refresh: Annotated[bool, typer.Option(help="Refresh insights, dashboard and exports afterwards.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable report: one object per line of the report.")
    ] = False,
) -> None:
    """Import the CSV and JSON files of the old pipeline (2023) as raw data of their own dates, and clean them.

    Importing again changes nothing. What a file does not contain (app ids, hours, other alphabets) is marked as
    unknown, never guessed.
    """
    _require_files(folder)
    settings = writable_settings()
    from steam_assets.clock import Clock
    from steam_assets.ingestion.history.importing import import_folder
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.roots import refusal_to_mix

    if refusal := refusal_to_mix(settings, "imported ones"):
        raise typer.BadParameter(refusal)
    console, lake = Terminal(stderr=as_json), Lake(settings)
    lines = import_folder(lake, folder, Clock.from_settings(settings).now(), dry_run=dry_run)
    taken = [line for line in lines if line.partition_key]
    failure = _clean(lake, lines, console, refresh=refresh) if clean and taken and not dry_run else None
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in lines], indent=1))
    else:
        if taken:
            console.print(report(lines, dry_run=dry_run))
        console.print(totals(lines), soft_wrap=True)
        for line in left_out(lines):
            console.print(line, soft_wrap=True)
        if taken and not dry_run:
            _show_partitions(lake, lines, console)
    if not taken:
        raise _nothing_in(folder)
    if failure:
        raise failure


def _require_files(folder: Path) -> None:
    if not folder.is_dir():
        problem = f"{folder} is not a folder; name the one with the old pipeline's data"
        raise typer.BadParameter(problem, param_hint="FOLDER")
    from steam_assets.ingestion.history.importing import files_in

    if not files_in(folder):
        raise _nothing_in(folder)


def _nothing_in(folder: Path) -> typer.BadParameter:
    from steam_assets.ingestion.history.layouts import EXPECTED

    problem = f"nothing in {folder} can be imported; expected files named like {EXPECTED}"
    return typer.BadParameter(problem, param_hint="FOLDER")


def _clean(lake: Lake, lines: Sequence[ImportLine], console: Terminal, *, refresh: bool) -> RunFailed | None:
    """Clean what was imported; the failure of those partitions that could not be cleaned."""
    from steam_assets.orchestration.build import build_defs
    from steam_assets.orchestration.launch import Launcher, RunFailed, local_instance
    from steam_assets.orchestration.stages import AFTER_RAW

    settings, failures = lake.settings, list[RunFailed]()
    with local_instance(settings) as instance:
        launcher = Launcher(build_defs(settings=settings), instance)
        for source, keys in _unfinished(lake, lines):
            try:
                with console.status(f"Cleaning {source.name}, {counted(len(keys), 'partition')}"):
                    launcher.later_stages(source, AFTER_RAW, keys)
            except RunFailed as error:
                failures.append(error)
                if not error.permanent:
                    break
        if refresh and not failures:
            refresh_stale(launcher, lake, console)
    warn_if_stale(lake, console)
    if not failures:
        return None
    failed = RunFailed.of(failures)
    more = "" if failed.permanent else "; run the command again to continue"
    return RunFailed(f"{failed}. The raw data was imported{more}", failed.details)


def _unfinished(lake: Lake, lines: Sequence[ImportLine]) -> Iterable[tuple[Source, list[str]]]:
    from steam_assets.ledger.partition_status import SourceLedger

    for source, keys in _partitions(lines):
        ledger = SourceLedger.of(lake, source)
        # Partitions cleared by housekeeping since, or whose batches are excluded, have no raw data to clean.
        todo = [key for key in keys if key in ledger.raw and _is_unfinished(ledger.status(key))]
        if todo:
            yield source, todo


def _is_unfinished(status: PartitionStatus) -> bool:
    done = all(table.current and table.backed_up for table in status.tables if table.record)
    return not status.up_to_date and (status.raw_present or not done)


def _partitions(lines: Sequence[ImportLine]) -> list[tuple[Source, list[str]]]:
    from steam_assets.sources import SOURCES

    return [
        (source, sorted({line.partition_key for line in lines if line.source == source.name and line.partition_key}))
        for source in SOURCES
    ]


def report(lines: Sequence[ImportLine], *, dry_run: bool) -> Table:
    """One line per part of a file that belongs to a source: its target, and how much of it is usable."""
    table = Table(title="Would be imported" if dry_run else "Imported", title_justify="left", box=None)
    table.add_column("file", overflow="fold")
    table.add_column("belongs to", overflow="fold")
    for heading in ("rows", "usable", "not"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why not", overflow="fold")
    for line in (line for line in lines if line.source):
        belongs = f"{line.source} {line.partition_key or ''}".strip() + (" (exists)" if line.there else "")
        why = "; ".join(line.left_out)
        table.add_row(line.file, belongs, str(line.rows), str(line.usable), str(line.rows - line.usable), why)
    return table


def totals(lines: Sequence[ImportLine]) -> str:
    """The totals in one sentence: rows = usable + for quarantine + not imported."""
    kept = [line for line in lines if line.partition_key]
    usable, raw = sum(line.usable for line in kept), sum(line.rows for line in kept)
    outside = sum(line.rows for line in lines) - raw
    left = len({line.file for line in lines if not line.partition_key and not line.rows})
    return (
        f"{counted(raw + outside, 'row')}: {usable} usable, {raw - usable} kept in raw for quarantine, {outside} not "
        f"imported. {counted(left, 'file')} skipped."
    )


def left_out(lines: Sequence[ImportLine]) -> list[str]:
    """What was not imported: one line per source and reason, with the number of files and rows and some names."""
    found: dict[tuple[str, str], list[ImportLine]] = {}
    for line in lines:
        if not line.partition_key:
            for reason in line.left_out:
                found.setdefault((line.source or "", reason), []).append(line)
    return [_left_out(source, reason, group) for (source, reason), group in found.items()]


def _left_out(source: str, reason: str, lines: Sequence[ImportLine]) -> str:
    names = list(dict.fromkeys(line.file for line in lines))
    some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    rows = sum(line.left_out[reason] for line in lines)
    found = counted(len(names), "file") + (f", {counted(rows, 'row')}" if rows else "")
    return f"Not imported: {found}{f' of {source}' if source else ''} ({some}): {reason}"


def _show_partitions(lake: Lake, lines: Sequence[ImportLine], console: Terminal) -> None:
    from steam_assets.commands.partition_table import partition_table
    from steam_assets.ledger.partition_status import SourceLedger

    shown = [
        status for source, keys in _partitions(lines) for status in map(SourceLedger.of(lake, source).status, keys)
    ]
    console.print(partition_table(shown, "Partitions", console.width))
