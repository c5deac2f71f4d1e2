"""Reading the clean charts: the days around periods, one rank per app, and names.

Belongs here: what several insights read from charts. Does not belong here: rules of a single insight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

WEEK_OF_DAY = "date_sub(day, (dayofweek(day) + 4) % 7)"
"""SQL: the Tuesday on which the week of ``day`` begins. Spark counts days of the week from Sunday = 1."""


def around(frame: DataFrame, keys: Sequence[str], before: int = 0, after: int = 0) -> DataFrame:
    """The rows of partitions from ``before`` days before the first key to ``after`` days after the last."""
    first = date.fromisoformat(min(keys)) - timedelta(days=before)
    last = date.fromisoformat(max(keys)) + timedelta(days=after)
    return frame.where(F.col("partition_key").between(first.isoformat(), last.isoformat()))


def one_place(chart: DataFrame) -> DataFrame:
    """The chart with one row per partition and app: its best rank, if Steam lists it twice."""
    place = F.row_number().over(Over.partitionBy("partition_key", "app_id").orderBy("rank"))
    return chart.withColumn("place", place).where("place = 1").drop("place")


def named(rows: DataFrame, inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """``rows`` (by ``week_start`` and ``app_id``) with the newest ``name`` on the charts of the same week."""
    charts = [around(inputs["top_sellers"], keys).selectExpr("week_start", "app_id", "name", "fetched_at")]
    if "most_played" in inputs:
        days = around(inputs["most_played"], keys, after=6)
        charts.append(days.selectExpr(f"{WEEK_OF_DAY} as week_start", "app_id", "name", "fetched_at"))
    seen = charts[0] if len(charts) == 1 else charts[0].union(charts[1])
    names = (
        seen.where("name is not null")
        .groupBy("week_start", "app_id")
        .agg(F.max_by("name", F.struct("fetched_at", "name")).alias("name"))
    )
    return rows.join(F.broadcast(names), ["week_start", "app_id"], "left")


def named_on_day(rows: DataFrame, inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """``rows`` (by ``day`` and ``app_id``) with the newest ``name`` of the same day, on the chart or in the store."""
    tables = [around(inputs[name], keys) for name in ("most_played", "store_facts") if name in inputs]
    seen = reduce(DataFrame.union, [table.select("day", "app_id", "name", "fetched_at") for table in tables])
    names = (
        seen.where("name is not null")
        .groupBy("day", "app_id")
        .agg(F.max_by("name", F.struct("fetched_at", "name")).alias("name"))
    )
    return rows.join(F.broadcast(names), ["day", "app_id"], "left")


def partition_of(period: str) -> SparkColumn:
    """The partition key of a date column."""
    return F.date_format(period, "yyyy-MM-dd")
