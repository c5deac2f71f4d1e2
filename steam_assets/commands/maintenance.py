"""``steam-assets verify``, ``restore``, ``drill`` and ``housekeeping``: maintenance of stored data.

Belongs here: what they prompt for and print. Does not belong here: the work (lake/).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from steam_assets.commands.common_options import HomeOption, PartitionOption, SourceOption, chosen_sources
from steam_assets.commands.counted import counted
from steam_assets.commands.partition_options import partitions_of
from steam_assets.commands.preflight import opened_settings
from steam_assets.commands.refresh import warn_if_stale
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.lake.housekeeping import Line
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import Restored
    from steam_assets.settings import Settings
    from steam_assets.sources.source import Source


def verify(source: SourceOption = None, partition: PartitionOption = None, home: HomeOption = None) -> None:
    """Read raw and clean data and their backups, and compare them with the ledger. Exit code 1 if anything differs.

    Without --source and --partition it reads insights and quarantines, too.
    """
    chosen_sources(source)
    settings = opened_settings(home)
    from rich.progress import track

    from steam_assets.lake.backup import verify_twins
    from steam_assets.lake.commit_groups import groups
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.table_problems import table_problems

    console, lake = Terminal(), Lake(settings)
    asked = _asked(lake, source, partition, _kept, "there is no such partition")
    todo = [(twins, group) for chosen, keys in asked for twins in lake.twins(chosen) for group in groups(keys, {})]
    read = ((planned, key) for twins, group in todo for planned in [twins.planned(group)] for key in group)
    shown = track(read, "Reading back", sum(len(group) for _, group in todo), console=console)
    problems = [problem for twins, key in shown for problem in verify_twins(twins, key)]
    if partition is None:
        tables = (twins for chosen, _ in asked for twins in lake.twins(chosen))
        problems += [problem for twins in tables for problem in table_problems(lake, twins)]
    if source is None and partition is None:
        problems += _unreadable(settings, console)
    if problems:
        problems += _overwritten(settings)
    partitions = sum(len(keys) for _, keys in asked)
    _report(
        console,
        problems,
        f"{counted(partitions, 'partition')} verified: raw and clean data and their backups are intact.",
    )


def restore(
    source: SourceOption = None,
    partition: PartitionOption = None,
    to: Annotated[
        str | None, typer.Option(metavar="FOLDER|s3://…", help="Restore to this location instead of the primaries.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace data that differs from its backup.")] = False,
    first_versions: Annotated[
        bool,
        typer.Option(
            "--first-versions", help="On S3: first restore overwritten backup files to their original versions."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Restore everything without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Restore raw and clean partitions from their backups, and verify them by reading them back.

    Without --source and --partition it shows what would be restored, and asks for confirmation.
    """
    chosen_sources(source)
    settings = opened_settings(home)
    if to is not None:
        _require_place(settings, to)
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.restore import Restorer, backed_up_partitions

    console = Terminal()
    if first_versions:
        _put_back(settings, console)
    lake = Lake(settings)
    asked = _asked(lake, source, partition, backed_up_partitions, "there is no backup")
    if source is None and partition is None and not yes:
        _ask(console, lake, asked, to)
    restorer = Restorer.elsewhere(lake, to) if to else Restorer.in_place(lake)
    restored: list[Restored] = []
    for chosen, keys in asked:
        for result in restorer.restore(chosen, keys, overwrite=overwrite):
            console.print(f"{result.source} {result.partition_key}: {_arrived(result)}")
            restored.append(result)
    _report(console, _problems(restored), f"{counted(len(restored), 'partition')} restored and verified.")
    if to:
        console.print(f"To use them, set {restorer.usable_as}", soft_wrap=True)
    else:
        warn_if_stale(lake, console)


def _require_place(settings: Settings, to: str) -> None:
    """Raise BadParameter or UnsafeRoot for an address on S3 to which nothing can be restored."""
    from steam_assets.lake.roots import on_s3, refuse_beside

    refuse_beside(to, settings)
    if on_s3(to):
        from steam_assets.commands.s3_access import require_bucket

        require_bucket(settings, to, "--to")


