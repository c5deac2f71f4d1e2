"""Columns that another program drops, renames or exchanges are named by verification and put back by any commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from pyiceberg.types import StringType
from pyspark.sql import SparkSession
from raw_landing import KEY, LATER, NOW, files_of
from stages import copy, fill

from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake, Twins
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.clean_partitions import clean, raw_and_clean
from steam_assets_tests.lake.column_ids import with_column_ids
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

COLUMN = {"raw": "url", "clean": "label"}
OTHER = {"raw": "request", "clean": "source_sha256"}


def drop(table: Table, column: str, other: str) -> None:
    with table.update_schema() as update:
        update.delete_column(column)


def drop_and_add(table: Table, column: str, other: str) -> None:
    drop(table, column, other)
    with table.update_schema() as update:
        update.add_column(column, StringType())


def drop_and_add_in_capitals(table: Table, column: str, other: str) -> None:
    drop(table, column, other)
    with table.update_schema() as update:
        update.add_column(column.upper(), StringType())


def rename(table: Table, column: str, other: str) -> None:
    with table.update_schema() as update:
        update.rename_column(column, "better_name")


def exchange(table: Table, column: str, other: str) -> None:
    for old, new in ((column, "meanwhile"), (other, column), ("meanwhile", other)):
        with table.update_schema() as update:
            update.rename_column(old, new)


def rename_two(table: Table, column: str, other: str) -> None:
    """One of them is the column by which the table is partitioned."""
    for old in (column, "partition_key"):
        with table.update_schema() as update:
            update.rename_column(old, f"the_{old}")


CHANGES = (drop, drop_and_add, drop_and_add_in_capitals, rename, exchange, rename_two)
PAIRS = (
    ("raw", "by name", "primary"),
    ("clean", "by id", "primary"),
    ("raw", "by id", "backup"),
    ("clean", "by name", "backup"),
)
"""Each two of a table's kind, of how its columns are found and of the changed copy occur together."""


@pytest.fixture
def twins(kind: str, read: str, prepared: Prepared) -> Twins[Any]:
    """A raw or a clean table with a partition in both copies."""
    return _twins(prepared(in_both_copies, kind, read), kind)


def in_both_copies(lake: Lake, kind: str, read: str) -> None:
    """Readers find the columns of its files by name, as this product writes them, or by id, as Spark does."""
    fill(lake, [])
    if read == "by id":
        twins = _twins(lake, kind)
        with_column_ids(twins.primary, KEY, twins.model)
    copy(lake, [])


def _twins(lake: Lake, kind: str) -> Twins[Any]:
    return raw_and_clean(lake)[kind == "clean"]


def seen(table: IcebergTable, column: str) -> list[dict[str, Any]]:
    """What readers see of the table, and which rows they find by a value of ``column``."""
    loaded = table.load()
    assert loaded is not None
    rows = loaded.scan().to_arrow().to_pylist()
    value = next(row[column] for row in rows if row[column] is not None)
    has_it = EqualTo(column, value)  # pyright: ignore[reportCallIssue] - its __init__ is hidden by pydantic
    found = loaded.scan(row_filter=has_it).to_arrow().to_pylist()
    return sorted((*rows, *found), key=repr)


@pytest.mark.parametrize(("kind", "read", "side"), rest_nightly(PAIRS, several=True))
@pytest.mark.parametrize("change", CHANGES)
def test_readers_find_the_values_again_in_the_same_files(
    twins: Twins[Any], kind: str, side: str, change: Callable[[Table, str, str], None]
) -> None:
    table: IcebergTable = getattr(twins, side)
    before, files = seen(table, COLUMN[kind]), bytes_of(table)
    columns = table.create().schema().column_names
    change(table.create(), COLUMN[kind], OTHER[kind])
    (problem,) = verify_twins(twins, KEY)
    named = {"exchange": (COLUMN[kind], OTHER[kind]), "rename_two": (COLUMN[kind], "partition_key")}
    for name in named.get(change.__name__, (COLUMN[kind],)):
        assert name in problem.partition("the column")[2]
    if side == "primary":
        assert restore(twins, KEY) == 0
    else:
        assert back_up(twins, [KEY], NOW)[1] == []
    assert verify_twins(twins, KEY) == []
    assert table.create().schema().column_names == columns
    assert seen(table, COLUMN[kind]) == before
    assert bytes_of(table) == files


@pytest.mark.parametrize(("kind", "read"), [("clean", "by id")])
def test_after_spark_dropped_and_added_a_column_both_engines_find_its_values(
    twins: Twins[Any], lake: Lake, spark: SparkSession
) -> None:
    name, session = twins.primary.identifier, session_for(spark, lake.settings)

    def labels() -> list[str | None]:
        return sorted((row["label"] for row in session.table(name).collect()), key=str)

    before = labels()
    session.sql(f"alter table {name} drop column label")
    session.sql(f"alter table {name} add column label string")
    assert set(labels()) == {None} != set(before)
    assert "the column label" in verify_twins(twins, KEY)[0]
    clean(lake, {3: "three"}, key=LATER)
    assert verify_twins(twins, KEY) == []
    assert labels() == sorted((*before, "three"), key=str)
    assert [row["label"] for row in session.table(name).where("label = 'one'").collect()] == ["one"]


def bytes_of(table: IcebergTable) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in files_of(table)}
