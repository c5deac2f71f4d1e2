"""The same clean tables in both engines.

Belongs here: querying either engine for an insight's rows. Does not belong here: comparing them (the tests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from steam_assets.insights import insight_named
from steam_assets.insights.small_inputs import SmallInputs

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TwoEngines:
    """The same clean tables in both engines."""

    inputs: Mapping[str, DataFrame]
    small: SmallInputs

    def spark(self, name: str, keys: list[str]) -> Rows:
        """The insight's rows as computed by Spark, sorted by natural key."""
        insight = insight_named(name)
        assert insight.compute is not None
        columns = [column.name for column in insight.schema]
        rows = insight.compute(self.inputs, keys).select(*columns).toArrow().to_pylist()
        return sorted(rows, key=lambda row: tuple(str(row[c]) for c in ("partition_key", *insight.key)))

    def duckdb(self, name: str, keys: list[str]) -> Rows:
        """The insight's rows as computed by DuckDB, in the same order."""
        insight = insight_named(name)
        rows = self.small.rows(insight, keys).to_pylist()
        return sorted(rows, key=lambda row: tuple(str(row[c]) for c in ("partition_key", *insight.key)))


def both(inputs: Mapping[str, DataFrame]) -> TwoEngines:
    """The tables for both engines."""
    return TwoEngines(inputs, SmallInputs({name: frame.toArrow() for name, frame in inputs.items()}))
