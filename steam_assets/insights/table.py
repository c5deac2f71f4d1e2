"""Insights in Iceberg: their tables, their inputs, and the audited replacement of their partitions.

Belongs here: everything from an Insight to its committed rows. Does not belong here: formulas (the insights' files).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
from pydantic import BaseModel
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType
from pyspark.sql.window import Window as Over

from steam_assets.insights.insight import Insight
from steam_assets.lake.columns import ORIGIN
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.sources.source import Column, Table
from steam_assets.spark.clean_tables import overwrite, read_table
from steam_assets.spark.commit_rows import replace_rows


class InsightInvalid(Exception):
    """The computed rows violate the insight's declaration; nothing was committed."""


@dataclass(frozen=True)
class Replaced:
    """A commit: row counts by partition key (0 if there was no input) and the Iceberg snapshot."""

    rows: Mapping[str, int]
    snapshot_id: int


def insight_table(lake: Lake, insight: Insight) -> IcebergTable:
    """The insight's table, ``steam.insight_<name>`` in the clean catalog."""
    return lake.table("clean", insight.table, insight.schema, insight.description)


def read_inputs(
    spark: SparkSession, lake: Lake, insight: Insight, keys: Sequence[str], tables: Iterable[Table]
) -> dict[str, DataFrame]:
    """The clean tables that the insight reads, each pruned to the partitions that can affect ``keys``.

    A table that does not exist is empty. ``tables`` are all existing clean tables.
    """
    by_name = {table.name: table for table in tables}
    return {
        needed.table: _around(clean_or_empty(spark, lake, by_name[needed.table]), insight, needed.table, keys)
        for needed in insight.inputs
    }


def clean_or_empty(spark: SparkSession, lake: Lake, table: Table) -> DataFrame:
    """A clean table; empty if it does not exist."""
    target = lake.clean(table)
    if target.load():
        return read_table(spark, target)
    return spark.createDataFrame([], struct_of((*table.columns, *ORIGIN))).alias(table.name)


def _around(frame: DataFrame, insight: Insight, table: str, keys: Sequence[str]) -> DataFrame:
    begins, needed = F.col("partition_key"), insight.reads(table, keys)
    return frame if needed is None else frame.where((begins >= needed[0]) & (begins < needed[1]))


def struct_of(columns: Iterable[Column]) -> StructType:
    return cast("StructType", StructType.fromDDL(", ".join(f"`{column.name}` {column.type}" for column in columns)))


def replace(spark: SparkSession, lake: Lake, insight: Insight, frame: DataFrame, keys: Sequence[str]) -> Replaced:
    """Replace the insight's partitions ``keys`` by the rows of ``frame`` in one atomic commit.

    Raises InsightInvalid, and changes nothing visible, if a natural key is duplicated or a row is of another partition.
    """
    tries: list[Observation] = []
    place = F.row_number().over(Over.partitionBy("partition_key", *insight.key).orderBy(F.lit(1)))
    counters = [F.count_if(F.col("partition_key") == key).alias(key) for key in keys]
    extra = [F.count(F.lit(1)).alias("all rows"), F.count_if(F.col("place") > 1).alias("repeated")]

    def write() -> DataFrame:
        tries.append(Observation())
        return frame.withColumn("place", place).observe(tries[-1], *counters, *extra)

    def audit(_snapshot: int) -> Mapping[str, BaseModel]:
        _audit(insight, tries[-1].get, keys)
        return {}

    snapshot = overwrite(spark, insight_table(lake, insight), write, keys, audit)
    return Replaced({key: tries[-1].get[key] for key in keys}, snapshot)


def replace_small(lake: Lake, insight: Insight, rows: pa.Table, keys: Sequence[str]) -> Replaced:
    """Do the same as ``replace`` with rows in memory, without Spark."""
    target = insight_table(lake, insight)
    counts = dict.fromkeys(keys, 0)
    for group in rows.group_by("partition_key").aggregate([([], "count_all")]).to_pylist():
        counts[group["partition_key"]] = group["count_all"]
    distinct = rows.group_by(["partition_key", *insight.key]).aggregate([]).num_rows
    _audit(insight, counts | {"all rows": rows.num_rows, "repeated": rows.num_rows - distinct}, keys)
    replace_rows(target, rows, dict.fromkeys(keys))
    return Replaced(counts, target.snapshot_id() or 0)


def _audit(insight: Insight, seen: Mapping[str, int], keys: Sequence[str]) -> None:
    elsewhere = seen["all rows"] - sum(seen[key] for key in keys)
    if seen["repeated"] or elsewhere:
        raise InsightInvalid(
            f"insight {insight.name}: {seen['repeated']} rows repeat a key ({', '.join(insight.key)}) and {elsewhere} "
            f"are of partitions other than {keys[0]} to {keys[-1]}. Nothing was committed; this is a defect of "
            f"steam_assets/insights/{insight.name}.py."
        )
