"""Column lineage of the insights, as stored in column_lineage.json.

Belongs here: reading that file, and generating its content. Does not belong here: reading Spark's plans
(spark/column_lineage.py).

The lineage is a property of the code, not of a run. ``make lineage`` writes the file from Spark's plans for empty
inputs, and a test compares the two. A run cannot always read it, because Spark Connect keeps plans in its server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pyspark.sql import SparkSession

from steam_assets.insights.insight import Insight
from steam_assets.insights.table import struct_of
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Table
from steam_assets.spark.column_lineage import Lineage, Origin, column_lineage

FILE = Path(__file__).with_name("column_lineage.json")
KEYS = {Cadence.DAILY: "2026-11-17", Cadence.WEEKLY: "2026-11-10", Cadence.MONTHLY: "2026-10-01"}
"""Any partition of each cadence: the plan is the same for all."""


def declared_lineage(insight: Insight) -> Lineage:
    """The origins of the insight's columns in the file; empty for an insight that is not computed from tables."""
    of_columns = _declared().get(insight.name, {})
    return {name: frozenset(_origin(one) for one in found.split()) for name, found in of_columns.items()}


def planned_lineage(spark: SparkSession, insight: Insight, tables: Iterable[Table]) -> Lineage | None:
    """The origins of the insight's columns in Spark's plan; None if the plan cannot be read. Needs a JVM."""
    if insight.compute is None or insight.cadence is None:
        return None
    columns = {table.name: table.columns for table in tables}
    inputs = {
        needed.table: spark.createDataFrame([], struct_of((*columns[needed.table], *ORIGIN))).alias(needed.table)
        for needed in insight.inputs
    }
    found = column_lineage(insight.compute(inputs, [KEYS[insight.cadence]]), inputs)
    return None if found is None else {column.name: found[column.name] for column in insight.schema}


def as_json(lineages: Mapping[str, Lineage]) -> str:
    """The file's text for these lineages by the names of insights."""
    shown = {
        name: {column: " ".join(sorted(map(".".join, origins))) for column, origins in lineage.items() if origins}
        for name, lineage in lineages.items()
    }
    return json.dumps(shown, indent=1) + "\n"


def _origin(text: str) -> Origin:
    table, _, column = text.partition(".")
    return table, column


@cache
def _declared() -> Mapping[str, Mapping[str, str]]:
    return json.loads(FILE.read_text("utf-8"))
