"""A column is added to a clean table: partitions and backups that were written before it stay as good as they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clean_partitions import NOW, put_in_place
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.lake import clean_backup, clean_housekeeping
from steam_assets.lake.clean_backup import Content
from steam_assets.lake.clean_tables import clean_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.lease import lease
from steam_assets.lake.restore import Restorer, drill
from steam_assets.lake.spark_session import CLEAN_BACKUP
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.source import Column, Table
from steam_assets_tests.deployment import session_for

pytestmark = pytest.mark.spark

KEY, LATER = "2026-10-27", "2026-11-03"


def nothing(raw: DataFrame) -> DataFrame:
    return raw.limit(0)


NARROW = Table(
    name="things",
    description="Things.",
    columns=(Column("id", "bigint", "Its id.", nullable=False), Column("label", "string", "Its name.")),
    key=("id",),
    items=nothing,
)
WIDE = replace(NARROW, columns=(*NARROW.columns, Column("price", "bigint", "What it costs.", "cents")))
SOURCE = replace(source_named("top_sellers"), name="things", tables=(WIDE,))


@dataclass(frozen=True)
class Written:
    """A lake with one clean partition of ``NARROW`` and its backup; the product then learns of ``WIDE``."""

    lake: Lake
    session: SparkSession
    content: Content

    def now(self, table: Table = WIDE, catalog: str = "clean", key: str = KEY) -> Content:
        return clean_backup.content(clean_table(self.session, table, catalog).read([key]), [key])[key]

    def rows(self, catalog: str = "clean", key: str = KEY) -> list[tuple[int, str | None, int | None]]:
        frame = clean_table(self.session, WIDE, catalog).read([key])
        return sorted((r["id"], r["label"], r["price"]) for r in frame.select("id", "label", "price").collect())


def rows_of(session: SparkSession, table: Table, key: str = KEY) -> DataFrame:
    values = session.createDataFrame([(1, "one", 5), (2, None, None)], "id bigint, label string, price bigint")
    return values.select(
        *(column.name for column in table.columns),
        F.lit(key).alias("partition_key"),
        F.lit(NOW).alias("fetched_at"),
        F.lit("0" * 64).alias("source_sha256"),
        F.array().cast("array<string>").alias("changes"),
    )


@pytest.fixture
def written(spark: SparkSession, tmp_path: Path) -> Written:
    settings = Settings(home=tmp_path / "home")
    lake, session = Lake(settings), session_for(spark, settings)
    content = put_in_place(lake, session, NARROW, rows_of(session, NARROW), {KEY: 2})[KEY]
    return Written(lake, session, content)


def test_an_earlier_backup_still_verifies_when_the_table_is_wider(written: Written) -> None:
    assert clean_backup.verify(written.session, WIDE, {KEY: written.content}) == []
    clean_table(written.session, WIDE, CLEAN_BACKUP).create()
    assert clean_backup.verify(written.session, WIDE, {KEY: written.content}) == []
    assert written.rows(CLEAN_BACKUP) == [(1, "one", None), (2, None, None)]


def test_an_earlier_backup_still_restores_and_drills(written: Written, tmp_path: Path) -> None:
    """Over the primary that lost its rows, and into a place where the table is made anew with all its columns."""
    narrow = clean_table(written.session, NARROW)
    narrow.delete([KEY], narrow.snapshot_id())
    (back,) = Restorer.in_place(written.lake, written.session).restore(SOURCE, [KEY])
    assert (back.problems, back.rows) == ((), {"things": 2})
    assert written.rows() == [(1, "one", None), (2, None, None)]
    assert [r.problems for r in drill(written.lake, written.session, (SOURCE,), tmp_path / "drill")] == [()]


def test_an_earlier_partition_is_still_cleared(written: Written) -> None:
    candidates = clean_housekeeping.plan(written.lake, (SOURCE,), NOW)
    with lease(written.lake.raw.store, "clean-housekeeping") as held:
        (outcome,) = clean_housekeeping.apply(written.session, written.lake, candidates, held)
    assert outcome.cleared, outcome.reason
    assert written.rows() == []


def test_a_wider_partition_is_backed_up_beside_an_earlier_one(written: Written) -> None:
    """The new column's values reach the backup, and a null there is told from a value."""
    clean_table(written.session, WIDE).overwrite(rows_of(written.session, WIDE, LATER), [LATER])
    copied = clean_backup.back_up(written.session, WIDE, {KEY: 2, LATER: 2})
    assert copied[KEY] == written.content == written.now(catalog=CLEAN_BACKUP)
    assert written.rows(CLEAN_BACKUP, LATER) == [(1, "one", 5), (2, None, None)]
    backup = clean_table(written.session, WIDE, CLEAN_BACKUP).identifier
    written.session.sql(f"UPDATE {backup} SET price = NULL WHERE partition_key = '{LATER}'")
    assert clean_backup.verify(written.session, WIDE, {LATER: copied[LATER]}) != []


def test_an_unchanged_partition_of_a_wider_table_is_backed_up_again(written: Written) -> None:
    """The primary was not written since the column came: its copy is made from a table that lacks it."""
    backup = clean_table(written.session, NARROW, CLEAN_BACKUP)
    backup.delete([KEY], backup.snapshot_id())
    assert clean_backup.back_up(written.session, WIDE, {KEY: 2}) == {KEY: written.content}
