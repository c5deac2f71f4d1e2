"""``steam-assets demo``: the whole pipeline on this machine, against the simulator or recorded responses.

Belongs here: what the demo runs and shows. Does not belong here: any part of the pipeline itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.preflight import require_writable
from steam_assets.commands.recordings import nothing_recorded, recorded_in, show_left_out
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from steam_assets.clock import Clock
    from steam_assets.ledger.partition_status import PartitionStatus
    from steam_assets.orchestration.launch import Launcher
    from steam_assets.settings import Settings
    from steam_assets.simulator import Simulator
    from steam_assets.simulator.replay import LeftOut, Recording
    from steam_assets.sources.cadence import Window
    from steam_assets.sources.source import Source

AS_OF = datetime(2026, 11, 18, 21, tzinfo=UTC)
"""The demo's current time: a Wednesday, when the last week (from Tuesday) and the last month are published."""

RECORDED_WEEKS = 4
"""Maximum number of recorded partitions that are replayed of a source that is fetched app by app."""

SAMPLED_EVERY = 120
"""Minutes between two samples of a source that takes them through the day; every one is a run."""

SIMULATOR_RATE = 500.0
"""Requests per second; the simulator is ours, so Steam's rate limits would only slow the demo down."""


@dataclass(frozen=True)
class Step:
    """A raw partition to fetch, the simulated time (UTC) to fetch it at, and its apps (empty: the week's chart)."""

    source: Source
    key: str
    now: datetime
    apps: tuple[int, ...] = ()


def demo(
    replay: Annotated[
        Path | None, typer.Option(help="Use the recorded responses in this folder instead of synthetic data.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Where to store everything. Default: STEAM_HOME/demo.")] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="Daily partitions.")] = 3,
    weeks: Annotated[int, typer.Option(min=1, max=60, help="Weekly partitions.")] = 2,
    months: Annotated[int, typer.Option(min=1, max=2, help="Monthly partitions.")] = 1,
    apps: Annotated[int, typer.Option(min=10, max=100, help="Games on the simulated charts.")] = 100,
) -> None:
    """Run the whole pipeline on this machine (Kafka, Spark, verified backups), without contacting the real sources.

    A second run finds everything in place and changes nothing.
    """
    from steam_assets.settings import Settings

    where = home or Settings().home / ("replay" if replay else "demo")
    require_writable(where, "--home")
    from steam_assets.java.jvm import find_java
    from steam_assets.simulator import Simulator

    console = Terminal()
    steps, left = _replayed(replay) if replay else (_steps(days, weeks, months), [])
    find_java()
    with Simulator(seed=7, apps=apps, replay=replay) as simulator:
        DemoRun(_settings(where, simulator.url), simulator, console).run(steps, left)


def _replayed(folder: Path) -> tuple[list[Step], list[LeftOut]]:
    recording = recorded_in(folder)
    steps, left = _recorded_steps(recording)
    left = [*left, *recording.left_out]
    if not steps:
        raise nothing_recorded(folder, left)
    return steps, left


def _settings(home: Path, simulator_url: str) -> Settings:
    from steam_assets.extraction.hosts import served_by
    from steam_assets.kafka.embedded_broker import free_port
    from steam_assets.settings import Settings

    return Settings(
        home=home,
        # The demo must not use the broker of a running `make dev`.
        embedded_kafka_port=free_port(),
        **served_by(simulator_url, SIMULATOR_RATE),
    )


def _steps(days: int, weeks: int, months: int) -> list[Step]:
    """The newest windows of each source at ``AS_OF``; a live source is fetched inside each of its windows."""
    from steam_assets.sources import SOURCES
    from steam_assets.sources.cadence import Cadence

    how_many = {Cadence.DAILY: days, Cadence.WEEKLY: weeks, Cadence.MONTHLY: months}
    steps = []
    for source in SOURCES:
        windows: list[Window] = []
        most = sys.maxsize if source.demo_partitions is None else source.demo_partitions
        while len(windows) < min(how_many[source.cadence], most):
            windows.append(source.cadence.latest_finished(windows[-1].start if windows else AS_OF))
        steps += [Step(source, window.key, now) for window in reversed(windows) for now in _moments(source, window)]
    return steps


def _moments(source: Source, window: Window) -> list[datetime]:
    """When to fetch a window: a live source within it, and one that takes samples many times."""
    from steam_assets.sources.sampling import minutes_of_day
    from steam_assets.sources.source import History

    if source.sampled_every:
        return [window.start + timedelta(minutes=minutes) for minutes in minutes_of_day(SAMPLED_EVERY)]
    return [window.start + timedelta(hours=21) if source.history is History.LIVE else AS_OF]


