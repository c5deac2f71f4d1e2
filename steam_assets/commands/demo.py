"""``steam-assets demo``: the whole pipeline on this machine, against the simulator or recorded responses.

Belongs here: running the demo, what it prints. Does not belong here: which partitions it fetches (demo_steps.py), any
part of the pipeline itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.demo_simulator import DemoSimulator, demo_simulator
from steam_assets.commands.demo_steps import AS_OF, Step, in_runs, recorded_steps, simulated_steps
from steam_assets.commands.later_stages import LaterStages
from steam_assets.commands.preflight import has_lake, require_writable
from steam_assets.commands.recordings import nothing_recorded, recorded_in, show_left_out
from steam_assets.commands.terminal import Terminal, partition_progress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from steam_assets.clock import Clock
    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.partition_status import PartitionStatus
    from steam_assets.orchestration.launch import Launcher
    from steam_assets.settings import Settings
    from steam_assets.simulator.replay import LeftOut
    from steam_assets.sources.source import Source

SIMULATOR_RATE = 500.0
"""Requests per second; the simulator is ours, so Steam's rate limits would only slow the demo down."""


REVIEWS_A_WEEK = 30
"""Of a game in the middle of the chart: enough for every panel, and for a review bomb to stand out."""

SILENCE = (
    "The gap is on purpose: on {day} the simulated {source} was down for maintenance. A live chart cannot be requested "
    "later, so that day stays empty: the dashboard shows it as a gap, and `steam-assets status` names it."
)


def demo(
    replay: Annotated[
        Path | None, typer.Option(help="Use the recorded responses in this folder instead of synthetic data.")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="Where to store everything. Default: STEAM_HOME/demo, or STEAM_HOME if it is a demo's."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="Daily partitions.")] = 35,
    weeks: Annotated[int, typer.Option(min=1, max=60, help="Weekly partitions.")] = 13,
    months: Annotated[int, typer.Option(min=1, max=3, help="Monthly partitions.")] = 3,
    apps: Annotated[int, typer.Option(min=10, max=100, help="Games on the simulated charts.")] = 50,
) -> None:
    """Run the whole pipeline on this machine (Kafka, Spark, verified backups), without contacting the real sources.

    The data are synthetic, and fill every panel of the dashboard. One day's chart is missing on purpose, to show what a
    gap looks like. A second run finds everything in place and changes nothing. Roots, Kafka, catalogs and services that
    settings name are not used, and a folder with collected data is refused.
    """
    from steam_assets.lake.roots import SYNTHETIC, synthetic_mark
    from steam_assets.settings import Settings, private_folder

    where = home or _default_home(Settings(secrets_id=""), replay)
    require_writable(where, "--home")
    settings = own_settings(where)
    _require_unmixed(settings, replay)
    from steam_assets.extraction.hosts import served_by
    from steam_assets.java.jvm import find_java

    console = Terminal()
    steps, left = _replayed(replay) if replay else (simulated_steps(days, weeks, months), [])
    find_java()
    with demo_simulator(seed=7, apps=apps, reviews_per_app_week=REVIEWS_A_WEEK, replay=replay) as simulator:
        if not replay:
            private_folder(where)
            synthetic_mark(settings).write_text(f"{SYNTHETIC}\n", "utf-8")
        DemoRun(served_by(settings, simulator.url, SIMULATOR_RATE), simulator, console).run(steps, left)


def _default_home(settings: Settings, replay: Path | None) -> Path:
    """A demo in a demo's home continues that one, for users who made it the default of all commands."""
    from steam_assets.lake.roots import synthetic_mark

    if replay:
        return settings.home / "replay"
    return settings.home if synthetic_mark(settings).exists() else settings.home / "demo"


def _replayed(folder: Path) -> tuple[list[Step], list[LeftOut]]:
    recording = recorded_in(folder)
    steps, left = recorded_steps(recording)
    left = [*left, *recording.left_out]
    if not steps:
        raise nothing_recorded(folder, left)
    return steps, left


def own_settings(home: Path) -> Settings:
    """Settings that reach nothing but ``home`` and this machine, whatever those of the deployment name.

    Only memory and a Spark on this machine are as set.
    """
    from steam_assets.loopback import free_port
    from steam_assets.settings import Settings
    from steam_assets.spark.light_driver import with_light_driver

    given = Settings(home=home, secrets_id="")
    local = given.spark_master.startswith("local") and not given.spark_remote
    kept = {
        "home",
        "embedded_kafka_heap_mb",
        "spark_driver_memory",
        *(("spark_master", "spark_config") if local else ()),
    }
    unset = {
        name: field.get_default(call_default_factory=True)
        for name, field in Settings.model_fields.items()
        if name not in kept
    }
    # The demo must not use the broker of a running `make dev`.
    own = given.alone_in_home().model_copy(update=unset | {"embedded_kafka_port": free_port()})
    return with_light_driver(own)


def _require_unmixed(settings: Settings, replay: Path | None) -> None:
    """Raise BadParameter for a home whose data are of the other kind: made up instead of recorded, or vice versa."""
    from steam_assets.lake.roots import is_synthetic

    if has_lake(settings) and is_synthetic(settings) == bool(replay):
        there = "made-up data, with which recorded" if replay else "collected data, with which made-up"
        new = settings.home / ("replay" if replay else "demo")
        raise typer.BadParameter(
            f"{settings.home} has {there} data would mix; type another folder, such as --home {new}",
            param_hint="--home",
        )


