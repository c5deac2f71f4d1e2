"""Price split: how much of both charts is free, paid or unknown, week by week.

Belongs here: the split of charts. Does not belong here: single items' prices (top_seller_moves.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import WEEK_OF_DAY, around, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


CLASSES = {"free": "is_free", "paid": "not is_free", "unknown": "is_free is null"}


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """Three rows per week and chart."""
    sold = one_place(around(inputs["top_sellers"], keys)).selectExpr(
        "week_start", "'top_sellers' as chart", "partition_key as shown", "is_free", "cast(null as bigint) as players"
    )
    played = one_place(around(inputs["most_played"], keys, after=6)).selectExpr(
        f"{WEEK_OF_DAY} as week_start",
        "'most_played' as chart",
        "partition_key as shown",
        "is_free",
        "players_peak as players",
    )
    split = [
        F.struct(
            F.lit(name).alias("price"),
            F.expr(f"count_if({rule})").alias("count"),
            F.expr(f"sum(if({rule}, players, 0 * players))").alias("players_sum"),
        )
        for name, rule in CLASSES.items()
    ]
    weeks = (
        sold.union(played)
        .groupBy("week_start", "chart")
        .agg(
            F.expr("cast(count(distinct shown) as int) as charts"),
            F.expr("count(*) as all_items"),
            F.sum("players").alias("all_players"),
            F.array(*split).alias("classes"),
        )
    )
    return (
        weeks.select("*", F.inline("classes"))
        .selectExpr(
            "week_start",
            "chart",
            "price",
            "charts",
            "count / charts as items",
            "count / all_items as items_share",
            "players_sum / charts as players",
            "players_sum / nullif(all_players, 0) as players_share",
        )
        .withColumn("partition_key", partition_of("week_start"))
        .where(F.col("partition_key").isin([*keys]))
    )


INSIGHT = Insight(
    name="price_split",
    title="Free and paid on both charts, week by week",
    cadence=Cadence.WEEKLY,
    inputs=(Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("chart", "string", "top_sellers or most_played.", nullable=False),
        Column("price", "string", "free, paid or unknown (the item is not in the US store).", nullable=False),
        Column(
            "charts", "int", "Charts of the week: 1 of top sellers, one per collected day of most played.", "charts"
        ),
        Column("items", "double", "Items on a chart, mean over the week's charts.", "items", nullable=False),
        Column("items_share", "double", "Their share of the chart, 0 to 1.", "share", nullable=False),
        Column("players", "double", "Sum of their peaks on a day, mean over the days; most played only.", "players"),
        Column("players_share", "double", "Their share of the players, 0 to 1; most played only.", "share"),
    ),
    key=("chart", "price"),
    method=(
        "Items of each price class over all charts of the week, divided by the number of charts. Every collected chart "
        "has a row for each of the three classes, even if it is zero."
    ),
    limitations=(
        "Free or paid is as of collection: a game that was free for a weekend counts as free if collected then."
    ),
    compute=compute,
    plot="sum(items_share) filter (where chart = 'top_sellers' and price = 'free')",
    plot_title="free share of the top sellers",
)