def _recorded_steps(recording: Recording) -> tuple[list[Step], list[LeftOut]]:
    """The recorded partitions; of a source that is fetched app by app, the ``RECORDED_WEEKS`` with the most items.

    Recordings from before the first partition are left out.
    """
    from steam_assets.simulator.replay import LeftOut
    from steam_assets.sources import SOURCES

    held = recording.partitions
    steps: list[Step] = []
    left: list[LeftOut] = []
    for source in SOURCES:
        fullest = sorted((one for one in held if one.source == source.name), key=lambda one: (-one.items, one.key))
        found = [Step(source, one.key, one.moment or _after(source, one.key), tuple(one.apps)) for one in fullest]
        first, most = source.cadence.first, RECORDED_WEEKS if source.app_by_app else None
        possible = [step for step in found if step.key >= first]
        steps += sorted(possible[:most], key=lambda step: step.key)
        for others, reason in (
            ([step for step in found if step.key < first], f"before the first partition, {first}"),
            (possible[most:] if most else [], f"the {most} fullest weeks are replayed"),
        ):
            if others:
                keys = tuple(sorted(step.key for step in others))
                left.append(LeftOut(len(others), f"{source.name} partition", reason, keys))
    return steps, left


def _after(source: Source, key: str) -> datetime:
    return source.cadence.window(key).end + max(source.due_after, timedelta(hours=30))


@dataclass
class DemoRun:
    """One run of the demo in ``settings.home``."""

    settings: Settings
    simulator: Simulator
    console: Terminal

    def run(self, steps: Sequence[Step], left_out: Sequence[LeftOut] = ()) -> None:
        from steam_assets.commands.partition_table import partition_table
        from steam_assets.lake.lake import Lake
        from steam_assets.ledger.partition_status import partition_status

        lake = Lake(self.settings)

        partitions = {(step.source.name, step.key): step.source for step in steps}

        def statuses() -> dict[tuple[str, str], PartitionStatus]:
            return {(name, key): partition_status(lake, source, key) for (name, key), source in partitions.items()}

        before = statuses()
        todo = [step for step in steps if not before[step.source.name, step.key].up_to_date]
        if todo or not self._dashboard.exists():
            self._materialize(todo)
        else:
            self.console.print(
                f"All {len(partitions)} partitions are in place and verified: nothing to do, nothing changed."
            )
        self.console.print(
            partition_table([*statuses().values()], f"Stored in {self.settings.home.absolute()}", self.console.width)
        )
        show_left_out(self.console, left_out)
        self.console.print(f"Dashboard: {self._dashboard.as_uri()}", soft_wrap=True)

    @property
    def _dashboard(self) -> Path:
        from steam_assets.visuals.dashboard.file import dashboard_path

        return dashboard_path(self.settings)

    def _materialize(self, steps: Sequence[Step]) -> None:
        from steam_assets.clock import Clock
        from steam_assets.orchestration.launch import AFTER_RAW, Stage

        clock = Clock(AS_OF)
        by_source = [(source, list(group)) for source, group in groupby(steps, key=lambda step: step.source)]
        with self._running(clock) as launcher, self._progress(len(steps) + len(by_source) + 1) as (progress, task):
            for source, own in by_source:
                for step in own:
                    progress.update(task, description=f"{source.title} {step.key}: source → Kafka → raw")
                    self.simulator.set_now(step.now)
                    clock.move_to(step.now)
                    launcher.partition(source, (Stage.RAW,), step.key, apps=step.apps)
                    progress.advance(task)
                progress.update(task, description=f"{source.title}: raw backup, clean, clean backup")
                for keys in source.cadence.ranges(step.key for step in own):
                    launcher.range(source, AFTER_RAW, keys)
                progress.advance(task)
            progress.update(task, description="Insights, dashboard, exports")
            clock.move_to(AS_OF)
            launcher.refresh()
            progress.advance(task)

    @contextmanager
    def _running(self, clock: Clock) -> Iterator[Launcher]:
        from steam_assets.commands.local_broker import broker_for
        from steam_assets.orchestration.build import build_defs
        from steam_assets.orchestration.launch import Launcher, local_instance

        with ExitStack() as stack:
            with self.console.status("Starting Apache Kafka (the first start downloads its jars)"):
                stack.enter_context(broker_for(self.settings))
            instance = stack.enter_context(local_instance(self.settings))
            yield Launcher(build_defs(settings=self.settings, resource_overrides={"clock": clock}), instance)

    @contextmanager
    def _progress(self, total: int) -> Iterator[tuple[Progress, TaskID]]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            yield progress, progress.add_task("Starting", total=total)
