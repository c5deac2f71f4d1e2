"""The throughput of each stage for a week's reviews on this machine, and the bytes per review in each store.

Run: python -m benchmarks.whole_path --apps 100 --reviews 1000
One process, the embedded broker, local Spark and the simulator share the machine, so the rates are lower bounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from benchmarks.measured import charted_apps, print_table, seconds_of, working_folder
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.ingestion.landing import land
from steam_assets.kafka.connection import ensure_topics
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest
from steam_assets.spark.cleaning import clean
from steam_assets.spark.session import open_session

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
KEY = "2026-11-10"
T = TypeVar("T")


class Stopwatch:
    """Measures stages, in seconds, for the report."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, work: Callable[[], T]) -> T:
        done: list[T] = []
        self.seconds[stage] = seconds_of(lambda: done.append(work()))
        return done[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--reviews", type=float, default=1000, help="Mean number of reviews per app and week.")
    asked = parser.parse_args()
    with working_folder("whole-path") as home, ExitStack() as running:
        measure(home, asked.apps, asked.reviews, running)


def measure(home: Path, apps: int, reviews: float, running: ExitStack) -> None:
    simulator = running.enter_context(Simulator(apps=100, reviews_per_app_week=reviews, now=NOW))
    broker = running.enter_context(EmbeddedBroker(home / "kafka", free_port()))
    source = source_named("reviews")
    own = Settings(home=home, kafka_bootstrap_servers=broker.address)
    settings = served_by(own, simulator.url, 10_000)
    lake, watch = Lake(settings), Stopwatch()
    clock = Clock(NOW)
    fetch_request = FetchRequest(
        source.cadence.window(KEY), NOW, options=source.options.model_validate({"page_budget": 1000})
    )
    chart = charted_apps(simulator)[:apps]
    client = HttpClient(settings, clock)
    spool = watch("fetch", lambda: extract(source, replace(fetch_request, apps=chart), client, home / "spool"))
    ensure_topics(settings, source)
    receipt = watch(
        "publish",
        lambda: publish(settings, source, spool, total=spool.records, batch_id=spool.batch_id, partition_key=KEY),
    )
    landed = watch("land", lambda: land(lake, source, receipt, NOW))
    record = commit_batch(lake.raw(source), KEY, landed.batch, landed.files)
    watch("raw backup", lambda: back_up(lake.raw_twins(source), [KEY], NOW))
    spark = watch("Spark's start", lambda: open_session(settings))
    table = source.tables[0]
    watch("clean", lambda: clean(spark, lake, source, [table], [KEY], NOW))
    watch("clean backup", lambda: back_up(lake.clean_twins(source, table), [KEY], NOW))
    report(watch, record.items[table.name], spool.records, home)


def report(watch: Stopwatch, reviews: int, answers: int, home: Path) -> None:
    rows = [[stage, f"{seconds:.1f}", f"{reviews / seconds:,.0f}"] for stage, seconds in watch.seconds.items()]
    print_table(f"{reviews} reviews in {answers} responses", ["stage", "seconds", "reviews/s"], rows)
    for name, pattern in (
        ("raw", "raw/warehouse/steam_raw/reviews/data/**/*.parquet"),
        ("clean", "clean/warehouse/steam/reviews/data/**/*.parquet"),
    ):
        size = sum(path.stat().st_size for path in home.glob(pattern))
        print(f"{name}: {size / 1e6:.1f} MB, {size / max(reviews, 1):.0f} bytes per review")


if __name__ == "__main__":
    main()
