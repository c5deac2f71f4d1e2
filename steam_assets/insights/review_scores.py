"""Review scores: lifetime totals, the positive share, and two scores that account for the number of reviews.

Belongs here: the scores and their formulas. Does not belong here: changes over time (sentiment.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import named, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame


Z = 1.96
"""The standard score of a 95 % confidence interval."""


def adjusted_score(share: SparkColumn, reviews: SparkColumn) -> SparkColumn:
    """SteamDB's score of a positive share (0 to 1) for a number of reviews; null if there are none."""
    return F.when(reviews > 0, share - (share - 0.5) * F.pow(F.lit(2.0), -F.log10(reviews + 1)))


def wilson_lower(share: SparkColumn, reviews: SparkColumn) -> SparkColumn:
    """The lower bound of Wilson's 95 % interval of the same; null if there are none."""
    doubt = Z * F.sqrt(share * (1 - share) / reviews + Z * Z / (4 * reviews * reviews))
    return F.when(reviews > 0, (share + Z * Z / (2 * reviews) - doubt) / (1 + Z * Z / reviews))


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """Two rows per app and week: with and without reviews that Steam marks as off topic."""
    totals = inputs["review_summary"].where(F.col("partition_key").isin([*keys])).where("scope = 'lifetime'")
    rows = totals.select(
        *("week_start", "app_id", "off_topic_included", "total_positive", "total_negative", "total_reviews"),
        "review_score_desc",
        F.expr("total_positive / nullif(total_reviews, 0)").alias("positive_share"),
    ).withColumns(
        {
            "adjusted_score": adjusted_score(F.col("positive_share"), F.col("total_reviews")),
            "wilson_lower": wilson_lower(F.col("positive_share"), F.col("total_reviews")),
        }
    )
    return named(rows, inputs, keys).withColumn("partition_key", partition_of("week_start"))


INSIGHT = Insight(
    name="review_scores",
    title="Review totals and scores of the top sellers",
    cadence=Cadence.WEEKLY,
    inputs=(Input("review_summary"), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) of the week; the totals are as of its end.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("off_topic_included", "boolean", "Reviews Steam marks as off topic are counted too.", nullable=False),
        Column("total_positive", "bigint", "Reviews that recommend it.", "reviews", nullable=False),
        Column("total_negative", "bigint", "Reviews that do not.", "reviews", nullable=False),
        Column("total_reviews", "bigint", "All of them.", "reviews", nullable=False),
        Column("positive_share", "double", "Positive / all, 0 to 1; null without reviews.", "share"),
        Column("adjusted_score", "double", "SteamDB's score, 0 to 1; null without reviews."),
        Column("wilson_lower", "double", "Lower bound of Wilson's 95 % interval, 0 to 1; null without reviews."),
        Column("review_score_desc", "string", "Steam's grade in its own words."),
    ),
    key=("app_id", "off_topic_included"),
    method=(
        "Totals are Steam's count over all reviews up to the week's end (query_summary), never a sample. With r = "
        "positive share and n = all reviews: adjusted score = r - (r - 0.5) * 2^(-log10(n + 1)), SteamDB's rating "
        "(steamdb.info/blog/steamdb-rating): the pull towards 1/2 halves with every tenfold of reviews. Wilson "
        "lower bound: "
        "(r + z²/2n - z * sqrt(r(1-r)/n + z²/4n²)) / (1 + z²/n) with z = 1.96."
    ),
    limitations=(
        "Reviewers are not a representative sample of players. Reviews deleted or changed since the end of the week "
        "are counted as of collection."
    ),
    compute=compute,
    plot="avg(adjusted_score) filter (where off_topic_included)",
    plot_title="mean adjusted score",
    order=("coalesce(-adjusted_score, 0)",),
)
