"""The same clean tables in both engines.

Belongs here: querying either engine for an insight's rows. Does not belong here: the queries (in the tests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from pyspark.sql import DataFrame

from steam_assets.insights import insight_named
from steam_assets.tour.insight_sql import NAMES
from steam_assets.tour.store_insight_sql import VIEWS

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TwoEngines:
    """The same clean tables in both engines."""

    inputs: Mapping[str, DataFrame]
    duck: duckdb.DuckDBPyConnection

    def spark(self, name: str, keys: list[str]) -> Rows:
        """The insight's rows as computed by Spark, sorted by natural key."""
        insight = insight_named(name)
        assert insight.compute is not None
        columns = [column.name for column in insight.schema]
        rows = insight.compute(self.inputs, keys).select(*columns).toArrow().to_pylist()
        return sorted(rows, key=lambda row: tuple(str(row[c]) for c in ("partition_key", *insight.key)))

    def sql(self, name: str, query: str) -> Rows:
        """The rows of DuckDB's query in the same order."""
        insight = insight_named(name)
        rows = self.duck.sql(query).to_arrow_table().to_pylist()
        return sorted(rows, key=lambda row: tuple(str(row[c]) for c in ("partition_key", *insight.key)))


def both(inputs: Mapping[str, DataFrame]) -> TwoEngines:
    """The tables for both engines; DuckDB also gets the latest names by week and by day."""
    duck = duckdb.connect()
    duck.execute("set TimeZone = 'UTC'")
    for name, frame in inputs.items():
        duck.register(f"{name}_arrow", frame.toArrow())
        duck.execute(f"create table {name} as from {name}_arrow")
    duck.execute(f"create table names as {NAMES}")
    for name, query in VIEWS.items():
        duck.execute(f"create table {name} as {query}")
    return TwoEngines(inputs, duck)
