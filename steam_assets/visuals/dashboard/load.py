"""Reading what the dashboard shows from the clean and insight tables.

Belongs here: which tables, columns and partitions are read, and the judgement of periods where no table has it. Does
not belong here: opening Iceberg (lake/clean_reader.py).

Only the last year is read. Reviews are read for their newest week alone, as a year of them may not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import ALL
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source
from steam_assets.visuals.dashboard.data import DashboardData, Period

YEAR = timedelta(days=365)

CLEAN_COLUMNS: dict[str, tuple[str, ...]] = {
    "most_played": (
        *("partition_key", "day", "rank", "app_id", "players_now", "players_peak", "name", "item_type"),
        *("is_free", "is_early_access", "final_price_cents", "discount_percent"),
    ),
    "top_sellers": (
        *("partition_key", "week_start", "app_id", "name", "item_type", "is_free", "is_early_access"),
        *("final_price_cents", "discount_percent"),
    ),
    "visits": ("*",),
    "engagement": ("*",),
    "traffic_sources": ("*",),
    "top_countries": ("*",),
}
"""Clean tables of which the year is read, and the columns of them."""

REVIEW_COLUMNS = (
    *("partition_key", "app_id", "language", "text", "created_at", "voted_up", "votes_up"),
    "playtime_at_review_minutes",
)


def load(reader: CleanReader, behind: Mapping[str, Sequence[str]] | None = None) -> DashboardData:
    """The last year of every table there is, each up to its own newest partition.

    ``behind``: the clean partitions that the insights do not have yet (lake/unrefreshed.py).
    """
    keys = {name: partition_keys(reader, name) for name in _names()}
    tables: dict[str, pa.Table] = {}
    for name, columns in CLEAN_COLUMNS.items():
        _read(reader, name, _last_year(keys[name]), columns, tables)
    _read(reader, "reviews", keys["reviews"][-1:], REVIEW_COLUMNS, tables)
    for insight in INSIGHTS:
        _read(reader, insight.table, _last_year(keys[insight.table]), ("*",), tables)
    as_of = {
        table.name: moment
        for source in SOURCES
        for table in source.tables
        if (moment := _fetched_at(reader, table.name, keys[table.name])) is not None
    }
    return DashboardData(tables, as_of, periods(tables.get("insight_freshness"), keys), behind or {})


def _names() -> Iterable[str]:
    yield from (table.name for source in SOURCES for table in source.tables)
    yield from (insight.table for insight in INSIGHTS)


def partition_keys(reader: CleanReader, name: str) -> list[str]:
    """Keys of the partitions that have rows, oldest first, from the table's metadata alone."""
    table = reader.table(name)
    if table is None or table.current_snapshot() is None:
        return []
    partitions = table.inspect.partitions()
    return sorted({row["partition"]["partition_key"] for row in partitions.to_pylist() if row["record_count"]})


def _last_year(keys: Sequence[str]) -> Sequence[str]:
    if not keys or keys[-1] == ALL:
        return keys
    first = (date.fromisoformat(keys[-1]) - YEAR).isoformat()
    return [key for key in keys if key > first]


def _read(
    reader: CleanReader, name: str, keys: Sequence[str], columns: Sequence[str], tables: dict[str, pa.Table]
) -> None:
    rows = reader.arrow(name, keys, columns) if keys else reader.arrow(name, [""], columns)
    if rows is not None:
        tables[name] = rows


def _fetched_at(reader: CleanReader, name: str, keys: Sequence[str]) -> datetime | None:
    rows = reader.arrow(name, keys[-1:], ("fetched_at",)) if keys else None
    newest = pc.call_function("max", [rows["fetched_at"]]).as_py() if rows is not None and rows.num_rows else None
    return newest.astimezone(UTC) if newest is not None else None


def periods(freshness: pa.Table | None, keys: dict[str, list[str]]) -> tuple[Period, ...]:
    """Each source's periods: as the freshness insight judges them, else from the partitions that have rows."""
    if freshness is not None and freshness.num_rows:
        rows = sorted(freshness.to_pylist(), key=lambda row: (row["source"], row["period"]))
        return tuple(
            Period(row["source"], row["period"], row["state"], row["why"], row["rows"], row["quarantined"])
            for row in rows
        )
    return tuple(period for source in SOURCES for period in _from_keys(source, keys[source.tables[0].name]))


def _from_keys(source: Source, keys: Sequence[str]) -> Iterable[Period]:
    if not keys:
        return
    there = set(keys)
    for window in source.cadence.between(_last_year(keys)[0], keys[-1]):
        if window.key in there:
            yield Period(source.name, window.start.date(), "ok")
        else:
            yield Period(source.name, window.start.date(), "missing", "It has no clean rows.")
