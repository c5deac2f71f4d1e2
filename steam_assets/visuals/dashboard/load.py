"""Reading the dashboard's data from the clean and insight tables.

Belongs here: which partitions are read, and the state of periods if the freshness insight is missing. Does not belong
here: which tables and columns a panel needs (table_reads.py), opening Iceberg (lake/clean_reader.py).

Only the last year is read, and of some tables only the newest partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.insights.declared_tables import declared_tables
from steam_assets.insights.insight import ALL
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.partition_files import PartitionFiles
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source
from steam_assets.visuals.dashboard.data import DashboardData, Period
from steam_assets.visuals.dashboard.table_reads import TABLE_READS, TableRead
from steam_assets.visuals.dashboard.unusual_weeks import unusual_weeks

YEAR = timedelta(days=365)


def load(reader: CleanReader, behind: Mapping[str, Sequence[str]] | None = None) -> DashboardData:
    """The last year of every existing table, each up to its own newest partition.

    ``behind``: the clean partitions that the insights do not include yet (ledger/unrefreshed.py).
    """
    declared = {table.name: table.columns for table in declared_tables(SOURCES)}
    wanted = {*TABLE_READS, *_clean_names()} & declared.keys()
    files = {name: PartitionFiles.of(reader.table(name), declared[name]) for name in wanted}
    there = {name: found for name, found in files.items() if found is not None}
    tables = {name: _read(there[name], read) for name, read in TABLE_READS.items() if name in there}
    if "reviews" in there:
        older = _unusual_reviews(there["reviews"], tables.get("insight_review_bombs"))
        tables["reviews"] = pa.concat_tables([older, tables["reviews"]])
    keys = {name: there[name].keys if name in there else [] for name in _clean_names()}
    as_of = {name: moment for name in keys if (moment := _fetched_at(there.get(name))) is not None}
    states = periods(tables.get("insight_freshness"), keys)
    return DashboardData(tables, as_of, states, behind or {}, reader.is_synthetic)


def _clean_names() -> Iterable[str]:
    return (table.name for source in SOURCES for table in source.tables)


def _read(files: PartitionFiles, read: TableRead) -> pa.Table:
    declared = {column.name for column in files.declared}
    columns = [name for name in read.columns if name == "*" or name in declared]
    return files.read(files.keys[-1:] if read.newest_only else _last_year(files.keys), columns)


def _unusual_reviews(files: PartitionFiles, bombs: pa.Table | None) -> pa.Table:
    """The reviews of unusual weeks before the newest, of the games for which they were unusual."""
    unusual = unusual_weeks(bombs).to_pylist()
    apps: dict[str, list[int]] = {}
    for row in unusual:
        apps.setdefault(row["partition_key"], []).append(row["app_id"])

    def of_unusual(batch: pa.RecordBatch) -> pa.RecordBatch:
        # A file has rows of one partition.
        key = batch["partition_key"][0].as_py() if batch.num_rows else ""
        return batch.filter(pc.is_in(batch["app_id"], pa.array(apps.get(key, []), pa.int64())))

    return files.read([key for key in files.keys[:-1] if key in apps], TABLE_READS["reviews"].columns, of_unusual)


def _last_year(keys: Sequence[str]) -> Sequence[str]:
    if not keys or keys[-1] == ALL:
        return keys
    first = (date.fromisoformat(keys[-1]) - YEAR).isoformat()
    return [key for key in keys if key > first]


def _fetched_at(files: PartitionFiles | None) -> datetime | None:
    if files is None or not files.keys:
        return None
    newest = pc.call_function("max", [files.read(files.keys[-1:], ("fetched_at",))["fetched_at"]]).as_py()
    return newest.astimezone(UTC) if newest is not None else None


def periods(freshness: pa.Table | None, keys: Mapping[str, Sequence[str]]) -> tuple[Period, ...]:
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
            yield Period(source.name, window.start.date(), "missing", "No clean data for this period.")
