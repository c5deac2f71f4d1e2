"""Top-seller moves: each item of the weekly chart compared with the week before, and how long it stays.

Belongs here: ranks and stays on the weekly chart. Does not belong here: the share of free items (price_split.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


LOOKBACK_WEEKS = 104
"""Lookback in weeks for weeks on the chart and best rank, the week itself included."""

STATUS = (
    "case when rank is null then 'dropped' when rank < previous_rank then 'up' when rank > previous_rank then 'down' "
    "when rank = previous_rank then 'same' when first_top100 then 'new' when not first_top100 then 'returned' end"
)


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per charted item and week, and one per item in the week it left."""
    columns = ("week_start", "app_id", "name", "rank", "is_free")
    chart = one_place(around(inputs["top_sellers"], keys, before=7 * LOOKBACK_WEEKS)).select(
        *columns,
        "first_top100",
        F.col("last_week_rank").alias("reported_rank"),
        F.col("consecutive_weeks").alias("streak_weeks"),
        F.col("final_price_cents").alias("price_cents"),
    )
    rows = _measured(_with_dropped(chart))
    return rows.withColumn("partition_key", partition_of("week_start")).where(F.col("partition_key").isin([*keys]))


def _with_dropped(chart: DataFrame) -> DataFrame:
    """The chart, and one row per item of the week before in each collected week without it.

    The charts are read once: two years of them are one file per week.
    """
    by_week = Over.orderBy("number").rangeBetween(7, 7)
    beside = chart.withColumn("number", F.unix_date("week_start")).withColumns(
        {
            "next_week": F.max("week_start").over(by_week),
            "next_charted": F.lead("week_start").over(Over.partitionBy("app_id").orderBy("week_start")),
        }
    )
    there = "struct(week_start, rank, reported_rank, streak_weeks)"
    left = "named_struct('week_start', next_week, 'rank', null, 'reported_rank', null, 'streak_weeks', 0L)"
    stays = "next_week is null or next_week <=> next_charted"
    rows = F.inline(F.expr(f"if({stays}, array({there}), array({there}, {left}))"))
    return beside.select("app_id", "name", "is_free", "first_top100", "price_cents", rows)


def _measured(rows: DataFrame) -> DataFrame:
    rows = rows.withColumn("number", F.unix_date("week_start"))
    of_app = Over.partitionBy("app_id").orderBy("number")
    lookback = of_app.rangeBetween(-7 * (LOOKBACK_WEEKS - 1), 0)
    week_before = F.max("rank").over(of_app.rangeBetween(-7, -7))
    return rows.withColumns(
        {
            "previous_rank": F.coalesce("reported_rank", week_before),
            "weeks_on_chart": F.count("rank").over(lookback).cast("int"),
            "best_rank": F.min("rank").over(lookback),
        }
    ).withColumns({"movement": F.expr("previous_rank - rank"), "status": F.expr(STATUS)})


INSIGHT = Insight(
    name="top_seller_moves",
    title="Moves and streaks of the top sellers, week by week",
    cadence=Cadence.WEEKLY,
    inputs=(Input("top_sellers", days_before=7 * LOOKBACK_WEEKS),),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name as of collection; of a dropped item, that of a week earlier."),
        Column("rank", "int", "Rank by revenue; null if dropped."),
        Column("previous_rank", "int", "Rank in the week before; null if it was not on the chart."),
        Column("movement", "int", "Places gained since the week before; negative if lost; null unless in both weeks."),
        Column("status", "string", "new, returned, dropped, up, down or same; null if unknown (imports)."),
        Column("streak_weeks", "bigint", "Consecutive weeks on the chart, by Steam's own count.", "weeks"),
        Column("weeks_on_chart", "int", "Collected weeks on the chart in the lookback.", "weeks", nullable=False),
        Column("best_rank", "int", "Best rank in the lookback.", nullable=False),
        Column("price_cents", "bigint", "Price as of collection; null if free or not for sale.", "US cents"),
        Column("is_free", "boolean", "Free as of collection; null where it is not in the US store."),
    ),
    key=("app_id",),
    method=(
        "Rank, rank in the week before, first week on the chart and streak are Steam's own, from its weekly chart "
        "(GetWeeklyTopSellers). An item of the week before that is not on this chart is `dropped`, in one row of the "
        "week in which it left. Weeks on the chart and best rank are counted over the collected weeks of the last "
        f"{LOOKBACK_WEEKS}."
    ),
    limitations=(
        "Ranks are by revenue in the US; Steam does not publish the revenue. Dropped items are known only where the "
        "week before was collected. Names and prices are as of collection, not of the week."
    ),
    compute=compute,
    plot="count_if(status in ('new', 'returned'))",
    plot_title="items that came onto the chart",
    order=("rank is null", "rank"),
)
