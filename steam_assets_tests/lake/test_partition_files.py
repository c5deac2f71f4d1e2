"""Reading partitions directly from their files returns the same rows as pyiceberg's scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.lake.partition_files import PartitionFiles
from steam_assets.settings import Settings
from steam_assets.sources.source import Column

DAYS = ("2026-11-15", "2026-11-16", "2026-11-17")
COLUMNS = (
    Column("app_id", "bigint", "The app.", nullable=False),
    Column("players", "int", "Players.", nullable=False),
    Column("partition_key", "string", "Day.", nullable=False),
)


def days(players: int) -> Iterator[pa.RecordBatch]:
    for day in DAYS:
        yield pa.RecordBatch.from_pylist([{"app_id": n, "players": players, "partition_key": day} for n in range(9)])


def laid(settings: Settings) -> IcebergTable:
    """A table of three days, each in its own commit; the second day was replaced."""
    table = Lake(settings).table("clean", "played", COLUMNS, "")
    for number, batch in enumerate([*days(1), *list(days(2))[1:2]]):
        key = batch["partition_key"][0].as_py()
        table.commit({}, remove=of_partitions([key]), add=table.write(iter([batch]), f"batch-{number}").files)
    return table


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_the_rows_are_those_of_a_scan(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """This holds for all days or some days and columns, on disk and S3, and for rows deleted by another program."""
    table = laid(Settings(home=tmp_path) if place == "folder" else request.getfixturevalue("on_bucket"))
    files = PartitionFiles.of(table.load())
    assert files is not None and files.keys == [*DAYS]
    for read in (files, replace(files, with_deletes=True)):
        assert rows_of(read.read(DAYS)) == rows_of(table.arrow())
        some = read.read(DAYS[1:], ("players", "app_id"), lambda batch: batch.filter(pc.field("app_id") > 6))
        assert some.column_names == ["players", "app_id"]
        assert some.to_pylist() == [{"players": n, "app_id": app} for n in (2, 1) for app in (7, 8)]
        assert read.read(["2026-11-14"]).num_rows == read.read([]).num_rows == 0
        assert rows_of(read.stream(DAYS[1]).read_all()) == rows_of(table.arrow(DAYS[1:2]))
        assert read.stream("2026-11-14").read_all().num_rows == 0
    chosen = PartitionFiles.of(table.load(), keys=DAYS[1:])
    assert chosen is not None and chosen.keys == [*DAYS[1:]]


def rows_of(table: pa.Table | None) -> list[dict[str, object]]:
    assert table is not None
    return sorted(table.to_pylist(), key=lambda row: (row["partition_key"], row["app_id"]))


def test_a_column_added_later_is_null_in_older_files(tmp_path: Path) -> None:
    """This holds whether or not the table has the column yet."""
    table = laid(Settings(home=tmp_path))
    wider = (*COLUMNS, Column("makers", "array<string>", "Makers.", nullable=False))
    for declared in (wider, ()):
        files = PartitionFiles.of(table.load(), declared)
        assert files is not None
        for read in (files, replace(files, with_deletes=True)):
            assert read.read(DAYS, ("makers",))["makers"].null_count == len(DAYS) * 9
        replace(table, columns=(*COLUMNS, Column("makers", "array<string>", "Makers."))).create()


def test_a_table_without_a_commit_has_no_files(tmp_path: Path) -> None:
    table = Lake(Settings(home=tmp_path)).table("clean", "played", COLUMNS, "")
    assert PartitionFiles.of(table.load()) is None
    assert PartitionFiles.of(table.create()) is None


def test_content_is_that_of_the_rows_read_back(tmp_path: Path) -> None:
    """Columns that the table does not have do not count, nor does the order of columns and rows."""
    table = Lake(Settings(home=tmp_path)).table("clean", "played", COLUMNS, "")
    rows = [{"state": "clean", "players": n, "partition_key": DAYS[0], "app_id": n} for n in range(9)]
    written = table.write([pa.RecordBatch.from_pylist(rows[:4]), pa.RecordBatch.from_pylist(rows[4:][::-1])], "rows")
    table.commit({}, add=written.files)

    assert written.stored.content.rows == len(rows)
    assert table.stored([DAYS[0]]) == {DAYS[0]: written.stored}
