"""Player trend: each game of the daily chart against the day collected before it and against its last days.

Belongs here: ranks, players and stays on the chart, game by game. Does not belong here: the whole market
(market_day.py).
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


LOOKBACK_DAYS = 365
"""How far back a game's stays, best rank and earlier days are looked for, the day itself included."""

STATUS = (
    "case when compared_to is null then null when rank is null then 'dropped' when rank < rank_before then 'up' "
    "when rank > rank_before then 'down' when rank = rank_before then 'same' when charted_before then 'returned' "
    "else 'new' end"
)


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """A row a charted game and day, and one a game on the day it left."""
    chart = one_place(around(inputs["most_played"], keys, before=LOOKBACK_DAYS)).select(
        "day", "app_id", "name", "is_free", "rank", "players_now", "players_peak"
    )
    rows = _measured(_with_dropped(chart))
    return rows.withColumn("partition_key", partition_of("day")).where(F.col("partition_key").isin([*keys]))


def _with_dropped(chart: DataFrame) -> DataFrame:
    """The chart with ``compared_to``, and a row a game on the first collected day it is not on the chart any more.

    The charts are read once: a year of them is a file a day. All rows pass one task, but no more than the lookback's.
    """
    numbered = chart.withColumn("nth", F.dense_rank().over(Over.orderBy("day")))
    by_day = Over.orderBy("nth")
    beside = numbered.withColumns(
        {
            "compared_to": F.max("day").over(by_day.rangeBetween(-1, -1)),
            "next_day": F.max("day").over(by_day.rangeBetween(1, 1)),
            "next_charted": F.lead("day").over(Over.partitionBy("app_id").orderBy("day")),
        }
    )
    there = "struct(day, compared_to, rank, players_now, players_peak)"
    left = "named_struct('day', next_day, 'compared_to', day, 'rank', null, 'players_now', null, 'players_peak', null)"
    stays = "next_day is null or next_day <=> next_charted"
    rows = F.inline(F.expr(f"if({stays}, array({there}), array({there}, {left}))"))
    near = F.datediff("day", "compared_to") < LOOKBACK_DAYS
    return beside.select("app_id", "name", "is_free", rows).withColumn(
        "compared_to", F.when(near, F.col("compared_to"))
    )


def _measured(rows: DataFrame) -> DataFrame:
    rows = rows.withColumn("number", F.unix_date("day"))
    of_app = Over.partitionBy("app_id").orderBy("number")
    lookback = of_app.rangeBetween(1 - LOOKBACK_DAYS, 0)
    before = F.when(F.lag("day").over(of_app) == F.col("compared_to"), F.lag("rank").over(of_app))
    rows = rows.withColumns(
        {
            "rank_before": before,
            "charted_before": F.count("rank").over(of_app.rangeBetween(1 - LOOKBACK_DAYS, -1)) > 0,
            "days_on_chart": F.count("rank").over(lookback).cast("int"),
            "best_rank": F.min("rank").over(lookback),
            "peak_7d_mean": F.avg("players_peak").over(of_app.rangeBetween(-6, 0)),
            "peak_7d_before": F.max("players_peak").over(of_app.rangeBetween(-7, -7)),
        }
    )
    # A stay is a run of rows of which each was charted on the day it is compared to.
    rows = rows.withColumn("stay", F.sum(F.expr("if(rank_before is null or rank is null, 1, 0)")).over(of_app))
    in_stay = Over.partitionBy("app_id", "stay").orderBy("number").rangeBetween(1 - LOOKBACK_DAYS, 0)
    return rows.withColumns(
        {
            "streak_days": F.count("rank").over(in_stay).cast("int"),
            "rank_change_1d": F.col("rank_before") - F.col("rank"),
            "status": F.expr(STATUS),
            "peak_change_7d": F.expr("players_peak / nullif(peak_7d_before, 0) - 1"),
        }
    )


INSIGHT = Insight(
    name="player_trend",
    title="Players and ranks of each game, day by day",
    cadence=Cadence.DAILY,
    inputs=(Input("most_played", days_before=LOOKBACK_DAYS),),
    columns=(
        Column("day", "date", "Day (UTC) of the chart.", nullable=False),
        Column("app_id", "bigint", "Steam's number of the app.", nullable=False),
        Column("name", "string", "Name in the store on the day; of a dropped game, on its last day."),
        Column("is_free", "boolean", "Free to play on the day; null where Steam hides it."),
        Column("rank", "int", "Place on the day's chart; null if dropped."),
        Column("rank_change_1d", "int", "Places gained since `compared_to`; negative if lost; null if not on both."),
        Column(
            "status",
            "string",
            "new, returned, dropped, up, down or same against `compared_to`; null if there is no such day.",
        ),
        Column(
            "compared_to",
            "date",
            "The day collected before this one: the day before, unless that is a gap. Null if none is in the lookback.",
        ),
        Column("players_now", "bigint", "Players when Steam counted; null if dropped.", "players"),
        Column("players_peak", "bigint", "Most players in the 24 hours before; null if dropped.", "players"),
        Column("peak_7d_mean", "double", "Mean peak of the collected days of the last 7 it was charted on.", "players"),
        Column("peak_change_7d", "double", "Peak against that of 7 days before, as a share; null if that is unknown."),
        Column("days_on_chart", "int", "Collected days on the chart in the lookback.", "days", nullable=False),
        Column("streak_days", "int", "Collected days on the chart without a break, this one included.", "days", False),
        Column("best_rank", "int", "Best rank in the lookback.", nullable=False),
    ),
    key=("app_id",),
    method=(
        "Each day's chart is compared with the newest day collected before it, which `compared_to` names. A game that "
        "was there and is not here is `dropped`, one row on the day it left. `new` was on no chart of the last "
        f"{LOOKBACK_DAYS} days, `returned` was on an earlier one. A day that was not collected neither drops a game "
        "nor breaks a streak. 7-day numbers go by calendar days: mean of the collected ones; change = peak / peak 7 "
        "days before - 1."
    ),
    error=(
        "The chart has a hundred games: one that dropped still has players, fewer than the hundredth. Peaks are "
        "Steam's, of the 24 hours before one count a day. Stays reach back as far as the lookback and what was "
        "collected, not to the game's release."
    ),
    compute=compute,
    plot="count_if(status in ('new', 'returned'))",
    plot_title="games that came onto the chart",
    order=("rank is null", "rank"),
)
