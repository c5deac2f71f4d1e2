"""Cleaning one small partition of each source in a warm session: Spark jobs, and processor seconds of JVM and Python.

Run: python -m benchmarks.small_partitions
Processor seconds depend less on other load than wall-clock seconds. `--small 0` has Spark write the same partitions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pyspark.sql import SparkSession

from benchmarks.measured import charted_apps, print_table, working_folder
from benchmarks.process_memory import java_of_this_process
from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES
from steam_assets.sources.source import FetchRequest, History
from steam_assets.spark.cleaning import clean
from steam_assets.spark.commit_rows import SMALL_BYTES
from steam_assets.spark.session import open_session

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
APPS = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", type=int, default=SMALL_BYTES, help="Raw bytes up to which Python commits.")
    asked = parser.parse_args()
    with working_folder("small") as home:
        keys = put_raw_in_place(home)
        spark = open_session(Settings(home=home))
        try:
            rows = measure(spark, Lake(Settings(home=home)), keys, asked.rounds, asked.small)
        finally:
            spark.stop()
    headings = ["source", "tables", "round", "seconds", "JVM, CPU s", "Python, CPU s", "Spark jobs"]
    print_table(f"Cleaning a partition {asked.rounds} times", headings, rows)


def put_raw_in_place(home: Path) -> dict[str, str]:
    """One raw partition of each source from the simulator; returns the keys by source."""
    keys: dict[str, str] = {}
    with Simulator(now=NOW) as simulator:
        settings = served_by(Settings(home=home, simulated_now=NOW.isoformat()), simulator.url, 500.0)
        apps = charted_apps(simulator)[:APPS]
        for source in SOURCES:
            live = source.history is History.LIVE
            window = source.cadence.containing(NOW) if live else source.cadence.latest_finished(NOW)
            request = FetchRequest(window, NOW, apps if source.apps_from else ())
            spool = extract(source, request, HttpClient(settings, Clock(NOW)), home / "spool")
            put_batch(Lake(settings), source, window.key, spool.batch_id, spool)
            keys[source.name] = window.key
    return keys


def measure(spark: SparkSession, lake: Lake, keys: dict[str, str], rounds: int, small: int) -> list[list[str]]:
    """The rows of the report: the first round, which loads the code, and the last."""
    found: list[list[str]] = []
    for number in range(1, rounds + 1):
        for source in SOURCES:
            with _spent(spark) as spent:
                clean(spark, lake, source, source.tables, [keys[source.name]], NOW, small)
            if number in (1, rounds):
                found.append([source.name, str(len(source.tables)), str(number), *spent.shown()])
    return sorted(found)


@dataclass
class _Spent:
    seconds: float = 0.0
    jvm: float = 0.0
    python: float = 0.0
    jobs: int = 0

    def shown(self) -> list[str]:
        return [f"{self.seconds:.2f}", f"{self.jvm:.2f}", f"{self.python:.2f}", str(self.jobs)]


@contextmanager
def _spent(spark: SparkSession) -> Iterator[_Spent]:
    jvm, python, tracker = psutil.Process(java_of_this_process()), psutil.Process(), spark.sparkContext.statusTracker()
    spent, begun = _Spent(), time.perf_counter()
    before = _cpu(jvm), _cpu(python), len(tracker.getJobIdsForGroup(None))
    yield spent
    spent.seconds = time.perf_counter() - begun
    spent.jvm, spent.python = _cpu(jvm) - before[0], _cpu(python) - before[1]
    spent.jobs = len(tracker.getJobIdsForGroup(None)) - before[2]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
