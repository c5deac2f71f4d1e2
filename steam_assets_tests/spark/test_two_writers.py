"""Concurrent runs that write one table: the result has the rows of each, and no run fails."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from pyspark.sql import functions as F

from steam_assets.lake.backup import verify
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets.spark.clean_tables import AUDIT, AUDIT_DAYS, overwrite, read_table
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.clean_partitions import THINGS, clean, labels
from steam_assets_tests.lake.raw_landing import KEY, LATER

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
@pytest.mark.nightly
def test_concurrent_writers_from_the_first_commit_on(same: bool, spark: SparkSession, tmp_path: Path) -> None:
    """Each has its own session and catalog, as separate processes do, and the table does not exist at first."""
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


@pytest.mark.spark
def test_spark_and_python_commit_to_one_clean_table_and_lose_nothing(lake: Lake, spark: SparkSession) -> None:
    """Others commit while Spark's rows are audited. Spark then commits on top; until then readers see the old rows."""
    session = session_for(spark, lake.settings)
    clean(lake, {1: "one"}, key=LATER)
    target, tries = lake.clean(THINGS), []

    def write() -> object:
        rows = read_table(session, target, [LATER])
        return rows.withColumns({"partition_key": F.lit(KEY), "label": F.lit("by Spark")})

    def audit(snapshot: int) -> dict[str, CleanRecord]:
        tries.append(snapshot)
        assert labels(lake) == {}, "nothing is visible before the commit"
        if len(tries) < 3:
            clean(lake, {2: f"beside try {len(tries)}"}, key=f"2026-02-{len(tries):02d}")
        record = lake.clean(THINGS).record(CleanRecord, LATER)
        assert record is not None
        content = target.stored([KEY], snapshot)[KEY].content
        return {KEY: record.model_copy(update={"partition_key": KEY, "content": content, "snapshot_id": snapshot})}

    assert overwrite(session, target, write, [KEY], audit) == tries[2] == target.snapshot_id()  # pyright: ignore[reportArgumentType]
    records = target.records(CleanRecord)
    assert list(records) == [KEY, LATER, "2026-02-01", "2026-02-02"]
    assert verify(target, records.values()) == []
    assert labels(lake) == {1: "by Spark"}
    loaded = target.load()
    assert loaded is not None and list(loaded.refs()) == ["main"]


@pytest.mark.spark
def test_the_branch_of_a_killed_writer_expires_and_the_next_write_drops_it(lake: Lake, spark: SparkSession) -> None:
    session, table = session_for(spark, lake.settings), contested(lake)
    rows = session.createDataFrame([(1, KEY)], "writer int, partition_key string")
    overwrite(session, table, lambda: rows, [KEY], lambda _: {})
    said = "from steam_assets.processes.identity import ProcessIdentity as P; print(P.current().mark)"
    dead = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.strip()
    started: list[dict[str, float]] = []

    def audit(_snapshot: int) -> dict[str, BaseModel]:
        loaded = table.load()
        assert loaded is not None
        refs = {name: ref for name, ref in loaded.refs().items() if name != "main"}
        started.append({name: (ref.max_ref_age_ms or 0) / 86_400_000 for name, ref in refs.items()})
        loaded.manage_snapshots().create_branch(next(iter(refs.values())).snapshot_id, f"{AUDIT}{dead}_1").commit()
        return {}

    overwrite(session, table, lambda: rows, [KEY], audit)
    assert [list(days.values()) for days in started] == [[AUDIT_DAYS]]
    assert list(table.heads()) == ["main"]
