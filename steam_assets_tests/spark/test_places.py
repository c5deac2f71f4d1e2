"""Roots in folders with any name: Spark reads and writes there, and pyiceberg finds what Spark wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets.spark.clean_tables import overwrite
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.raw_landing import KEY as LANDED
from steam_assets_tests.lake.raw_landing import NEWS, land
from steam_assets_tests.nightly import rest_nightly

KEY = "2026-11-10"
COLUMNS = (Column("partition_key", "string", "", "", False), Column("number", "bigint", ""))
NAMES = ["[v2] {a,b}*?", "C# 100%20 %", "josé 東京 Iı/:colon a\\b,c;d'\"e$f", "deep/" * 50]


@pytest.fixture(params=rest_nightly(NAMES, kept=2))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / request.param
    made.mkdir(parents=True)
    return made


def test_tables_of_a_folder_are_written_and_read_by_spark_and_without_it(spark: SparkSession, home: Path) -> None:
    lake = Lake(Settings(home=home))
    land(lake)
    session = session_for(spark, lake.settings)
    assert session.table(lake.raw(NEWS).identifier).count() == lake.raw(NEWS).partition_rows()[LANDED]
    table = lake.table("clean", "numbers", COLUMNS, "Numbers.")
    rows = session.createDataFrame([(KEY, 1), (KEY, 2)], "partition_key string, number bigint")
    overwrite(session, table, lambda: rows, [KEY], lambda _: {})
    assert table.partition_rows() == {KEY: 2}
    read = CleanReader(lake.settings).arrow("numbers")
    assert read is not None and sorted(row["number"] for row in read.to_pylist()) == [1, 2]
    assert (home / "clean" / "warehouse").is_dir() and (home / "clean" / "catalog.db").is_file()