@dataclass
class DemoRun:
    """One run of the demo in ``settings.home``."""

    settings: Settings
    simulator: DemoSimulator
    console: Terminal

    def run(self, steps: Sequence[Step], left_out: Sequence[LeftOut] = ()) -> None:
        from steam_assets.commands.partition_table import partition_table
        from steam_assets.lake.lake import Lake

        lake = Lake(self.settings)
        todo = [step for step, status in _statuses(lake, steps) if not status.up_to_date]
        if all(step.silent for step in todo) and self._dashboard.exists():
            whole = len(_partitions(steps) - _partitions(todo))
            self.console.print(f"All {whole} partitions are in place and verified: nothing to do, nothing changed.")
        else:
            self._materialize(todo, lake)
        self.console.print(
            partition_table(
                [*{(s.source.name, s.key): status for s, status in _statuses(lake, steps) if not s.silent}.values()],
                f"Stored in {self.settings.home.absolute()}",
                self.console.width,
            )
        )
        show_left_out(self.console, left_out)
        for step in steps:
            if step.silent:
                self.console.print(SILENCE.format(source=step.source.name, day=step.key), soft_wrap=True)
        self.console.print(f"Dashboard: {self._dashboard.as_uri()}", soft_wrap=True)

    @property
    def _dashboard(self) -> Path:
        from steam_assets.visuals.dashboard.file import dashboard_path

        return dashboard_path(self.settings)

    def _materialize(self, steps: Sequence[Step], lake: Lake) -> None:
        from steam_assets.clock import Clock

        clock = Clock(AS_OF)
        by_source = [(source, list(group)) for source, group in groupby(steps, key=lambda step: step.source)]
        with partition_progress(self.console) as progress, ExitStack() as stack:
            fetched = progress.add_task("Starting Apache Kafka (the first start downloads its jars)", total=len(steps))
            task = progress.add_task("Waiting for raw data", total=len(by_source) + 1)
            later = stack.enter_context(LaterStages(self.settings, AS_OF, progress, task))
            launcher = stack.enter_context(self._running(clock))
            for source, own in sorted(by_source, key=_cleaned_early):
                later.wait_for(source.apps_from)
                for one_run in in_runs(own):
                    _Fetching(one_run, self.simulator, clock, progress, fetched).run(launcher)
                later.add(source, [step.key for step, status in _statuses(lake, own) if status.raw_present])
            progress.update(fetched, description="All sources are fetched")
            later.finish()

    @contextmanager
    def _running(self, clock: Clock) -> Iterator[Launcher]:
        from steam_assets.commands.local_broker import broker_for
        from steam_assets.orchestration.build import build_defs
        from steam_assets.orchestration.launch import Launcher, local_instance

        with broker_for(self.settings), local_instance(self.settings) as instance:
            yield Launcher(build_defs(settings=self.settings, resource_overrides={"clock": clock}), instance)


class _Fetching:
    """The raw run of a range, during which the simulated time moves from partition to partition."""

    def __init__(
        self, steps: Sequence[Step], simulator: DemoSimulator, clock: Clock, progress: Progress, task: TaskID
    ) -> None:
        self._steps: Mapping[str, Step] = {step.key: step for step in steps}
        self._simulator, self._clock, self._progress, self._task = simulator, clock, progress, task
        self._before = progress.tasks[task].completed

    def run(self, launcher: Launcher) -> None:
        """Fetch all steps. Raises RunFailed if one failed that is not silent."""
        from steam_assets.orchestration.launch import RunFailed
        from steam_assets.orchestration.stages import Stage

        first, *_ = self._steps.values()
        try:
            launcher.range(first.source, (Stage.RAW,), [*self._steps], apps=first.apps, begins=self._begin)
        except RunFailed as error:
            landed = error.committed(first.source, Stage.RAW)
            if any(not step.silent for key, step in self._steps.items() if key not in landed):
                raise
        self._progress.update(self._task, completed=self._before + len(self._steps))

    def _begin(self, source: Source, key: str) -> None:
        step = self._steps[key]
        self._progress.update(
            self._task,
            description=f"{source.title} {key}: source → Kafka → raw",
            completed=self._before + [*self._steps].index(key),
        )
        self._simulator.at(step.now, silent=step.silent)
        self._clock.move_to(step.now)


def _cleaned_early(one: tuple[Source, list[Step]]) -> tuple[bool, int, int]:
    """So that there is always something to clean meanwhile: samples, which take many runs to fetch, come last.

    Sources that take their apps from others' clean charts come after them.
    """
    source, steps = one
    return source.sampled_every is not None, len(source.apps_from), len(steps)


def _partitions(steps: Sequence[Step]) -> set[tuple[str, str]]:
    return {(step.source.name, step.key) for step in steps}


def _statuses(lake: Lake, steps: Sequence[Step]) -> list[tuple[Step, PartitionStatus]]:
    from steam_assets.ledger.partition_status import SourceLedger

    ledgers = {
        source.name: SourceLedger.of(lake, source) for source in {s.source.name: s.source for s in steps}.values()
    }
    return [(step, ledgers[step.source.name].status(step.key)) for step in steps]
