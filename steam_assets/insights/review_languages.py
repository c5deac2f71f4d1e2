"""Review languages: who writes reviews, by language, and after how much play.

Belongs here: statistics of the fetched reviews. Does not belong here: totals (sentiment.py, review_scores.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import named, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.sentiment import weekly_votes
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app, language and week."""
    fetched = inputs["reviews"].where(F.col("partition_key").isin([*keys]))
    rows = (
        fetched.withColumn("language", F.coalesce("language", F.lit("unknown")))
        .groupBy("week_start", "app_id", "language")
        .agg(
            F.expr("count(*) as reviews"),
            F.expr("count_if(voted_up) / count(*) as positive_share"),
            F.expr("median(playtime_at_review_minutes) / 60 as median_playtime_at_review_hours"),
        )
    )
    of_app = Over.partitionBy("week_start", "app_id")
    rows = rows.withColumn("sample_share", F.col("reviews") / F.sum("reviews").over(of_app))
    votes = weekly_votes(inputs["review_summary"].where(F.col("partition_key").isin([*keys])))
    rows = rows.join(votes.select("week_start", "app_id", "sample_complete"), ["week_start", "app_id"], "left")
    return named(rows, inputs, keys).withColumn("partition_key", partition_of("week_start"))


INSIGHT = Insight(
    name="review_languages",
    title="Languages of reviews and play before them",
    cadence=Cadence.WEEKLY,
    inputs=(Input("reviews"), Input("review_summary"), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("language", "string", "Steam's name of the language; `unknown` if it gave none.", nullable=False),
        Column("reviews", "bigint", "Fetched reviews in it.", "reviews", nullable=False),
        Column("sample_share", "double", "Their share of the app's fetched reviews, 0 to 1.", "share", nullable=False),
        Column("positive_share", "double", "Positive / all of them, 0 to 1.", "share", nullable=False),
        Column("median_playtime_at_review_hours", "double", "Median time played when it was written.", "hours"),
        Column("sample_complete", "boolean", "All the week's reviews were fetched; false: cut by the page budget."),
    ),
    key=("app_id", "language"),
    method="Counts, shares and the exact median over the fetched reviews of the week, by app and language.",
    limitations=(
        "Where the page budget cut the week short (`sample_complete` is false), the newest reviews stand for the whole "
        "week. Reviews without a playtime are excluded from the median."
    ),
    compute=compute,
    plot="sum(reviews)",
    plot_title="fetched reviews",
    order=("-reviews",),
)
