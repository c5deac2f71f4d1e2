"""Freshness: every due period has a state, and a gap has a reason and a next step."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from benchmarks.raw_partition import put_batch
from steam_assets.insights import insight_named
from steam_assets.insights.freshness import Row, freshness_rows
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import Source

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
MADE = datetime(2026, 11, 14, 22, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def clean(lake: Lake, source: Source, key: str, *, tables: int = 9) -> None:
    for table in source.tables[:tables]:
        record = CleanRecord(
            table=table.name, partition_key=key, raw_digest="0-0", content=Content(rows=10), snapshot_id=1,
            committed_at=MADE, items=12, clean=10, quarantined=2, duplicates=0,
        )  # fmt: skip
        target = lake.clean(table)
        target.commit({key: record})


def land(lake: Lake, source: Source, key: str) -> None:
    put_batch(lake, source, key, "b", ())


def told(lake: Lake, source: Source, now: datetime = NOW) -> dict[str, Row]:
    return {str(row["period"]): row for row in freshness_rows(lake, [source], now)}


def test_states_of_days(lake: Lake):
    """From the first collected day to yesterday: ok, failed or missing for good; today is not due yet."""
    source = source_named("most_played")
    clean(lake, source, "2026-11-14")
    land(lake, source, "2026-11-15")
    rows = told(lake, source)

    assert {period: row["state"] for period, row in rows.items()} == {
        "2026-11-14": "ok",
        "2026-11-15": "failed",
        "2026-11-16": "missing",
        "2026-11-17": "missing",
    }
    assert rows["2026-11-14"] | {"why": None, "since": MADE, "rows": 10, "quarantined": 2} == rows["2026-11-14"]
    assert "--stage clean" in str(rows["2026-11-15"]["why"])
    assert "no longer available" in str(rows["2026-11-16"]["why"])
    assert rows["2026-11-16"]["why"] == rows["2026-11-17"]["why"], "consecutive days become one line"
    assert rows["2026-11-16"]["since"] == datetime(2026, 11, 17, tzinfo=UTC)


def test_a_week_that_can_still_be_collected_says_how(lake: Lake):
    """The row has the command that collects a missed week of a source with history. One table of two is not enough."""
    source = source_named("reviews")
    clean(lake, source, "2026-10-27", tables=1)
    rows = told(lake, source)

    assert {period: row["state"] for period, row in rows.items()} == {
        "2026-10-27": "failed",
        "2026-11-03": "missing",
        "2026-11-10": "late",
    }
    assert "steam-assets run reviews --from 2026-11-03 --to 2026-11-03" in str(rows["2026-11-03"]["why"])


def test_a_week_is_due_a_day_and_a_half_after_its_end(lake: Lake):
    """It is not missing before that. A source without partitions has one row, for the latest due period."""
    source = source_named("top_sellers")
    assert list(told(lake, source, datetime(2026, 11, 18, 11, 59, tzinfo=UTC))) == ["2026-11-03"]
    assert list(told(lake, source, datetime(2026, 11, 18, 12, tzinfo=UTC))) == ["2026-11-10"]


def test_rows_have_the_declared_columns(lake: Lake):
    """Every row of every source matches the table."""
    rows = freshness_rows(lake, SOURCES, NOW)
    names = [column.name for column in insight_named("freshness").columns]
    assert [list(row) for row in rows] == [names] * len(SOURCES)
    assert {row["source"] for row in rows} == {source.name for source in SOURCES}
    assert isinstance(rows[0]["period"], date)
