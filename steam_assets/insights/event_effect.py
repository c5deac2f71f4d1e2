"""Players around a day on which something happened to a game, compared with the market's on the same days.

Belongs here: the comparison that updates and sales share. Does not belong here: which days (the insights' files).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SIDE_DAYS = 7
"""Days before and after the day, which belongs to neither."""
ENOUGH_DAYS = 4
"""Minimum number of collected days on each side."""

METHOD = (
    f"Median of the daily peaks over the {SIDE_DAYS} days before and the {SIDE_DAYS} days after the day. The market is "
    "the sum of the other charted games' peaks on the same days, with medians taken likewise. Net effect = "
    f"(1 + change) / (1 + market change) - 1; null with fewer than {ENOUGH_DAYS} days on a side."
)

EFFECT_COLUMNS = (
    Column("peak_before", "double", f"Median daily peak of the {SIDE_DAYS} days before.", "players"),
    Column("peak_after", "double", f"Median daily peak of the {SIDE_DAYS} days after.", "players"),
    Column("change", "double", "After / before - 1; null with too few days.", "share"),
    Column(
        "market_change", "double", "The same for all other charted games together; null with too few days.", "share"
    ),
    Column("net_effect", "double", "(1 + change) / (1 + market change) - 1; null with too few days.", "share"),
    Column("days_before", "int", "Collected days before on which the game was charted.", "days", nullable=False),
    Column("days_after", "int", "Collected days after on which the game was charted.", "days", nullable=False),
    Column("too_few_days", "boolean", f"Fewer than {ENOUGH_DAYS} days on a side; the effect is null.", nullable=False),
)


def effects(days: DataFrame, chart: DataFrame) -> DataFrame:
    """``days`` (each ``app_id`` and ``day`` once) with EFFECT_COLUMNS; ``chart`` has one row per day and app."""
    return _effects(_medians(days, _with_market(chart)))


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
    return changes.withColumn("net_effect", F.expr(NET_EFFECT))


NET_EFFECT = "(1 + change) / nullif(1 + market_change, 0) - 1"
"""SQL: a game's change without the market's."""
