"""Market day: the daily chart as a whole.

Belongs here: sums and shares over the chart. Does not belong here: single games (player_trend.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.weekly_means import LOOKBACK_DAYS, METHOD, columns_of, with_weekly_means
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per collected day."""
    chart = one_place(around(inputs["most_played"], keys, before=LOOKBACK_DAYS - 1))
    classes = {"free": "is_free", "paid": "not is_free", "unknown": "is_free is null"}
    games = [F.expr(f"cast(count_if({rule}) as int) as {name}_games") for name, rule in classes.items()]
    players = [
        F.expr(f"coalesce(sum(players_now) filter (where {rule}), 0) as {name}_players")
        for name, rule in classes.items()
    ]
    sums = chart.groupBy("day").agg(
        F.max("sampled_at").alias("sampled_at"),
        F.expr("cast(count(*) as int) as games"),
        F.sum("players_now").alias("players_now"),
        F.sum("players_peak").alias("players_peak_sum"),
        F.expr("sum(players_now) filter (where rank <= 10) / nullif(sum(players_now), 0) as top10_share"),
        *games,
        *players,
    )
    sums = with_weekly_means(
        sums.withColumn("number", F.unix_date("day")), "players_peak_sum", Over.orderBy("number"), "peak_sum_7d_mean"
    )
    return sums.withColumn("partition_key", partition_of("day")).where(F.col("partition_key").isin([*keys]))


INSIGHT = Insight(
    name="market_day",
    title="The hundred most played games together, day by day",
    cadence=Cadence.DAILY,
    inputs=(Input("most_played", days_before=LOOKBACK_DAYS - 1),),
    columns=(
        Column("day", "date", "Day (UTC) of the chart.", nullable=False),
        Column("sampled_at", "timestamp", "When Steam counted (UTC).", nullable=False),
        Column("games", "int", "Games on the chart.", "games", nullable=False),
        Column("players_now", "bigint", "Players of all of them at Steam's count.", "players", nullable=False),
        Column("players_peak_sum", "bigint", "Sum of their daily peaks.", "players", nullable=False),
        *columns_of("peak_sum_7d_mean", "the sum of peaks"),
        Column("top10_share", "double", "Share of the players now in the ten largest games, 0 to 1.", "share"),
        Column("free_games", "int", "Free games.", "games", nullable=False),
        Column("paid_games", "int", "Paid games.", "games", nullable=False),
        Column("unknown_games", "int", "Games that are not in the US store.", "games", nullable=False),
        Column("free_players", "bigint", "Players now of the free games.", "players", nullable=False),
        Column("paid_players", "bigint", "Players now of the paid games.", "players", nullable=False),
        Column("unknown_players", "bigint", "Players now of the others.", "players", nullable=False),
    ),
    key=("day",),
    method=(
        f"Sums over the day's chart. Top-ten share = players now of ranks 1 to 10 / players now of all ranks. {METHOD}"
    ),
    limitations=(
        "The chart's one hundred games are not all of Steam, and not the same games every day. Games peak at "
        "different hours, so the sum of peaks exceeds the number of players at any one time. Free or paid is as of "
        "collection."
    ),
    compute=compute,
    plot="sum(players_now)",
    plot_title="players of the hundred games",
)
