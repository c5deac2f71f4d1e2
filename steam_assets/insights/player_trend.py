"""Player trend: each game of the daily chart against the day collected before it and against its last days.

Belongs here: ranks, players and stays on the chart, game by game. Does not belong here: the whole market
(market_day.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

LOOKBACK_DAYS = 365
"""How far back a game's stays, best rank and earlier days are looked for, the day itself included."""

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
)
