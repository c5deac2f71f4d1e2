"""Update effect: a game's players before and after an update, compared with the market's on the same days.

Belongs here: the comparison. Does not belong here: which articles are updates (news_markers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, named, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.news_markers import marked
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


SIDE_DAYS = 7
"""Days before and after the update's day, which belongs to neither."""
ENOUGH_DAYS = 4
"""Minimum number of collected days on each side."""


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and day with an update."""
    days = _update_days(marked(inputs["news"].where(F.col("partition_key").isin([*keys]))))
    chart = one_place(around(inputs["most_played"], keys, before=SIDE_DAYS, after=6 + SIDE_DAYS))
    medians = _medians(days, _with_market(chart))
    return named(_effects(medians), inputs, keys).withColumn("partition_key", partition_of("week_start"))


def _update_days(news: DataFrame) -> DataFrame:
    return (
        news.where("is_update")
        .groupBy("week_start", "app_id", "day")
        .agg(
            F.min_by("title", F.struct(~F.col("is_patch_notes"), "published_at", "gid")).alias("title"),
            F.expr("cast(count(*) as int) as updates"),
            F.bool_or("is_patch_notes").alias("has_patch_notes"),
        )
    )


def _with_market(chart: DataFrame) -> DataFrame:
    others = F.sum("players_peak").over(Over.partitionBy("partition_key")) - F.col("players_peak")
    return chart.select(F.col("day").alias("charted_on"), "app_id", "players_peak", others.alias("others"))


def _medians(days: DataFrame, chart: DataFrame) -> DataFrame:
    distance = F.datediff("charted_on", "day")
    near = chart.join(days.select("app_id", "day"), "app_id").withColumn("distance", distance)
    sides = {"before": f"distance between -{SIDE_DAYS} and -1", "after": f"distance between 1 and {SIDE_DAYS}"}
    measures = [
        F.expr(f"{measure} filter (where {side}) as {name}_{when}")
        for when, side in sides.items()
        for name, measure in (("peak", "median(players_peak)"), ("market", "median(others)"), ("days", "count(*)"))
    ]
    return days.join(near.groupBy("app_id", "day").agg(*measures), ["app_id", "day"], "left")


def _effects(medians: DataFrame) -> DataFrame:
    counted = medians.withColumns({n: F.expr(f"cast(coalesce({n}, 0) as int)") for n in ("days_before", "days_after")})
    checked = counted.withColumn("too_few_days", F.expr(f"least(days_before, days_after) < {ENOUGH_DAYS}"))
    changes = checked.withColumns(
        {
            "change": F.expr("if(too_few_days, null, peak_after / nullif(peak_before, 0) - 1)"),
            "market_change": F.expr("if(too_few_days, null, market_after / nullif(market_before, 0) - 1)"),
        }
    )
    return changes.withColumn("net_effect", F.expr("(1 + change) / nullif(1 + market_change, 0) - 1"))


INSIGHT = Insight(
    name="update_effect",
    title="Players around an update, against the market",
    cadence=Cadence.WEEKLY,
    inputs=(
        Input("news"),
        Input("most_played", days_before=SIDE_DAYS, days_after=SIDE_DAYS),
        Input("top_sellers"),
    ),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the update's week begins.", nullable=False),
        Column("app_id", "bigint", "The app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("day", "date", "Day (UTC) of the update.", nullable=False),
        Column("title", "string", "Headline of the day's first update, patch notes before announcements.", "", False),
        Column("updates", "int", "Updates on the day.", "articles", nullable=False),
        Column("has_patch_notes", "boolean", "One of them is tagged patchnotes.", nullable=False),
        Column("peak_before", "double", "Median daily peak of the 7 days before.", "players"),
        Column("peak_after", "double", "Median daily peak of the 7 days after.", "players"),
        Column("change", "double", "After / before - 1; null with too few days.", "share"),
        Column(
            "market_change", "double", "The same for all other charted games together; null with too few days.", "share"
        ),
        Column("net_effect", "double", "(1 + change) / (1 + market change) - 1; null with too few days.", "share"),
        Column("days_before", "int", "Collected days before on which the game was charted.", "days", nullable=False),
        Column("days_after", "int", "Collected days after on which the game was charted.", "days", nullable=False),
        Column("too_few_days", "boolean", "Fewer than 4 days on a side; the effect is null.", nullable=False),
    ),
    key=("app_id", "day"),
    method=(
        f"Median of the daily peaks over the {SIDE_DAYS} days before and the {SIDE_DAYS} days after the update's day. "
        "The market is the sum of the other charted games' peaks on the same days, with medians taken likewise. "
        "Net effect = (1 + change) / (1 + market change) - 1; null with fewer than "
        f"{ENOUGH_DAYS} days on a side."
    ),
    error=(
        "Shows what happened around an update, not because of it: sales, events and other updates fall on the same "
        "days. The market is the charted games only. Days on which the game was off the chart are unknown, not zero."
    ),
    compute=compute,
    plot="median(net_effect)",
    plot_title="median net effect",
    order=("too_few_days", "coalesce(-abs(net_effect), 0)"),
)
