"""Sentiment: how the reviews written in a week were, week by week.

Belongs here: the week's votes and their change. Does not belong here: what is unusual about them (review_bombs.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

INSIGHT = Insight(
    name="sentiment",
    title="Positive share of each week's reviews",
    cadence=Cadence.WEEKLY,
    inputs=(Input("review_summary", days_before=7), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("positive", "bigint", "The week's reviews that recommend it.", "reviews", nullable=False),
        Column("negative", "bigint", "The week's reviews that do not.", "reviews", nullable=False),
        Column("reviews", "bigint", "All of the week's.", "reviews", nullable=False),
        Column("positive_share", "double", "Positive / all, 0 to 1; null without reviews."),
        Column("share_change", "double", "Against the week before, in shares; null if that is unknown or empty."),
        Column("sample_reviews", "bigint", "Reviews that were fetched one by one.", "reviews"),
        Column("sample_complete", "boolean", "All the week's were fetched; false: cut by the page budget."),
    ),
    key=("app_id",),
    method=(
        "Steam's own count of the reviews written in the week (query_summary of the week, every language and purchase, "
        "off-topic ones included), never the fetched sample. Change = share - share of the week before."
    ),
    error=(
        "A week with few reviews swings by chance. Only the week's top sellers are asked about, so a game that left "
        "the chart has a gap. Reviews deleted before the question are not counted."
    ),
)
