"""The registry of insights, one line each, used by assets, exports and the dashboard.

Belongs here: the list of insights. Does not belong here: anything about one of them.
"""

from steam_assets.insights import (
    country_similarity,
    freshness,
    launches,
    market_day,
    market_share,
    news_markers,
    player_days,
    player_hours,
    player_trend,
    price_history,
    price_split,
    regional_hits,
    review_bombs,
    review_languages,
    review_scores,
    sale_effect,
    sentiment,
    top_seller_moves,
    traffic_vs_players,
    update_effect,
    update_hours,
)
from steam_assets.insights.insight import Insight

INSIGHTS: tuple[Insight, ...] = (
    player_trend.INSIGHT,
    market_day.INSIGHT,
    top_seller_moves.INSIGHT,
    price_split.INSIGHT,
    review_scores.INSIGHT,
    sentiment.INSIGHT,
    review_bombs.INSIGHT,
    review_languages.INSIGHT,
    news_markers.INSIGHT,
    update_effect.INSIGHT,
    update_hours.INSIGHT,
    regional_hits.INSIGHT,
    country_similarity.INSIGHT,
    price_history.INSIGHT,
    sale_effect.INSIGHT,
    market_share.INSIGHT,
    launches.INSIGHT,
    player_days.INSIGHT,
    player_hours.INSIGHT,
    traffic_vs_players.INSIGHT,
    freshness.INSIGHT,
)


def insight_named(name: str) -> Insight:
    """The insight of that name. Raises LookupError, which lists all names."""
    for insight in INSIGHTS:
        if insight.name == name:
            return insight
    raise LookupError(f"no insight is named {name!r}; there are {', '.join(insight.name for insight in INSIGHTS)}")
