"""A backfill of many daily partitions compared with one, and the time of one daily partition through all stages.

Run: python -m benchmarks.backfill --days 90
"Whole processes" are `steam-assets run` as a user types it, including the start of Spark and the broker; "warm" is one
process in which everything is running.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.measured import (
    REPOSITORY,
    Bound,
    command,
    print_table,
    process_environment,
    rounds,
    seconds_of,
    working_folder,
)
from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.kafka.connection import ensure_topics
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.loopback import free_port
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, local_instance
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import FetchRequest
from steam_assets.spark.session import open_session, session_config

SOURCE = source_named("most_played")
LAST = datetime(2026, 11, 18, 21, tzinfo=UTC)
AFTER = (Stage.CLEAN, Stage.CLEAN_BACKUP)
EVERY = "1 day, all stages"
RATE = 500.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=("cold", "warm", "both"), default="both")
    asked = parser.parse_args()
    with working_folder("backfill") as home, Simulator(now=LAST) as simulator:
        # The Dagster instance of the warm runs.
        os.environ["DAGSTER_HOME"] = str(home / "dagster")
        bench = Bench(home, simulator, asked.days)
        bench.put_raw_in_place()
        if asked.part != "warm":
            cold(bench, asked.rounds)
        if asked.part != "cold":
            warm(bench, asked.rounds)


@dataclass
class Bench:
    """Raw data of ``days`` daily partitions and the one before, and new homes that start from a copy of it.

    The last day, ``today``, is not included: it is the one that goes through all stages.
    """

    home: Path
    simulator: Simulator
    days: int

    def __post_init__(self) -> None:
        self._numbers = count(1)

        back = range(self.days + 1, 0, -1)
        self.windows = [SOURCE.cadence.containing(LAST - timedelta(days=days)) for days in back]
        self.before, *self.keys = (window.key for window in self.windows)
        self.today = SOURCE.cadence.containing(LAST).key

    def settings(self, home: Path, **more: Any) -> Settings:
        own = Settings(home=home, embedded_kafka_port=free_port(), simulated_now=LAST.isoformat(), **more)
        return served_by(own, self.simulator.url, RATE)

    def put_raw_in_place(self) -> None:
        """One response of the simulator per day, written as landing would write it."""
        settings = self.settings(self.home / "origin")
        for window in self.windows:
            put_raw_day(settings, self.simulator, window)
        self.simulator.set_now(LAST)

    def new_home(self, *, with_raw: bool) -> Path:
        home = self.home / f"home-{next(self._numbers)}"
        if with_raw:
            shutil.copytree(self.home / "origin" / "raw", home / "raw")
            relocate(self.settings(home), "raw")
        return home


def put_raw_day(settings: Settings, simulator: Simulator, window: Window) -> None:
    """Write a day's raw partition as landing would, without Kafka; leaves the simulator's clock at that day."""
    moment = window.start + timedelta(hours=21)
    simulator.set_now(moment)
    spool = extract(SOURCE, FetchRequest(window, moment), HttpClient(settings, Clock(moment)), settings.home / "spool")
    put_batch(Lake(settings), SOURCE, window.key, spool.batch_id, spool)


def cold(bench: Bench, rounds_wanted: int) -> None:
    """Measure whole processes, each with its own home."""
    first, last = bench.keys[0], bench.keys[-1]
    stages = [word for stage in AFTER for word in ("--stage", stage.value)]

    def process(*arguments: str, with_raw: bool) -> float:
        settings = bench.settings(bench.new_home(with_raw=with_raw))
        environment = process_environment(settings.environment(secrets=True))
        return seconds_of(lambda: _run(command("run", SOURCE.name, *arguments), environment))

    one, many = f"1 day, {_named(AFTER)}", f"{bench.days} days, {_named(AFTER)}"
    taken = rounds(
        {
            one: lambda: process("--from", last, "--to", last, *stages, with_raw=True),
            many: lambda: process("--from", first, "--to", last, *stages, with_raw=True),
            EVERY: lambda: process("--from", bench.today, "--to", bench.today, with_raw=False),
        },
        rounds_wanted,
    )
    ratio = taken[many] / taken[one]
    judged = {many: ("ratio", ratio, Bound(1.5)), EVERY: ("seconds", taken[EVERY], Bound(25))}
    _print(f"Whole processes, median of {rounds_wanted} rounds", taken, judged)


def _run(arguments: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=400)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


@dataclass(frozen=True)
class _GivenSpark:
    """Replaces dagster-pyspark's resource with an existing session."""

    spark_session: SparkSession


def warm(bench: Bench, rounds_wanted: int) -> None:
    """Measure one process with a warm broker, Spark and code; each range has its own home."""
    root = bench.settings(bench.home / "warm")
    with EmbeddedBroker.of(root) as broker:
        spark = open_session(root)
        try:
            ways = _warm_ways(bench, spark, broker.address)
            rounds(ways, 1)
            taken = rounds(ways, rounds_wanted)
        finally:
            spark.stop()
    one, many, every = taken
    judged = {
        many: ("ratio", taken[many] / taken[one], Bound(8)),
        every: ("seconds", taken[every], Bound(3)),
    }
    _print(f"Warm, in one process, median of {rounds_wanted} rounds after a first", taken, judged)


def _warm_ways(bench: Bench, spark: SparkSession, kafka: str) -> dict[str, Callable[[], float]]:
    def timed(work: Callable[[Launcher], object]) -> float:
        with _launcher(bench, spark, kafka) as launcher:
            return seconds_of(lambda: work(launcher))

    first, last = bench.keys[0], bench.keys[-1]
    return {
        f"1 day, {_named(AFTER)}": lambda: timed(lambda launcher: launcher.range(SOURCE, AFTER, (last, last))),
        f"{bench.days} days, {_named(AFTER)}": lambda: timed(
            lambda launcher: launcher.range(SOURCE, AFTER, (first, last))
        ),
        EVERY: lambda: timed(lambda launcher: launcher.partition(SOURCE, tuple(Stage), bench.today)),
    }


@contextmanager
def _launcher(bench: Bench, spark: SparkSession, kafka: str) -> Iterator[Launcher]:
    """The launcher of a new deployment that has cleaned one day, so that its tables and topics exist."""
    home = bench.new_home(with_raw=True)
    settings = bench.settings(home, kafka_bootstrap_servers=kafka, kafka_topic_prefix=home.name)
    ensure_topics(settings, SOURCE)
    session = spark.newSession()
    for name, value in session_config(settings).items():
        session.conf.set(name, value)
    defs = build_defs(settings=settings, resource_overrides={"spark": _GivenSpark(session)})
    with local_instance(settings) as instance:
        launcher = Launcher(defs, instance)
        launcher.range(SOURCE, AFTER, (bench.before, bench.before))
        yield launcher


def _named(stages: Sequence[Stage]) -> str:
    return " + ".join(stage.value for stage in stages)


def _print(title: str, taken: dict[str, float], judged: dict[str, tuple[str, float, Bound]]) -> None:
    rows = []
    for name, seconds in taken.items():
        what, value, bound = judged.get(name, ("", 0.0, None))
        verdict = f"{what} {value:.2f}, {bound.judge(value)}" if bound else ""
        rows.append([name, f"{seconds:.2f}", verdict])
    print_table(title, ["work", "seconds", "target"], rows)


if __name__ == "__main__":
    main()
