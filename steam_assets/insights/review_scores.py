"""Review scores: totals over a game's life, the positive share, and two scores that mind how many voted.

Belongs here: the scores and their formulas. Does not belong here: how votes change (sentiment.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

INSIGHT = Insight(
    name="review_scores",
    title="Review totals and scores of the top sellers",
    cadence=Cadence.WEEKLY,
    inputs=(Input("review_summary"), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) of the week at whose end the totals stood so.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("off_topic_included", "boolean", "Reviews Steam marks as off topic are counted too.", nullable=False),
        Column("total_positive", "bigint", "Reviews that recommend it.", "reviews", nullable=False),
        Column("total_negative", "bigint", "Reviews that do not.", "reviews", nullable=False),
        Column("total_reviews", "bigint", "All of them.", "reviews", nullable=False),
        Column("positive_share", "double", "Positive / all, 0 to 1; null without reviews."),
        Column("adjusted_score", "double", "SteamDB's score, 0 to 1; null without reviews."),
        Column("wilson_lower", "double", "Lower end of Wilson's 95 % interval, 0 to 1; null without reviews."),
        Column("review_score_desc", "string", "Steam's grade in its own words."),
    ),
    key=("app_id", "off_topic_included"),
    method=(
        "Totals are Steam's count over all reviews up to the week's end (query_summary), never a sample. With r = "
        "positive share and n = all reviews: adjusted score = r - (r - 0.5) * 2^(-log10(n + 1)), SteamDB's rating "
        "(steamdb.info/blog/steamdb-rating): the doubt halves with every tenfold of reviews. Wilson's lower bound: "
        "(r + z²/2n - z * sqrt(r(1-r)/n + z²/4n²)) / (1 + z²/n) with z = 1.96."
    ),
    error=(
        "Who writes reviews is not who plays. Reviews deleted or changed since the week's end are counted as they "
        "stood when they were asked for."
    ),
)
