"""Roots in folders of any name: Spark writes and reads there, and pyiceberg finds what Spark wrote."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.clean_tables import IcebergTable
from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.envelope_frame import read_envelopes
from steam_assets.lake.open_store import open_root
from steam_assets.lake.spark_session import CLEAN
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets_tests.deployment import session_for

KEY = "2026-11-10"
COLUMNS = (Column("partition_key", "string", "", "", False), Column("number", "bigint", ""))
NAMES = ["[v2] {a,b}*?", "C# 100%20 %", "josé 東京 Iı/:colon a\\b,c;d'\"e$f", "deep/" * 50]


@pytest.fixture(params=NAMES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / request.param
    made.mkdir(parents=True)
    return made


def test_raw_files_are_read_each_once(spark: SparkSession, home: Path) -> None:
    store = DiskStore(home)
    keys = [f"{name}.jsonl.gz" for name in "abc"]
    for number, key in enumerate(keys):
        store.write(key, gzip.compress(json.dumps({"sequence": number}).encode()))
    rows = read_envelopes(spark, [store.spark_uri(key) for key in keys]).select("sequence").collect()
    assert sorted(row["sequence"] for row in rows) == list(range(len(keys)))


def test_a_clean_table_that_spark_wrote_is_found_without_spark(spark: SparkSession, home: Path) -> None:
    settings = Settings(home=home)
    session = session_for(spark, settings)
    open_root("clean", settings)
    table = IcebergTable(session, CLEAN, "numbers", COLUMNS, "Numbers.")
    table.overwrite(session.createDataFrame([(KEY, 1), (KEY, 2)], "partition_key string, number bigint"), [KEY])
    assert table.partition_rows() == {KEY: 2}
    read = CleanReader(settings).arrow("numbers")
    assert read is not None and sorted(read["number"].to_pylist()) == [1, 2]
    assert (home / "clean" / "warehouse").is_dir()
