"""Review bombs: weeks with far more negative reviews than the game's own past lets expect.

Belongs here: the statistic, its window and its minimum volume. Does not belong here: a cause; none is claimed.
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

BASELINE_WEEKS = 12
"""Weeks before the judged one that make the baseline; those that were not collected are left out."""
MINIMUM_WEEKS = 4
"""Weeks a baseline needs before anything is flagged."""
MINIMUM_NEGATIVES = 50
"""Negative reviews a week needs to be flagged: below it, a handful of people are no bomb."""
THRESHOLD = 5.0
"""Robust standard deviations that both numbers must be above their baseline."""
MINIMUM_SHARE_JUMP = 0.1
"""How much the negative share must rise too, so that a week in which all reviews grow is not flagged."""

INSIGHT = Insight(
    name="review_bombs",
    title="Weeks with unusually many negative reviews",
    cadence=Cadence.WEEKLY,
    inputs=(
        Input("review_summary", days_before=7 * BASELINE_WEEKS),
        Input("top_sellers"),
        Input("most_played"),
    ),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The reviewed app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("negative", "bigint", "The week's negative reviews, off-topic ones included.", "reviews", False),
        Column("reviews", "bigint", "All of the week's.", "reviews", nullable=False),
        Column("negative_share", "double", "Negative / all, 0 to 1; null without reviews."),
        Column("baseline_weeks", "int", "Weeks the baseline is made of.", "weeks", nullable=False),
        Column("baseline_negative", "double", "Median of their negative reviews.", "reviews"),
        Column("baseline_share", "double", "Median of their negative shares, 0 to 1."),
        Column("volume_score", "double", "Negatives above the baseline.", "robust standard deviations"),
        Column("share_score", "double", "Negative share above the baseline.", "robust standard deviations"),
        Column("flagged", "boolean", "Unusual by all four conditions; null while the baseline is too short."),
        Column("excluded_by_steam", "bigint", "The week's reviews that Steam leaves out as off topic.", "reviews"),
        Column(
            "off_topic_excluded_by_steam",
            "boolean",
            "Steam leaves out some of the week's reviews; null if it was not asked.",
        ),
        Column("agreement", "string", "both, only_flagged, only_steam or neither; null if one is unknown."),
    ),
    key=("app_id",),
    method=(
        f"Against the collected ones of the {BASELINE_WEEKS} weeks before (at least {MINIMUM_WEEKS}): volume score = "
        "(negatives - median) / max(1.4826 * MAD, sqrt(median), 1); share score = (share - median share p) / "
        "sqrt(p(1-p)/n + (1.4826 * MAD)²), n the week's reviews, p kept within 0.01 and 0.99 in the root. Flagged if "
        f"both are at least {THRESHOLD:g}, the share rose by at least {MINIMUM_SHARE_JUMP:g}, and there are at least "
        f"{MINIMUM_NEGATIVES} negatives. MAD is the median absolute deviation; 1.4826 scales it to a standard "
        "deviation. Compared with what Steam excludes itself: the week's count with off-topic reviews less that "
        "without."
    ),
    error=(
        "An anomaly, not its cause: a bad patch looks like a campaign. A bomb shorter than a week is thinned by the "
        "rest of it. A game new to the charts has no baseline. Steam marks periods as off topic later, so its side "
        "may still change."
    ),
)
