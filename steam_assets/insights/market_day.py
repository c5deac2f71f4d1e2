"""Market day: the daily chart as a whole.

Belongs here: sums and shares over the chart. Does not belong here: single games (player_trend.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

INSIGHT = Insight(
    name="market_day",
    title="The hundred most played games together, day by day",
    cadence=Cadence.DAILY,
    inputs=(Input("most_played"),),
    columns=(
        Column("day", "date", "Day (UTC) of the chart.", nullable=False),
        Column("sampled_at", "timestamp", "When Steam counted (UTC).", nullable=False),
        Column("games", "int", "Games on the chart.", "games", nullable=False),
        Column("players_now", "bigint", "Players of all of them when Steam counted.", "players", nullable=False),
        Column("players_peak_sum", "bigint", "Sum of their peaks of the day.", "players", nullable=False),
        Column("top10_share", "double", "Share of the players now that the ten biggest hold, 0 to 1."),
        Column("free_games", "int", "Free games.", "games", nullable=False),
        Column("paid_games", "int", "Paid games.", "games", nullable=False),
        Column("unknown_games", "int", "Games whose price Steam hides from the US store.", "games", nullable=False),
        Column("free_players", "bigint", "Players now of the free games.", "players", nullable=False),
        Column("paid_players", "bigint", "Players now of the paid games.", "players", nullable=False),
        Column("unknown_players", "bigint", "Players now of the others.", "players", nullable=False),
    ),
    key=("day",),
    method="Sums over the day's chart. Top-ten share = players now of ranks 1 to 10 / players now of all ranks.",
    error=(
        "The chart's games are not all of Steam. The games peak at different hours, so the sum of peaks is more than "
        "were ever in at once. Free or paid is as of the day of asking."
    ),
)
