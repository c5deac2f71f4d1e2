"""Reading the dashboard's data from the clean and insight tables.

Belongs here: which partitions are read, and the state of periods if the freshness insight is missing. Does not belong
here: which tables and columns a panel needs (panel_queries.py), opening Iceberg (lake/clean_reader.py).

Only the last year is read, and of some tables only the newest partition.
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
from steam_assets.visuals.dashboard.panel_queries import READS, Read

YEAR = timedelta(days=365)


def load(reader: CleanReader, behind: Mapping[str, Sequence[str]] | None = None) -> DashboardData:
    """The last year of every existing table, each up to its own newest partition.

    ``behind``: the clean partitions that the insights do not include yet (ledger/unrefreshed.py).
    """
    keys = {name: partition_keys(reader, name) for name in _names()}
    tables: dict[str, pa.Table] = {}
    for read in ({insight.table: Read(insight.table) for insight in INSIGHTS} | READS).values():
        wanted = keys[read.table][-1:] if read.newest_only else _last_year(keys[read.table])
        _read(reader, read.table, wanted, read.columns, tables)
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
    """Keys of the partitions that have rows, oldest first, from the table's metadata."""
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
    """Each source's periods: from the freshness insight, else from the partitions that have rows."""
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
