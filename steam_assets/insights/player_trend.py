"""Player trend: each game of the daily chart compared with the previously collected day and with its last days.

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
from steam_assets.insights.weekly_means import LOOKBACK_DAYS, METHOD, columns_of, with_weekly_means
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


HISTORY_DAYS = 28
"""Number of collected days needed before a game that is on the chart for the first time is called new."""

STATUS = (
    "case when compared_to is null then null when rank is null then 'dropped' when rank < rank_before then 'up' "
    "when rank > rank_before then 'down' when rank = rank_before then 'same' when charted_before then 'returned' "
    f"when days_collected < {HISTORY_DAYS} then 'first_seen' else 'new' end"
)


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per charted game and day, and one per game on the day it left."""
    chart = one_place(around(inputs["most_played"], keys, before=LOOKBACK_DAYS)).select(
        "day", "app_id", "name", "is_free", "rank", "players_now", "players_peak"
    )
    rows = _measured(_with_dropped(chart))
    return rows.withColumn("partition_key", partition_of("day")).where(F.col("partition_key").isin([*keys]))


def _with_dropped(chart: DataFrame) -> DataFrame:
    """The chart with ``compared_to``, and one row per game on the first collected day it is no longer on the chart.

    After a gap longer than the lookback, nothing is known to have been on the chart before.

    The charts are read once: a year of them is one file per day. All rows of the lookback pass one task.
    """
    numbered = chart.withColumns(
        {
            "nth": F.dense_rank().over(Over.orderBy("day")),
            "number": F.unix_date("day"),
            "once_a_day": F.expr("if(row_number() over (partition by day order by app_id) = 1, 1, null)"),
        }
    )
    by_day = Over.orderBy("nth")
    beside = numbered.withColumns(
        {
            "days_collected": F.count("once_a_day").over(Over.orderBy("number").rangeBetween(1 - LOOKBACK_DAYS, -1)),
            "compared_to": F.max("day").over(by_day.rangeBetween(-1, -1)),
            "next_day": F.max("day").over(by_day.rangeBetween(1, 1)),
            "next_charted": F.lead("day").over(Over.partitionBy("app_id").orderBy("day")),
        }
    )
    there = "struct(day, compared_to, rank, players_now, players_peak, days_collected)"
    left = (
        "named_struct('day', next_day, 'compared_to', day, 'rank', null, 'players_now', null, 'players_peak', null, "
        "'days_collected', null)"
    )
    stays = f"next_day is null or next_day <=> next_charted or next_day >= date_add(day, {LOOKBACK_DAYS})"
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
        }
    )
    rows = with_weekly_means(rows, "players_peak", of_app, "peak_7d_mean")
    # A stay is a sequence of rows, each of which was also on the chart on the day it is compared with.
    rows = rows.withColumn("stay", F.sum(F.expr("if(rank_before is null or rank is null, 1, 0)")).over(of_app))
    in_stay = Over.partitionBy("app_id", "stay").orderBy("number").rangeBetween(1 - LOOKBACK_DAYS, 0)
    return rows.withColumns(
        {
            "streak_days": F.count("rank").over(in_stay).cast("int"),
            "rank_change_1d": F.col("rank_before") - F.col("rank"),
            "status": F.expr(STATUS),
        }
    )


INSIGHT = Insight(
    name="player_trend",
    title="Players and ranks of each game, day by day",
    cadence=Cadence.DAILY,
    inputs=(Input("most_played", days_before=LOOKBACK_DAYS),),
    columns=(
        Column("day", "date", "Day (UTC) of the chart.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day; of a dropped game, on its last day."),
        Column("is_free", "boolean", "Free to play on the day; null where it is not in the US store."),
        Column("rank", "int", "Rank on the day's chart; null if dropped."),
        Column("rank_change_1d", "int", "Places gained since `compared_to`; negative if lost; null unless on both."),
        Column(
            "status",
            "string",
            "new, first_seen, returned, dropped, up, down or same against `compared_to`; null if there is none.",
        ),
        Column(
            "compared_to",
            "date",
            "The day collected before this one: the day before, unless that is a gap. Null if none is in the lookback.",
        ),
        Column("players_now", "bigint", "Players at Steam's count; null if dropped.", "players"),
        Column("players_peak", "bigint", "Most players in the 24 hours before; null if dropped.", "players"),
        *columns_of("peak_7d_mean", "its peaks"),
        Column("days_on_chart", "int", "Collected days on the chart in the lookback.", "days", nullable=False),
        Column("streak_days", "int", "Consecutive collected days on the chart, this one included.", "days", False),
        Column("best_rank", "int", "Best rank in the lookback.", nullable=False),
    ),
    key=("app_id",),
    method=(
        "Each day's chart is compared with the newest day collected before it, which `compared_to` names. A game that "
        "was on that chart and is not on this one is `dropped`, in one row on the day it left. A game that was on "
        f"none of the charts collected in the last {LOOKBACK_DAYS} days is `new`, or `first_seen` while fewer than "
        f"{HISTORY_DAYS} days before it were collected; `returned` was on an earlier one. A day that was not collected "
        f"neither drops a game nor breaks a streak. {METHOD}"
    ),
    limitations=(
        "The chart has one hundred games: a game that dropped still has players, but fewer than the hundredth. Peaks "
        "are Steam's own, over the 24 hours before the daily count. A day on which the game was off the chart is "
        "unknown, not zero. Streaks and days on the chart reach back only as far as the lookback and the collected "
        "data, not to the game's release."
    ),
    compute=compute,
    plot="count_if(status in ('new', 'first_seen', 'returned'))",
    plot_title="games that came onto the chart",
    order=("rank is null", "rank"),
)
