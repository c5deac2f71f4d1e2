"""Reading the charts of countries: one rank per country and app.

Belongs here: what insights about countries read. Does not belong here: rules of a single insight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OFF_CHART = 101
"""The rank assumed for an item that is not among a chart's first hundred: the best it can be."""


def best_places(charts: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The first hundred ranks of the partitions ``keys`` with each app once per country, at its best rank."""
    charted = charts.where(F.col("partition_key").isin([*keys]) & (F.col("rank") < OFF_CHART))
    place = F.row_number().over(Over.partitionBy("partition_key", "country", "app_id").orderBy("rank"))
    return charted.withColumn("place", place).where("place = 1").drop("place")
