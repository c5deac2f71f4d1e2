"""Update effect: a game's players before and after an update, against the market's over the same days.

Belongs here: the comparison. Does not belong here: which articles are updates (news_markers.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

SIDE_DAYS = 7
"""Days looked at on each side of the update's day, which belongs to neither."""
ENOUGH_DAYS = 4
"""Collected days that each side needs."""

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
        Column("change", "double", "After / before - 1; null with too few days."),
        Column("market_change", "double", "The same of all other charted games together; null with too few days."),
        Column("net_effect", "double", "(1 + change) / (1 + market change) - 1; null with too few days."),
        Column("days_before", "int", "Collected days before on which the game was charted.", "days", nullable=False),
        Column("days_after", "int", "Collected days after on which the game was charted.", "days", nullable=False),
        Column("too_few_days", "boolean", "Fewer than 4 days on a side: no effect is told.", nullable=False),
    ),
    key=("app_id", "day"),
    method=(
        f"Median of the daily peaks over the {SIDE_DAYS} days before and the {SIDE_DAYS} days after the update's day. "
        "The market is the sum of the other charted games' peaks on the very days the game was charted on, medians "
        "of it likewise. Net effect = (1 + change) / (1 + market change) - 1. Told only with at least "
        f"{ENOUGH_DAYS} days on each side."
    ),
    error=(
        "What happened around an update, not because of it: sales, weekends and other updates fall on the same days. "
        "The market's sum is of the charted games only. Days on which the game was off the chart are unknown, not zero."
    ),
)
