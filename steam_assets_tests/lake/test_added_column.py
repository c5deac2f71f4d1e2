"""Adding a column to a clean table leaves earlier partitions and backups valid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from clean_partitions import SOURCE, THINGS, clean
from raw_landing import KEY, LATER, NOW

from steam_assets.lake.backup import back_up, restore, verify, verify_twins
from steam_assets.lake.housekeeping import Housekeeping
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.restore import drill
from steam_assets.ledger.records import CleanRecord
from steam_assets.sources.source import Column
from steam_assets_tests.lake.column_ids import with_column_ids

WIDE = replace(THINGS, columns=(*THINGS.columns, Column("price", "bigint", "What it costs.", "cents")))
WIDER = replace(SOURCE, tables=(WIDE,))


@pytest.fixture
def twins(lake: Lake) -> Twins[CleanRecord]:
    """A clean partition without the column and its backup, after which the declaration gains the column."""
    clean(lake, {1: "one", 2: None})
    assert back_up(lake.clean_twins(SOURCE, THINGS), [KEY], NOW)[1] == []
    return lake.clean_twins(WIDER, WIDE)


def rows(table: IcebergTable, key: str = KEY) -> list[tuple[int, str | None, int | None]]:
    found = table.arrow([key])
    return sorted((r["id"], r["label"], r.get("price")) for r in found.to_pylist()) if found else []


def test_earlier_partitions_keep_their_digests(twins: Twins[CleanRecord]) -> None:
    assert verify_twins(twins, KEY) == [], "before the tables gain the column"
    before = twins.backup.stored([KEY])[KEY].content
    for table in (twins.primary, twins.backup):
        assert "price" in table.create().schema().column_names
    assert [twin.stored([KEY])[KEY].content for twin in (twins.primary, twins.backup)] == [before, before]
    assert verify_twins(twins, KEY) == []
    assert rows(twins.backup) == [(1, "one", None), (2, None, None)]


def test_an_earlier_backup_still_restores_and_drills(twins: Twins[CleanRecord], lake: Lake, tmp_path: Path) -> None:
    """It restores over a primary that lost its rows, and into a new table with all columns."""
    primary = lake.clean(THINGS)
    primary.commit({KEY: None}, remove=of_partitions([KEY]))
    assert restore(twins, KEY) is not None
    assert rows(twins.primary) == [(1, "one", None), (2, None, None)]
    assert [r.problems for r in drill(lake, (WIDER,), tmp_path / "drill")] == [()]


def test_an_earlier_partition_can_still_be_deleted(twins: Twins[CleanRecord], lake: Lake) -> None:
    twins.primary.create()
    (line,) = Housekeeping(lake, (WIDER,), NOW).apply()
    assert line.clear, line.reason
    assert rows(twins.primary) == []


def test_a_wider_partition_is_backed_up_beside_an_earlier_one(twins: Twins[CleanRecord], lake: Lake) -> None:
    """The new column's values reach the backup, where null and a value stay distinct."""
    record = clean(lake, {1: "one", 2: None}, table=WIDE, key=LATER, price=[5, None])
    assert back_up(twins, [KEY, LATER], NOW)[1] == []
    assert rows(twins.backup, LATER) == [(1, "one", 5), (2, None, None)]
    other = clean(lake, {1: "one", 2: None}, table=WIDE, key=LATER, price=[None, None])
    assert other.content != record.content
    assert verify(twins.primary, [record]) != []


def test_an_unchanged_partition_of_a_wider_table_is_backed_up_again(twins: Twins[CleanRecord]) -> None:
    """The primary was not rewritten since the column was added, so the backup reads a table without it."""
    twins.backup.commit({KEY: None}, remove=of_partitions([KEY]))
    assert back_up(twins, [KEY], NOW)[1] == []
    assert verify_twins(twins, KEY) == []


@pytest.mark.parametrize("evolved", [False, True])
def test_files_with_column_ids_are_copied_whatever_the_ids_mean_in_the_other_table(lake: Lake, evolved: bool) -> None:
    """As those of Spark. In a table that gained the column its id is the last, in a new one it is not."""
    twins = lake.clean_twins(WIDER, WIDE)
    if evolved:
        clean(lake, {1: "one"})
    clean(lake, {1: "one", 2: None}, table=WIDE, key=LATER, price=[5, None])
    (original,) = with_column_ids(twins.primary, LATER, CleanRecord)
    assert back_up(twins, [LATER], NOW)[1] == []
    assert rows(twins.backup, LATER) == rows(twins.primary, LATER) == [(1, "one", 5), (2, None, None)]
    (copy,) = Path(twins.backup.location).rglob(f"partition_key={LATER}/*.parquet")
    assert (copy.read_bytes() == original.read_bytes()) is not evolved
    twins.primary.commit({LATER: None}, remove=of_partitions([LATER]))
    assert restore(twins, LATER) == 2
    assert rows(twins.primary, LATER) == [(1, "one", 5), (2, None, None)]
