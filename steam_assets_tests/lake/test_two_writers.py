"""Several runs that write one table at once: each row of one of them is there at the end, and nobody fails for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from steam_assets.lake.clean_tables import overwrite
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets_tests.deployment import session_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = (
    Column("writer", "int", "Who wrote it.", "", False),
    Column("partition_key", "string", "First day of the period (UTC).", "YYYY-MM-DD", False),
)
WRITERS = 4


def contested(lake: Lake) -> IcebergTable:
    return lake.table("clean", "contested", COLUMNS, "Written by several at once.")


@pytest.mark.spark
@pytest.mark.fault
@pytest.mark.parametrize("same", [True, False], ids=["one partition", "a partition each"])
def test_writers_at_once_from_the_first_commit_on(same: bool, spark: SparkSession, tmp_path: Path) -> None:
    """Each has a session, and so a catalog, of its own, as processes have; there is no table when they begin."""
    settings = Settings(home=tmp_path)
    ready = Barrier(WRITERS)

    def write(writer: int) -> int:
        session = session_for(spark, settings)
        table = contested(Lake(settings))
        key = "2026-11-10" if same else f"2026-11-1{writer}"
        rows = session.createDataFrame([(writer, key)], "writer int, partition_key string")
        ready.wait(60)
        for _ in range(2):
            overwrite(session, table, lambda: rows, [key], lambda _: {})
        return writer

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(write, range(WRITERS))) == list(range(WRITERS))
    last = contested(Lake(settings))
    found = last.arrow(columns=("writer",))
    rows = [row["writer"] for row in found.to_pylist()] if found else []
    assert len(rows) == 1 if same else sorted(rows) == list(range(WRITERS))
    assert list(last.heads()) == ["main"]
