"""Country similarity: how similar the weekly charts of two countries are.

Belongs here: pairs of charts. Does not belong here: single items (regional_hits.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.country_charts import best_places
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ENOUGH_IN_COMMON = 10
"""Minimum number of items in common for a correlation."""

PAIR = ("partition_key", "country", "other_country")


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per pair of countries; the first comes before the other alphabetically."""
    chart = best_places(inputs["country_sellers"], keys)
    sizes = chart.groupBy("partition_key", "week_start", "country").agg(F.count("*").alias("items"))
    others = sizes.selectExpr("partition_key", "country as other_country", "items as other_items")
    pairs = sizes.join(others, "partition_key").where("country < other_country")
    found = pairs.join(_common(chart), [*PAIR], "left").withColumn("in_common", F.expr("coalesce(in_common, 0)"))
    spearman = "1 - 6 * squares / (in_common * (in_common * in_common - 1))"
    return found.selectExpr(
        *("week_start", "country", "other_country"),
        "cast(in_common as int) as items_in_common",
        "in_common / (items + other_items - in_common) as share_in_common",
        f"if(in_common >= {ENOUGH_IN_COMMON}, {spearman}, null) as rank_correlation",
        "partition_key",
    )


def _common(chart: DataFrame) -> DataFrame:
    """The number of items on both charts of each pair, and the sum of their squared rank differences."""
    ours = chart.select("partition_key", "app_id", "country", "rank")
    theirs = chart.selectExpr("partition_key", "app_id", "country as other_country", "rank as other_rank")
    both = ours.join(theirs, ["partition_key", "app_id"]).where("country < other_country")
    pair = Over.partitionBy(*PAIR)
    apart = F.row_number().over(pair.orderBy("rank")) - F.row_number().over(pair.orderBy("other_rank"))
    placed = both.withColumn("apart", apart)
    return placed.groupBy(*PAIR).agg(F.count("*").alias("in_common"), F.expr("sum(apart * apart)").alias("squares"))


INSIGHT = Insight(
    name="country_similarity",
    title="How alike the charts of two countries are",
    cadence=Cadence.WEEKLY,
    inputs=(Input("country_sellers"),),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("country", "string", "Two-letter code; the one that is first in the alphabet.", nullable=False),
        Column("other_country", "string", "Two-letter code.", nullable=False),
        Column("items_in_common", "int", "Items on both charts.", "items", nullable=False),
        Column("share_in_common", "double", "Their share of all items on either chart.", "share", nullable=False),
        Column(
            "rank_correlation",
            "double",
            "Spearman's correlation of the order of the items in common, -1 to 1; null with fewer than 10 of them.",
        ),
    ),
    key=("country", "other_country"),
    method=(
        "Share in common: items on both charts / items on either (Jaccard). Rank correlation: Spearman's rho of the "
        "items on both charts, renumbered from 1 in each country: 1 - 6 * sum of squared differences / (n * (n * n - "
        f"1)); null with fewer than {ENOUGH_IN_COMMON} items in common."
    ),
    limitations=(
        "The correlation covers only the items in common: two charts that share few items can agree on their order. "
        "Both numbers cover a hundred items and say nothing about lower ranks."
    ),
    compute=compute,
    plot="avg(share_in_common)",
    plot_title="mean share of items in common",
    order=("-share_in_common",),
)
