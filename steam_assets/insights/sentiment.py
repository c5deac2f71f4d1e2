"""Sentiment: the votes of the reviews written in each week.

Belongs here: the week's votes and their change. Does not belong here: anomalies (review_bombs.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, named, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def weekly_votes(summary: DataFrame) -> DataFrame:
    """One row per app and week: all votes of the week, off-topic ones included, and how many were fetched."""
    return summary.where("scope = 'week' and off_topic_included").selectExpr(
        "week_start",
        "app_id",
        "total_positive as positive",
        "total_negative as negative",
        "total_reviews as reviews",
        "reviews_listed as sample_reviews",
        "complete as sample_complete",
    )


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and week."""
    votes = weekly_votes(around(inputs["review_summary"], keys, before=7)).withColumns(
        {"positive_share": F.expr("positive / nullif(reviews, 0)"), "number": F.unix_date("week_start")}
    )
    week_before = Over.partitionBy("app_id").orderBy("number").rangeBetween(-7, -7)
    votes = votes.withColumn("share_change", F.col("positive_share") - F.max("positive_share").over(week_before))
    votes = votes.withColumn("partition_key", partition_of("week_start")).where(F.col("partition_key").isin([*keys]))
    return named(votes, inputs, keys)


INSIGHT = Insight(
    name="sentiment",
    title="Positive share of each week's reviews",
    cadence=Cadence.WEEKLY,
    inputs=(Input("review_summary", days_before=7), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("positive", "bigint", "Reviews of the week that recommend it.", "reviews", nullable=False),
        Column("negative", "bigint", "Reviews of the week that do not.", "reviews", nullable=False),
        Column("reviews", "bigint", "All reviews of the week.", "reviews", nullable=False),
        Column("positive_share", "double", "Positive / all, 0 to 1; null without reviews.", "share"),
        Column(
            "share_change",
            "double",
            "Positive share minus that of the week before; null if that week is unknown or empty.",
            "share",
        ),
        Column("sample_reviews", "bigint", "Reviews that were fetched one by one.", "reviews"),
        Column(
            "sample_complete", "boolean", "All reviews of the week were fetched; false: cut short by the page budget."
        ),
    ),
    key=("app_id",),
    method=(
        "Steam's own count of the reviews written in the week (query_summary of the week, every language and purchase, "
        "off-topic ones included), never the fetched sample. Change = share - share of the week before."
    ),
    limitations=(
        "A week with few reviews varies by chance. Reviews are collected for the week's top sellers only, so a game "
        "that left the chart has a gap. Reviews deleted before collection are not counted."
    ),
    compute=compute,
    plot="sum(positive) / nullif(sum(reviews), 0)",
    plot_title="positive share of all the week's reviews",
    order=("-reviews",),
)