def drill(
    source: SourceOption = None,
    losses: Annotated[
        bool, typer.Option("--losses", help="Then also lose each part of that copy in turn, and recover it.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Prove that the backups can be restored: restore them into an empty folder, compare, and remove the folder."""
    chosen_sources(source)
    settings = opened_settings(home)
    from rich.progress import track

    from steam_assets.clock import Clock
    from steam_assets.commands.lost_services import Services
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.loss_drill import all_in, lose_by_turns
    from steam_assets.lake.restore import backed_up_partitions
    from steam_assets.lake.restore import drill as run_drill
    from steam_assets.processes.temporary_folders import temporary_folder
    from steam_assets.settings import private_folder

    console, lake = Terminal(), Lake(settings)
    asked = _asked(lake, source, None, backed_up_partitions, "there is no backup")
    private_folder(lake.settings.home)
    with temporary_folder("drill-", lake.settings.home) as folder:
        sources = [chosen for chosen, _ in asked]
        restored = list(track(run_drill(lake, sources, folder.absolute()), "Restoring", console=console))
        problems = _problems(restored)
        if losses and not problems:
            problems += _lost_keys(lake, sources)
            oldest, keys = asked[0]
            services = Services(all_in(settings, folder), folder.absolute(), oldest, keys[0])
            for turn in lose_by_turns(lake, sources, folder, Clock.from_settings(settings).now(), services.turns()):
                console.print(f"{turn.lost}: lost, and {'NOT ' if turn.problems else ''}recovered", soft_wrap=True)
                problems += turn.problems
    _report(
        console, problems, f"{counted(len(restored), 'partition')} restored into an empty folder, with equal content."
    )


def housekeeping(
    apply: Annotated[
        bool, typer.Option("--apply", help="Delete. Without it, only list what would be deleted.")
    ] = False,
    keep_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Default: STEAM_HOUSEKEEPING_KEEP_DAYS (90).")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Delete primaries older than the setting, each only after its backup has been verified. A dry run by default.

    Backups are never changed. To get a deleted partition back, use `restore` or run its source again.
    """
    settings = opened_settings(home)
    from steam_assets.clock import Clock
    from steam_assets.commands.partition_table import KEY_WIDTH, table_console
    from steam_assets.lake.housekeeping import Housekeeping
    from steam_assets.lake.lake import Lake

    console, lake = table_console(), Lake(settings)
    days = keep_days or lake.settings.housekeeping_keep_days
    older_than = Clock.from_settings(lake.settings).now() - timedelta(days=days)
    work = Housekeeping(lake, chosen_sources(None), older_than)
    lines = work.apply() if apply else work.plan()
    console.print(
        f"Primary partitions, deleted if they began before {older_than:%Y-%m-%d}:"
        if lines
        else "There are no primary partitions."
    )
    for heading, group in _by_reason(lines, applied=apply).items():
        console.print(heading, style="bold")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold", min_width=KEY_WIDTH)
        table.add_column(overflow="fold", justify="right")
        for line in group:
            table.add_row(line.label, line.partition_key, f"{line.rows} rows")
        console.print(table)
    if not apply:
        console.print("Nothing was deleted. To delete, run `steam-assets housekeeping --apply`.")


def _lost_keys(lake: Lake, sources: Iterable[Source]) -> list[str]:
    """Why the reviewers' key is not that of the pseudonyms in the clean tables, if it is not."""
    from steam_assets.spark.reviewer_key import OtherKey, key_for

    try:
        for source in sources:
            if any(table.pseudonymous and lake.clean(table).load() for table in source.tables):
                key_for(lake, source, ())
    except OtherKey as error:
        return [str(error)]
    return []


def _unreadable(settings: Settings, console: Terminal) -> list[str]:
    """One line per insight or quarantine that cannot be read; they have no backup to compare them with."""
    from rich.progress import track

    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.table_names import is_computed
    from steam_assets.lake.unreadable_tables import damage_of, next_step

    reader, problems = CleanReader(settings), list[str]()
    names = list(filter(is_computed, Lake(settings).table_names("clean")))
    for name in track(names, "Reading insights and quarantines", console=console):
        table = reader.table(name)
        if table and (damage := damage_of(table)):
            problems.append(f"{name}: {damage}; {next_step(table)}")
    return problems


def _overwritten(settings: Settings) -> list[str]:
    """One line per backup file on S3 of which an earlier version is kept."""
    from steam_assets.lake.first_versions import overwritten
    from steam_assets.lake.roots import BACKUPS

    found = [file for root in BACKUPS for file in overwritten(settings, root)]
    lines = [f"{file.address} was overwritten; its first version is {file.first}" for file in found]
    more = f"{counted(len(found), 'file')} can be restored: `steam-assets restore --first-versions` keeps all versions"
    return [*lines, more] if found else []


def _put_back(settings: Settings, console: Terminal) -> None:
    from steam_assets.lake.first_versions import overwritten, put_back
    from steam_assets.lake.roots import BACKUPS

    for file in [file for root in BACKUPS for file in overwritten(settings, root)]:
        put_back(settings, file)
        console.print(f"{file.address}: its first version was restored", soft_wrap=True)


def _by_reason(lines: Iterable[Line], *, applied: bool) -> dict[str, list[Line]]:
    """The lines grouped by outcome and reason; deletions first."""
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: not line.clear):
        what = ("Deleted" if applied else "Would be deleted") if line.clear else "Kept"
        found.setdefault(f"{what}: {line.reason}", []).append(line)
    return found


def _kept(lake: Lake, source: Source) -> list[str]:
    """Keys of the partitions of which any data exists."""
    from steam_assets.ledger.partition_status import SourceLedger

    return SourceLedger.of(lake, source).keys


def _asked(
    lake: Lake, source: str | None, partition: str | None, kept: Callable[[Lake, Source], Iterable[str]], what: str
) -> list[tuple[Source, list[str]]]:
    """The sources with their selected ``kept`` partitions. Raises BadParameter if there are none."""
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
        raise typer.BadParameter(f"{what}{f' ({named})' if named else ''}; `steam-assets status` lists the partitions")
    return found


def _ask(console: Terminal, lake: Lake, asked: Sequence[tuple[Source, list[str]]], to: str | None) -> None:
    """Show what would be restored and ask for confirmation. Raises BadParameter without a terminal."""
    from steam_assets.ledger.partition_status import SourceLedger

    console.print(f"Would be restored to {to or 'the primaries'}:")
    for source, keys in asked:
        ledger = SourceLedger.of(lake, source)
        gone = [key for key in keys if not ledger.status(key).up_to_date]
        missing = "" if to else f"; missing here or different: {len(gone)}"
        ranges = ", ".join(source.cadence.ranges_in_words(keys))
        line = f"  {source.name}: {counted(len(keys), 'partition')} ({ranges}){missing}"
        console.print(line, soft_wrap=True)
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "restoring everything needs confirmation, but this is not a terminal; type "
            "steam-assets restore --yes, or name a --source or --partition"
        )
    if not typer.confirm("Restore them?"):
        console.print("Nothing was restored.")
        raise typer.Exit(1)


def _problems(restored: Iterable[Restored]) -> list[str]:
    return [f"{r.source} {r.partition_key}: {problem}" for r in restored for problem in r.problems]


def _arrived(result: Restored) -> str:
    return ", ".join(f"{counted(count, 'row')} of {table}" for table, count in result.rows.items()) or "nothing"


def _report(console: Terminal, problems: Sequence[str], fine: str) -> None:
    if problems:
        for problem in problems:
            console.print(problem, style="red", soft_wrap=True)
        raise typer.Exit(1)
    console.print(fine, style="green")
