"""Compute insights in memory, by DuckDB, from clean tables that fit into it, as those of most lakes on a laptop do.

Belongs here: which tables are small, reading them, running the queries. Does not belong here: the queries
(chart_queries.py, store_queries.py), committing the rows (table.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.duckdb_connection import open_connection
from steam_assets.insights import chart_queries, store_queries
from steam_assets.insights.insight import Insight
from steam_assets.lake.columns import ORIGIN, arrow_fields
from steam_assets.lake.lake import Lake
from steam_assets.lake.unreadable_tables import naming_damage
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Column, Table

SMALL_BYTES = 16 << 20
"""Clean tables up to this compressed size are small: a year of hourly samples of 120 games has half of it."""

QUERIES: Mapping[str, str] = chart_queries.QUERIES | store_queries.QUERIES
VIEWS: Mapping[str, str] = chart_queries.VIEWS | store_queries.VIEWS

_USED = {word for query in (*QUERIES.values(), *VIEWS.values()) for word in re.findall(r"\w+", query)}
"""Among others, the columns that queries name: not the long texts of reviews and news, which take most memory."""


def are_small(lake: Lake, tables: Iterable[Table], limit: int = SMALL_BYTES) -> bool:
    """Whether clean tables have at most ``limit`` bytes together, compressed."""
    return sum(lake.clean(table).size() for table in tables) <= limit


class SmallInputs:
    """Clean tables in memory, all of them by name, and the insights computed from them; for use by several threads."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._lock = Lock()
        self._duck = open_connection()
        # Several threads would add up sums in another order each time.
        self._duck.execute("set threads = 1")
        for name, rows in tables.items():
            self._duck.register(name, rows)
        for name, query in VIEWS.items():
            self._duck.execute(f"create view {name} as {query}")

    @classmethod
    def read(cls, lake: Lake, chosen: Iterable[tuple[Insight, Sequence[str]]]) -> SmallInputs:
        """Read what these partitions of insights need; tables that none needs are empty."""
        needed = [(one.table, insight.reads(one.table, keys)) for insight, keys in chosen for one in insight.inputs]
        tables = [table for source in SOURCES for table in source.tables]
        ranges = {table.name: [range_ for name, range_ in needed if name == table.name] for table in tables}
        return cls({table.name: _rows(lake, table, ranges[table.name]) for table in tables})

    def rows(self, insight: Insight, keys: Sequence[str]) -> pa.Table:
        """The insight's rows of the partitions ``keys``, with its declared columns."""
        schema = nullable_schema(insight.schema)
        with self._lock:
            found = self._duck.sql(QUERIES[insight.name]).to_arrow_table()
        rows = found.select(schema.names).cast(schema)
        return rows.filter(pc.field("partition_key").isin([*keys]))


def _rows(lake: Lake, table: Table, ranges: Sequence[tuple[str, str] | None]) -> pa.Table:
    """The rows of partitions within one of the ranges, with the columns that a query can use."""
    schema = nullable_schema(column for column in (*table.columns, *ORIGIN) if column.name in _USED)
    clean = lake.clean(table)
    with naming_damage(clean.load):
        keys = [key for key in clean.partition_rows() if any(one is None or one[0] <= key < one[1] for one in ranges)]
    there = clean.load() if keys else None
    if there is None:
        return schema.empty_table()
    # The table lacks columns that were declared after its last commit.
    rows = clean.arrow(keys, [name for name in schema.names if name in there.schema().column_names])
    return (
        schema.empty_table()
        if rows is None
        else pa.concat_tables([schema.empty_table(), rows], promote_options="permissive")
    )


def nullable_schema(columns: Iterable[Column]) -> pa.Schema:
    """Columns as in Arrow, all nullable."""
    return pa.schema([field.with_nullable(True) for field in arrow_fields(tuple(columns))])
