"""Small partitions: one Spark job for all tables of a source, with the same commits as large partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from benchmarks.measured import charted_apps
from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import Drift
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import FetchRequest, History, Source
from steam_assets.spark.cleaning import clean
from steam_assets_tests.deployment import COMPILED, INTERPRETED, NOW, configure, session_for
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark

ITEMS = {"most_played": "appid", "top_sellers": "appid", "news": "date", "reviews": "timestamp_created"}
"""For each source, a field without which an item is unusable."""

PREPARING = {"news": 1, "reviews": 2, "store_facts": 1}
"""Jobs before that of the rows: markup is read in Python; each table's plan sends the reviewers' key to its tasks; the
plan of three tables of one response has a stage of its own."""


@pytest.fixture
def settings(tmp_path: Path, simulator: Simulator) -> Iterator[Settings]:
    simulator.set_now(NOW)
    yield served_by(Settings(home=tmp_path, simulated_now=NOW.isoformat()), simulator.url, 500)
    simulator.faults.clear()
    simulator.clear_now()


def land_twice(settings: Settings, simulator: Simulator, source: Source) -> str:
    """Land the source's data twice with some unusable items, to get duplicates or a replaced snapshot."""
    cadence = source.cadence
    live = source.history is History.LIVE
    window = cadence.containing(NOW) if live else cadence.latest_finished(NOW)
    if source.name in ITEMS:
        simulator.faults.add(Drift(path="/", field=ITEMS[source.name], literal='"abc"', every=5))
    apps = charted_apps(simulator)[:4] if source.apps_from else ()
    for moment in (NOW, NOW + timedelta(minutes=1)):
        client = HttpClient(settings, Clock(moment))
        spool = extract(source, FetchRequest(window, moment, apps), client, settings.home / f"spool-{moment:%M}")
        put_batch(Lake(settings), source, window.key, spool.batch_id, spool)
    return window.key


def jobs_of(spark: SparkSession) -> set[int]:
    return set(spark.sparkContext.statusTracker().getJobIdsForGroup(None))


def committed(lake: Lake, source: Source, records: list[CleanRecord], key: str) -> dict[str, Any]:
    """The rows and ledger records of a partition, by table."""
    found: dict[str, Any] = {}
    for table, record in zip(source.tables, records, strict=True):
        target, quarantine = lake.clean(table), lake.quarantine(table)
        assert target.record(CleanRecord, key) == record
        assert (record.snapshot_id, record.content) == (target.snapshot_id(), target.stored([key])[key].content)
        assert list(target.heads()) == ["main"]
        found[table.name] = record.model_dump(exclude={"snapshot_id", "sha256s"}), quarantine.stored([key])[key].content
    return found


@pytest.mark.parametrize("name", rest_nightly([source.name for source in SOURCES]))
def test_python_and_spark_commit_the_same_rows(
    name: str, settings: Settings, simulator: Simulator, spark: SparkSession
) -> None:
    """So do generated code and interpreted expressions."""
    source, lake, session = source_named(name), Lake(settings), session_for(spark, settings, COMPILED)
    key = land_twice(settings, simulator, source)

    def cleaned(small: dict[str, int]) -> dict[str, Any]:
        return committed(lake, source, clean(session, lake, source, source.tables, [key], NOW, **small), key)

    by_spark = cleaned({"small": 0})
    configure(session, INTERPRETED)
    before = jobs_of(session)
    assert cleaned({}) == by_spark
    assert len(jobs_of(session) - before) == 1 + PREPARING.get(name, 0)
    assert cleaned({"small": 0}) == by_spark, "Spark replaces what Python committed"
    states = [record for record, _ in by_spark.values()]
    assert sum(record["duplicates"] for record in states)
    assert bool(sum(record["quarantined"] for record in states)) == (name in ITEMS)
