"""Top-seller moves: each item of the weekly chart against the week before, and how long it stays.

Belongs here: ranks and stays on the weekly chart. Does not belong here: what share is free (price_split.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

LOOKBACK_WEEKS = 104
"""How far back weeks on the chart and best ranks are looked for, the week itself included."""

INSIGHT = Insight(
    name="top_seller_moves",
    title="Moves and streaks of the top sellers, week by week",
    cadence=Cadence.WEEKLY,
    inputs=(Input("top_sellers", days_before=7 * LOOKBACK_WEEKS),),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "Steam's number of the app.", nullable=False),
        Column("name", "string", "Name in the store when it was asked for; of a dropped item, a week earlier."),
        Column("rank", "int", "Place by revenue; null if dropped."),
        Column("previous_rank", "int", "Place in the week before; null if it was not on the chart."),
        Column("movement", "int", "Places gained since the week before; negative if lost; null if not in both."),
        Column("status", "string", "new, returned, dropped, up, down or same.", nullable=False),
        Column("streak_weeks", "bigint", "Weeks on the chart without a break, as Steam counts.", "weeks"),
        Column("weeks_on_chart", "int", "Collected weeks on the chart in the lookback.", "weeks", nullable=False),
        Column("best_rank", "int", "Best rank in the lookback.", nullable=False),
        Column("price_cents", "bigint", "Price when it was asked for; null if free or not for sale.", "US cents"),
        Column("is_free", "boolean", "Free when it was asked for; null where Steam hides it."),
    ),
    key=("app_id",),
    method=(
        "Rank, rank of the week before, first week ever and streak are Steam's own, from its weekly chart "
        "(GetWeeklyTopSellers). An item of the week before that is not in this one is `dropped`, one row in the week "
        f"it left. Weeks on the chart and best rank are counted over the collected ones of the last {LOOKBACK_WEEKS} "
        "weeks."
    ),
    error=(
        "Ranks go by revenue in the US, and Steam tells no revenue. Dropped items can be told only where the week "
        "before was collected. Names and prices are those of the day of asking, not of the week."
    ),
)
