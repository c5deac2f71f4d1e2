"""Exported files: one per partition, one of all partitions, the column dictionary and the DuckDB database."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from steam_assets.insights.declared_tables import declared_tables
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.lake.parquet_files import GROUP_BYTES
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.spark.clean_tables import overwrite
from steam_assets.visuals.exports.catalog_files import DATABASE, DICTIONARY, catalog_exports
from steam_assets.visuals.exports.csv_files import read_csv_export
from steam_assets.visuals.exports.table_files import WHOLE, Exported, export_table, join_partitions
from steam_assets_tests.deployment import session_for
from steam_assets_tests.insights.synthetic_market import Row, frame


@dataclass(frozen=True)
class Exports:
    """Clean news of two weeks in Iceberg, and a folder for exports."""

    settings: Settings
    session: SparkSession
    place: Path

    def write(self, rows: list[Row], keys: list[str]) -> None:
        table = next(t for source in SOURCES for t in source.tables if t.name == "news")
        news = frame(self.session, "news", rows)
        overwrite(self.session, Lake(self.settings).clean(table), lambda: news, keys, lambda _: {})

    def export(self, keys: list[str] | None = None) -> list[Exported]:
        return list(export_table(CleanReader(self.settings), self.place, "news", keys))


def _article(week: date, number: int, title: str) -> Row:
    published = datetime(week.year, week.month, week.day, 5, tzinfo=UTC)
    return {
        "week_start": week,
        "app_id": 570,
        "gid": str(number),
        "title": title,
        "published_at": published,
        "tags": ["patchnotes", "-x"],
        "is_primary": True,
    }


WEEK, NEXT_WEEK = date(2026, 11, 3), date(2026, 11, 10)
HOSTILE = ["=cmd|' /C calc'!A0", "@SUM(1)", "</script>\u2028", "ゲーム \u202eabc", "'quoted'", "a,\r\nb"]


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    home = tmp_path_factory.mktemp("exported")
    given = Settings(home=home, spark_master="local[2]")
    made = Exports(given, session_for(spark, given), home / "exports")
    made.write(
        [_article(WEEK, n, title) for n, title in enumerate(HOSTILE)] + [_article(NEXT_WEEK, 99, "Calm")],
        [WEEK.isoformat(), NEXT_WEEK.isoformat()],
    )
    return made


@pytest.mark.spark
def test_both_files_hold_the_partition(lake: Exports):
    """Every partition has a CSV and a Parquet file with the rows of the clean table."""
    exported = lake.export()
    assert [(e.partition_key, e.rows) for e in exported] == [(WEEK.isoformat(), 6), (NEXT_WEEK.isoformat(), 1)]
    for one in exported:
        rows = CleanReader(lake.settings).arrow("news", [one.partition_key])
        assert rows is not None
        written = pq.read_table(lake.place / one.parquet)
        assert written.cast(rows.schema).equals(rows)
        assert read_csv_export(lake.place / one.csv).equals(written)
    assert sorted(row["title"] for row in pq.read_table(lake.place / exported[0].parquet).to_pylist()) == sorted(
        HOSTILE
    )


@pytest.mark.spark
def test_a_partition_is_replaced_and_others_are_left(lake: Exports):
    """Its files hold the new rows, or none. Files of other partitions keep their bytes, and no file is added."""
    lake.export()
    other = (lake.place / "news" / f"{NEXT_WEEK}.csv").read_bytes()
    lake.write([], [WEEK.isoformat()])

    (empty,) = lake.export([WEEK.isoformat()])

    assert empty.rows == 0
    assert read_csv_export(lake.place / empty.csv).num_rows == 0
    assert (lake.place / "news" / f"{NEXT_WEEK}.csv").read_bytes() == other
    assert pq.read_table(lake.place / "news" / WHOLE)["partition_key"].to_pylist() == [NEXT_WEEK.isoformat()]
    named = {path.name for path in (lake.place / "news").iterdir()}
    assert named == {f"{week}.{kind}" for week in (WEEK, NEXT_WEEK) for kind in ("csv", "parquet")} | {WHOLE}


@pytest.mark.spark
def test_a_key_that_is_not_a_partition_is_refused(lake: Exports):
    """A key cannot be used to build a path."""
    with pytest.raises(ValueError, match="not a partition key"):
        lake.export(["../../2026-11-10"])


DECLARED = {table.name: table for table in declared_tables(SOURCES)}


def partition(folder: Path, key: str, **columns: Sequence[object] | pa.Array) -> None:
    """A partition's file as the export writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({**columns, "partition_key": [key] * len(next(iter(columns.values())))}), folder / f"{key}.parquet"
    )


