"""A lake with the made-up market, written without Spark and without a JVM.

Belongs here: its commits, ledger and gaps. Does not belong here: its rows (made_up_market.py), queries on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import groupby

import pyarrow as pa

from steam_assets.insights import INSIGHTS
from steam_assets.insights.freshness import freshness_rows
from steam_assets.insights.insight import ALL
from steam_assets.insights.table import insight_table
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Content, Stored
from steam_assets.ledger.records import Batch, CleanRecord, RawRecord
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source, Table
from steam_assets_tests.query.made_up_market import NOW, UNCLEANED, Row, Rows


def freshness(lake: Lake) -> list[Row]:
    """The rows of the freshness insight, computed from the ledger of a filled lake."""
    return [one | {"partition_key": ALL} for one in freshness_rows(lake, SOURCES, NOW)]


def fill(lake: Lake, rows: Rows) -> None:
    """Write the rows, one file per partition and one commit per table, with the ledger of collected data.

    Sources without rows were never collected.
    """
    for source in SOURCES:
        tables = [table for table in source.tables if table.name in rows]
        for table in tables:
            _commit_clean(lake, source, table, rows[table.name])
        if tables:
            _commit_raw(lake, source, {one["partition_key"] for table in tables for one in rows[table.name]})
    for insight in INSIGHTS:
        if insight.compute is None or insight.table in rows:
            _commit(insight_table(lake, insight), rows.get(insight.table) or freshness(lake))
    visits = next(table for source in SOURCES for table in source.tables if table.name == "visits")
    _commit(lake.table("clean-backup", visits.name, lake.clean(visits).columns, ""), _traced(rows["visits"]))


def _commit_clean(lake: Lake, source: Source, table: Table, rows: list[Row]) -> None:
    counts: dict[str, int] = {}
    for one in rows:
        counts[one["partition_key"]] = counts.get(one["partition_key"], 0) + 1
    records = {
        key: CleanRecord(
            table=table.name, partition_key=key, raw_digest=_raw(source, key).digest, items=count, clean=count,
            quarantined=0, duplicates=0, content=Content(rows=count, digest=f"{count}-1"), snapshot_id=1,
            committed_at=NOW,
        )
        for key, count in counts.items()
    }  # fmt: skip
    _commit(lake.clean(table), _traced(rows), records)


def _commit_raw(lake: Lake, source: Source, keys: set[str]) -> None:
    every = keys | {day.isoformat() for day in UNCLEANED.get(source.name, ())}
    lake.raw(source).commit({key: _raw(source, key) for key in sorted(every)})


def _raw(source: Source, key: str) -> RawRecord:
    fetched = source.cadence.window(key).end - timedelta(hours=3)
    stored = Stored(Content(rows=1, digest=f"{int(key.replace('-', ''))}-1"))
    batch = Batch.without_kafka(key, stored, {}, size=1, fetched_at=fetched, landed_at=NOW)
    return RawRecord(table=source.name, partition_key=key, batches=(batch,))


def _traced(rows: list[Row]) -> list[Row]:
    origin = {"fetched_at": NOW, "source_sha256": "0" * 64, "changes": []}
    return [one | origin for one in rows]


def _commit(table: IcebergTable, rows: list[Row], records: Mapping[str, CleanRecord] | None = None) -> None:
    schema = arrow_schema(table.create())
    rows = sorted(rows, key=lambda one: one["partition_key"])
    batches = (
        pa.RecordBatch.from_pylist(list(of_key), schema)
        for _, of_key in groupby(rows, lambda one: one["partition_key"])
    )
    table.commit(dict(records or {}), add=table.write(batches, "made").files)
