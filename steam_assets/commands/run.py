"""``steam-assets run``: fetch and clean one partition, or backfill a range.

Belongs here: the options and the progress display. Does not belong here: the runs (orchestration/launch.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import STAGES, not_among, source_names, stage_names
from steam_assets.commands.counted import counted
from steam_assets.commands.local_broker import broker_for
from steam_assets.commands.partition_options import partition_range
from steam_assets.commands.preflight import require_kafka, require_spark, writable_settings
from steam_assets.commands.refresh import refresh_stale, warn_if_stale
from steam_assets.commands.terminal import Terminal, partition_progress

if TYPE_CHECKING:
    from steam_assets.lake.lake import Lake
    from steam_assets.orchestration.launch import Finished, Launcher
    from steam_assets.orchestration.stages import Stage
    from steam_assets.settings import Settings
    from steam_assets.sources.source import Source


JUDGED = 5
"""From how many partitions the pace of a range is judged."""


def _targets(incomplete: str = "") -> list[str]:
    """Sources and cadences whose names start with ``incomplete``."""
    from steam_assets.sources.cadence import Cadence

    return source_names(incomplete) + [c.value for c in Cadence if c.value.startswith(incomplete)]


def run(
    target: Annotated[
        str,
        typer.Argument(help="The name of a source, or a cadence: daily, weekly, monthly.", autocompletion=_targets),
    ],
    first: Annotated[
        str | None,
        typer.Option("--from", help="First partition, YYYY-MM-DD or YYYY-MM. Default: the newest."),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition. Default: the same as --from.")] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only this stage ({', '.join(STAGES)}); may be repeated. Default: all.", autocompletion=stage_names
        ),
    ] = None,
    apps: Annotated[str, typer.Option(help="App ids, comma-separated, for sources that are fetched app by app.")] = "",
    refetch: Annotated[bool, typer.Option(help="Fetch raw partitions again even if they exist.")] = False,
    refresh: Annotated[
        bool | None,
        typer.Option("--refresh/--no-refresh", help="Refresh insights and dashboard. Default: if all stages run."),
    ] = None,
) -> None:
    """Run a source, or all sources of a cadence, for one partition or a range.

    Existing raw partitions are kept. With --refetch, a newer chart replaces the older one as a whole, and newer items
    replace older ones. The later stages process the whole range in one Spark job. After all stages have run, the
    insights, dashboard and exports of what changed are refreshed.
    """
    chosen, wanted = _sources(target), _app_ids(apps)
    _check_stages(stage or ())
    settings = writable_settings()
    from steam_assets.clock import Clock

    console, now = Terminal(), Clock.from_settings(settings).now()
    asked = [(source, _keys(source, first, last, now)) for source in chosen]
    if "raw" in (stage or STAGES):
        require_kafka(settings)
    if set(stage or STAGES) - {"raw"}:
        require_spark(settings)
    refreshes = not stage if refresh is None else refresh
    settings = with_spark_for(chosen, stage or STAGES, refreshes, settings)
    from steam_assets.commands.disk_need import require_space
    from steam_assets.lake.lake import Lake
    from steam_assets.orchestration.launch import Launcher, RunFailed, local_instance
    from steam_assets.orchestration.stages import Stage

    stages, lake = [Stage(name) for name in stage] if stage else list(Stage), Lake(settings)
    if Stage.RAW in stages:
        require_space(lake, asked, console)
    # Only the raw stage needs Kafka; the others save the seconds that it takes to start.
    kafka = broker_for(settings, shared=True) if Stage.RAW in stages else nullcontext()
    with kafka, local_instance(settings) as instance:
        from steam_assets.orchestration.build import build_defs

        launcher = Launcher(build_defs(settings=settings), instance)
        try:
            for source, keys in asked:
                _run_source(launcher, source, stages, keys, apps=wanted, refetch=refetch, console=console)
        except RunFailed:
            warn_if_stale(lake, console)
            raise
        if refreshes:
            refresh_stale(launcher, lake, console)
    _show(lake, asked, console)
    warn_if_stale(lake, console)


def with_spark_for(chosen: Sequence[Source], stages: Sequence[str], refreshes: bool, settings: Settings) -> Settings:
    """The settings with a Spark that suits the work; if the first stage needs it, it is started in the background."""
    # A source that is fetched app by app may have any number of items, and insights may need the whole lake.
    if not refreshes and not any(source.app_by_app for source in chosen):
        from steam_assets.spark.light_driver import with_light_driver

        settings = with_light_driver(settings)
    if "clean" in stages and "raw" not in stages:
        # It takes as long to start as the imports of a run. Fetching may take hours; backups need no Spark.
        from steam_assets.spark.early_session import begin_session

        begin_session(settings)
    return settings


def _run_source(
    launcher: Launcher,
    source: Source,
    stages: Sequence[Stage],
    keys: Sequence[str],
    *,
    apps: Sequence[int],
    refetch: bool,
    console: Terminal,
) -> None:
    from steam_assets.orchestration.launch import RunFailed

    try:
        run_range(launcher, source, stages, keys, apps=apps, refetch=refetch, console=console)
    except RunFailed as error:
        raise RunFailed(f"{source.name}: {error}", error.details) from error


def run_range(
    launcher: Launcher,
    source: Source,
    stages: Sequence[Stage],
    keys: Sequence[str],
    *,
    apps: Sequence[int],
    refetch: bool = False,
    console: Terminal,
) -> None:
    """Run raw of the range, then the later stages of what was landed, each in one run.

    Raises RunFailed; the stages of partitions that did not fail are done by then.
    """
    from rich.text import Text

    from steam_assets.orchestration.launch import RunFailed
    from steam_assets.orchestration.stages import Stage

    later, failure, checks = [stage for stage in stages if stage is not Stage.RAW], None, list[str]()
    with partition_progress(console) as progress:
        task = progress.add_task(source.title, total=(len(keys) if Stage.RAW in stages else 0) + bool(later))

        pace = Pace(len(keys))

        def begins(_source: Source, key: str) -> None:
            place = keys.index(key)
            doing = f"{source.title} {key}: raw{pace.left_from(place)}"
            progress.update(task, description=doing, completed=place)

        landed = keys
        if Stage.RAW in stages:
            try:
                done = launcher.range(source, (Stage.RAW,), keys, apps=apps, refetch=refetch, begins=begins)
                checks += _with_kept_named(source, done, console)
            except RunFailed as error:
                # Partitions that are there need not wait for those that are not.
                landed, failure = error.committed(source, Stage.RAW), error
        if later and landed:
            progress.update(
                task, description=f"{source.title}: {', '.join(later)} of {counted(len(landed), 'partition')}"
            )
            try:
                checks += launcher.later_stages(source, later, landed)
            except RunFailed as error:
                failure = RunFailed.of([failure, error]) if failure else error
        progress.update(task, completed=progress.tasks[task].total)
    for check in checks:
        console.print(Text("check failed:", "yellow"), check)
    if failure:
        raise failure


class Pace:
    """How long it takes until all partitions of a range are fetched, judged by its last few.

    Partitions that are in Kafka already take no time, so that an earlier average would promise too much.
    """

    def __init__(self, total: int, clock: Callable[[], float] = monotonic) -> None:
        self._total = total
        self._clock = clock
        self._begun = deque[tuple[int, float]](maxlen=JUDGED + 1)

    def left_from(self, place: int) -> str:
        """``, 0:17:20 left`` as the partition at ``place`` (from 0) begins; nothing as the first does."""
        now = self._clock()
        self._begun.append((place, now))
        first, began = self._begun[0]
        if place <= first:
            return ""
        return f", {timedelta(seconds=round((now - began) / (place - first) * (self._total - place)))} left"


def _with_kept_named(source: Source, done: Finished, console: Terminal) -> list[str]:
    for key in done.kept:
        console.print(f"{source.name} {key}: already there, kept (--refetch fetches it again)")
    return done.failed_checks


def _sources(target: str) -> list[Source]:
    from steam_assets.sources import SOURCES

    chosen = [s for s in SOURCES if target in (s.name, s.cadence.value)]
    if not chosen:
        raise not_among(target, _targets(), "source or cadence", "TARGET")
    return chosen


def _app_ids(text: str) -> list[int]:
    from steam_assets.sources.lists import LARGEST_APP_ID

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() and 0 < int(part) <= LARGEST_APP_ID for part in parts):
        raise typer.BadParameter(
            f"{text!r} is not a list of app ids; write them comma-separated, such as 730,570", param_hint="--apps"
        )
    return [int(part) for part in parts]


def _check_stages(names: Sequence[str]) -> None:
    for name in names:
        if name not in STAGES:
            raise not_among(name, STAGES, "stage", "--stage")


def _keys(source: Source, first: str | None, last: str | None, now: datetime) -> list[str]:
    from steam_assets.sources.source import History

    newest = source.cadence.containing(now) if source.history is History.LIVE else source.cadence.latest_finished(now)
    return partition_range(first, last, source.cadence, now, newest.key)


def _show(lake: Lake, asked: Sequence[tuple[Source, Sequence[str]]], console: Terminal) -> None:
    from steam_assets.commands.partition_table import partition_table
    from steam_assets.ledger.partition_status import SourceLedger

    shown = [status for source, keys in asked for status in map(SourceLedger.of(lake, source).status, keys)]
    console.print(partition_table(shown, "Partitions", console.width))
