"""Review bombs: weeks with far more negative reviews than in the game's previous weeks.

Belongs here: the statistic, its window and its minimum volume. Does not belong here: causes; none are claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, named, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.sentiment import weekly_votes
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


BASELINE_WEEKS = 12
"""Weeks before the evaluated one that form the baseline; weeks that were not collected are omitted."""
MINIMUM_WEEKS = 4
"""Minimum number of baseline weeks for flagging."""
MINIMUM_NEGATIVES = 50
"""Minimum number of negative reviews for flagging: a handful of people is not a review bomb."""
THRESHOLD = 5.0
"""How many robust standard deviations both numbers must be above their baseline."""
MINIMUM_SHARE_JUMP = 0.1
"""Minimum rise of the negative share, so that a week with more reviews of all kinds is not flagged."""
MAD_TO_DEVIATION = 1.4826

FLAGGED = (
    f"if(baseline_weeks < {MINIMUM_WEEKS}, null, negative >= {MINIMUM_NEGATIVES} "
    f"and coalesce(volume_score >= {THRESHOLD}D and share_score >= {THRESHOLD}D "
    f"and negative_share - baseline_share >= {MINIMUM_SHARE_JUMP}D, false))"
)
AGREEMENT = (
    "case when flagged and off_topic_excluded_by_steam then 'both' "
    "when flagged and not off_topic_excluded_by_steam then 'only_flagged' "
    "when not flagged and off_topic_excluded_by_steam then 'only_steam' "
    "when not flagged and not off_topic_excluded_by_steam then 'neither' end"
)


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and week, flagged or not."""
    summary = around(inputs["review_summary"], keys, before=7 * BASELINE_WEEKS)
    votes = _with_baseline(weekly_votes(summary))
    votes = votes.withColumn("partition_key", partition_of("week_start")).where(F.col("partition_key").isin([*keys]))
    excluded = _excluded(summary.where(F.col("partition_key").isin([*keys])))
    judged = _judged(votes).join(excluded, ["week_start", "app_id"], "left")
    judged = judged.withColumn("off_topic_excluded_by_steam", F.expr("excluded_by_steam > 0"))
    return named(judged.withColumn("agreement", F.expr(AGREEMENT)), inputs, keys)


def _with_baseline(votes: DataFrame) -> DataFrame:
    votes = votes.withColumns(
        {"negative_share": F.expr("negative / nullif(reviews, 0)"), "number": F.unix_date("week_start")}
    )
    before = Over.partitionBy("app_id").orderBy("number").rangeBetween(-7 * BASELINE_WEEKS, -7)
    return votes.withColumns(
        {
            "negatives_before": F.collect_list(F.col("negative").cast("double")).over(before),
            "shares_before": F.collect_list("negative_share").over(before),
        }
    ).selectExpr(
        "*",
        "size(negatives_before) as baseline_weeks",
        f"{median('negatives_before')} as baseline_negative",
        f"{median('shares_before')} as baseline_share",
    )


def median(array: str) -> str:
    """SQL: the median of an array of doubles without nulls; null if it is empty."""
    ordered, size = f"array_sort({array})", f"size({array})"
    return f"(get({ordered}, cast(({size} - 1) div 2 as int)) + get({ordered}, cast({size} div 2 as int))) / 2"


def _judged(votes: DataFrame) -> DataFrame:
    spread = {
        "negative_mad": "transform(negatives_before, x -> abs(x - baseline_negative))",
        "share_mad": "transform(shares_before, x -> abs(x - baseline_share))",
    }
    for name, distances in spread.items():
        votes = votes.withColumn("distances", F.expr(distances)).withColumn(
            name, F.expr(f"{MAD_TO_DEVIATION}D * {median('distances')}")
        )
    votes = votes.withColumn("kept", F.expr("least(greatest(baseline_share, 0.01D), 0.99D)"))
    return votes.withColumns(
        {
            "volume_score": F.expr(
                "(negative - baseline_negative) / greatest(negative_mad, sqrt(baseline_negative), 1D)"
            ),
            "share_score": F.expr(
                "(negative_share - baseline_share) "
                "/ sqrt(kept * (1 - kept) / nullif(reviews, 0) + share_mad * share_mad)"
            ),
        }
    ).withColumn("flagged", F.expr(FLAGGED))


def _excluded(summary: DataFrame) -> DataFrame:
    """How many of the week's reviews Steam excludes; null if one of the two counts was not collected."""
    return (
        summary.where("scope = 'week'")
        .groupBy("week_start", "app_id")
        .agg(
            F.expr(
                "greatest(max(total_reviews) filter (where off_topic_included) "
                "- max(total_reviews) filter (where not off_topic_included), "
                "if(count_if(off_topic_included) * count_if(not off_topic_included) > 0, 0, null)) as excluded_by_steam"
            )
        )
    )


INSIGHT = Insight(
    name="review_bombs",
    title="Weeks with unusually many negative reviews",
    cadence=Cadence.WEEKLY,
    inputs=(
        Input("review_summary", days_before=7 * BASELINE_WEEKS),
        Input("top_sellers"),
        Input("most_played"),
    ),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("negative", "bigint", "Negative reviews of the week, off-topic ones included.", "reviews", False),
        Column("reviews", "bigint", "All reviews of the week.", "reviews", nullable=False),
        Column("negative_share", "double", "Negative / all, 0 to 1; null without reviews.", "share"),
        Column("baseline_weeks", "int", "Weeks in the baseline.", "weeks", nullable=False),
        Column("baseline_negative", "double", "Median of their negative reviews.", "reviews"),
        Column("baseline_share", "double", "Median of their negative shares, 0 to 1.", "share"),
        Column("volume_score", "double", "Negatives above the baseline.", "robust standard deviations"),
        Column("share_score", "double", "Negative share above the baseline.", "robust standard deviations"),
        Column("flagged", "boolean", "Unusual by all four conditions; null if the baseline has too few weeks."),
        Column("excluded_by_steam", "bigint", "Reviews of the week that Steam excludes as off topic.", "reviews"),
        Column(
            "off_topic_excluded_by_steam",
            "boolean",
            "Steam excludes some reviews of the week; null if not collected.",
        ),
        Column("agreement", "string", "both, only_flagged, only_steam or neither; null if one is unknown."),
    ),
    key=("app_id",),
    method=(
        f"Baseline: the collected weeks among the previous {BASELINE_WEEKS} (at least {MINIMUM_WEEKS}). Volume score = "
        "(negatives - median) / max(1.4826 * MAD, sqrt(median), 1); share score = (share - median share p) / "
        "sqrt(p(1-p)/n + (1.4826 * MAD)²), where n is the week's number of reviews and p is limited to 0.01 to 0.99 "
        f"within the root. Flagged if both are at least {THRESHOLD:g}, the share rose by at least "
        f"{MINIMUM_SHARE_JUMP:g}, and there are at least {MINIMUM_NEGATIVES} negatives. MAD is the median absolute "
        "deviation; 1.4826 scales it to a standard deviation. Excluded by Steam: the week's count with off-topic "
        "reviews minus the count without them."
    ),
    limitations=(
        "Shows an anomaly, not its cause: a bad patch looks like a campaign. A burst shorter than a week is diluted by "
        "the rest of it. A game new to the charts has no baseline. Steam marks periods as off topic later, so what it "
        "excludes may still change."
    ),
    compute=compute,
    plot="count_if(flagged)",
    plot_title="flagged apps",
    order=("not coalesce(flagged, false)", "coalesce(-volume_score, 1e9)"),
)