def test_one_file_has_all_partitions_oldest_first(tmp_path: Path):
    for key, values in (("2026-11-02", [3]), ("2026-11-01", [1, 2])):
        partition(tmp_path, key, n=values)
    assert join_partitions(tmp_path)
    assert pq.read_table(tmp_path / WHOLE)["n"].to_pylist() == [1, 2, 3]


def test_the_file_of_all_partitions_is_left_alone_until_one_changes(tmp_path: Path):
    """Exporting the same rows again leaves it; a changed, new or removed partition rewrites it."""
    partition(tmp_path, "2026-11-01", n=[1])
    join_partitions(tmp_path)
    written = (tmp_path / WHOLE).stat().st_mtime_ns
    partition(tmp_path, "2026-11-01", n=[1])
    assert not join_partitions(tmp_path) and (tmp_path / WHOLE).stat().st_mtime_ns == written

    partition(tmp_path, "2026-11-01", n=[2])
    assert join_partitions(tmp_path)
    partition(tmp_path, "2026-11-02", n=[3])
    assert join_partitions(tmp_path)
    (tmp_path / "2026-11-01.parquet").unlink()
    assert join_partitions(tmp_path)
    assert pq.read_table(tmp_path / WHOLE)["n"].to_pylist() == [3]


def test_the_same_partitions_give_the_same_bytes(tmp_path: Path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        partition(folder, "2026-11-01", n=[1, 2])
        partition(folder, "2026-11-02", n=[3])
        join_partitions(folder)
    assert (tmp_path / "a" / WHOLE).read_bytes() == (tmp_path / "b" / WHOLE).read_bytes()


def test_a_column_that_older_partitions_lack_is_null_there(tmp_path: Path):
    """Columns have the order of the newest partition; both Arrow string types can be combined."""
    partition(tmp_path, "2026-11-01", n=[1])
    partition(tmp_path, "2026-11-02", added=pa.array(["x"], pa.large_string()), n=[2])
    join_partitions(tmp_path)
    rows = pq.read_table(tmp_path / WHOLE)
    assert rows.column_names == ["added", "n", "partition_key"]
    assert rows["added"].to_pylist() == [None, "x"] and rows["n"].to_pylist() == [1, 2]


def test_joining_needs_memory_for_row_groups_not_for_the_table(tmp_path: Path):
    """Joining sixteen row groups in twice as many partitions takes less than half of their memory in Arrow's pool."""
    rows, groups = 4000, 16
    texts = pa.repeat("x" * (GROUP_BYTES // 2 // rows), rows)
    for number in range(2 * groups):
        partition(tmp_path, f"{date(2026, 1, 1) + timedelta(days=number)}", text=texts)
    del texts
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        assert join_partitions(tmp_path)
    finally:
        pa.set_memory_pool(usual)
    whole = pq.ParquetFile(tmp_path / WHOLE).metadata
    assert whole.num_rows == 2 * groups * rows and whole.num_row_groups >= groups / 2
    assert 0 < (pool.max_memory() or 0) < groups * GROUP_BYTES / 2


@pytest.fixture(scope="module")
def two_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables that lack declared columns, in a folder whose name contains SQL and glob characters."""
    folder = tmp_path_factory.mktemp("o'clock [1]") / "exports"
    partition(folder / "visits", "2026-10-01", month=[date(2026, 10, 1)], visits=[7])
    partition(folder / "visits", "2026-11-01", month=[date(2026, 11, 1)], visits=[8])
    partition(folder / "news", "2026-11-10", app_id=[570], title=["=1+1"])
    for name in ("visits", "news"):
        join_partitions(folder / name)
    catalog_exports(folder, list(DECLARED.values()), synthetic=False)
    return folder


def read_visits(database: str | Path, before: str = "") -> list[tuple[object, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        if before:
            connection.execute(before)
        return connection.execute("select visits from visits order by month").fetchall()


@pytest.mark.parametrize("working_directory", ["elsewhere", "own folder", "folder above"])
@pytest.mark.parametrize("moved", [False, True], ids=["in place", "moved"])
def test_the_database_opens_from_any_working_directory_wherever_its_folder_is(
    two_tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, working_directory: str, *, moved: bool
):
    """The moved folder is a copy whose original is deleted, so nothing can be read from the old path."""
    folder = tmp_path / "original" / "exports"
    shutil.copytree(two_tables, folder)
    catalog_exports(folder, list(DECLARED.values()), synthetic=False)
    if moved:
        folder = folder.parent.rename(tmp_path / "moved [2]") / "exports"
    there = {"elsewhere": tmp_path, "own folder": folder, "folder above": folder.parent}[working_directory]
    monkeypatch.chdir(there)
    assert read_visits(folder / DATABASE) == [(7,), (8,)]
    if working_directory != "elsewhere":
        assert read_visits((folder / DATABASE).relative_to(there)) == [(7,), (8,)]


@pytest.mark.parametrize(
    ("name", "neighbour"), [("exports [1]", "exports 1"), ("*", "other"), ("**", "a"), ("[!a]", "b"), ("{a,b}", "a")]
)
def test_a_folder_named_like_a_pattern_is_read_and_not_what_the_pattern_matches(
    two_tables: Path, tmp_path: Path, name: str, neighbour: str
):
    read = shutil.copytree(two_tables, tmp_path / name)
    shutil.copytree(two_tables, tmp_path / neighbour)
    partition(read / "visits", "2026-12-01", month=[date(2026, 12, 1)], visits=[9])
    join_partitions(read / "visits")
    assert read_visits(read / DATABASE) == [(7,), (8,), (9,)]
    assert read_visits(tmp_path / neighbour / DATABASE) == [(7,), (8,)]


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_a_folder_without_a_database_gets_the_other_files(two_tables: Path, tmp_path: Path, name: str):
    folder = tmp_path / name
    shutil.copytree(two_tables, folder)
    (folder / DATABASE).unlink()
    catalog_exports(folder, list(DECLARED.values()), synthetic=False)
    assert not (folder / DATABASE).exists()
    assert (folder / DICTIONARY).stat().st_size


def test_a_moved_database_that_is_attached_reads_the_folder_in_the_variable(two_tables: Path, tmp_path: Path):
    """The exception and remedy in the module's docstring; a database that was not moved needs no variable."""
    moved = shutil.copytree(two_tables, tmp_path / "moved")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{moved / DATABASE}' as steam (read_only)")
        assert connection.execute("select count(*) from steam.visits").fetchall() == [(2,)]
        partition(moved / "visits", "2026-12-01", month=[date(2026, 12, 1)], visits=[9])
        join_partitions(moved / "visits")
        connection.execute(f"set variable steam_exports = '{moved}'")
        assert connection.execute("select count(*) from steam.visits").fetchall() == [(3,)]


def test_the_database_says_what_its_tables_and_columns_are(two_tables: Path):
    with duckdb.connect(str(two_tables / DATABASE), read_only=True) as connection:
        views = connection.execute("select view_name, comment from duckdb_views() where not internal").fetchall()
        columns = connection.execute("select column_name, comment from duckdb_columns() where table_name = 'visits'")
        found = dict(columns.fetchall())
    assert {name for name, _ in views} == {"news", "visits"}
    assert all(DECLARED[name].title in comment for name, comment in views)
    visits = next(column for column in DECLARED["visits"].columns if column.name == "visits")
    assert visits.description in found["visits"] and visits.unit in found["visits"]


def test_the_dictionary_describes_the_columns_of_the_exported_tables(two_tables: Path):
    """A program without our settings can read it."""
    read = duckdb.read_csv(str(two_tables / DICTIONARY))
    rows = [dict(zip(read.columns, row, strict=True)) for row in read.fetchall()]
    assert {(row["table"], row["column"]) for row in rows} == {
        (name, column.name) for name in ("visits", "news") for column in DECLARED[name].columns
    }
    (visits,) = (row for row in rows if (row["table"], row["column"]) == ("visits", "visits"))
    assert (visits["caption"], visits["unit"], visits["required"], visits["key"]) == ("Visits", "visits", True, False)
    assert {row["column"] for row in rows if row["table"] == "visits" and row["key"]} == {*DECLARED["visits"].key}


def test_nothing_is_catalogued_before_anything_is_exported(tmp_path: Path):
    catalog_exports(tmp_path, list(DECLARED.values()), synthetic=False)
    assert list(tmp_path.iterdir()) == []


def test_every_clean_and_insight_table_is_declared_once():
    names = [table.name for table in declared_tables(SOURCES)]
    assert len(names) == len(set(names))
    assert {"most_played", "review_summary", "traffic_sources", "insight_player_trend", "insight_freshness"} <= {*names}
