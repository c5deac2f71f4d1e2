"""The panels' queries: which columns of which table each needs.

Belongs here: one query per table of a panel. Does not belong here: what is read from the lake (table_reads.py), how the
results become the page's JSON (payload.py), what the numbers mean (insights/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steam_assets.visuals.dashboard.page_tables import Parameter
from steam_assets.visuals.dashboard.unusual_weeks import (
    COMPARED,
    HOURS,
    PLAYTIMES,
    PLAYTIMES_METHOD,
    TERMS,
    TERMS_METHOD,
)


@dataclass(frozen=True)
class PanelQuery:
    """A query whose result is a table of the page: on one table of the lake, which is named ``given`` in it.

    ``parameters`` are values of its ``$names``. ``method`` is set if the query itself computes something; otherwise the
    method is that of the table.
    """

    name: str
    table: str
    sql: str
    method: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


QUOTES = """
with ranked as (
  select *, (app_id, partition_key) in (select app_id, partition_key from unusual) as unusual_week,
    partition_key = max(partition_key) over () as newest_week,
    row_number() over (partition by app_id, partition_key order by votes_up desc nulls last, created_at, text) as place,
    row_number() over (
      partition by app_id, partition_key, voted_up order by votes_up desc nulls last, created_at, text
    ) as place_of_vote
  from given
)
select app_id as app, epoch_day(partition_key) as week, epoch_second(created_at) as created, voted_up as up, language,
  votes_up as votes, playtime_at_review_minutes / 60.0 as hours, left(text, $source) as text,
  newest_week and place <= 3 as newest
from ranked where (newest_week and place <= 3) or (unusual_week and place_of_vote <= 3)
order by app_id, partition_key, votes_up desc nulls last, created_at, text
"""

ABOUT_SHOWN = frozenset({"store", "tags", "lifts", "ranks"})
"""Queries about more apps than the page shows; the rows of others are left out."""

PANEL_QUERIES = (
    PanelQuery(
        "trend",
        "insight_player_trend",
        "select app_id as app, epoch_day(day) as day, rank, rank_change_1d as rank_change, status, players_now, "
        "players_peak, peak_7d_mean, peak_change_7d, peak_change_28d, peak_change_91d, peak_change_364d, "
        "players_gained_7d, days_on_chart, streak_days, best_rank from given "
        "where day = (select max(day) from given) order by rank nulls last, app_id",
    ),
    PanelQuery(
        "market",
        "insight_market_day",
        "select epoch_day(day) as day, games, players_now, players_peak_sum, top10_share, peak_sum_7d_mean, "
        "peak_change_7d, peak_change_28d, peak_change_91d, peak_change_364d, players_gained_7d from given order by day",
    ),
    PanelQuery(
        "moves",
        "insight_top_seller_moves",
        "select epoch_day(week_start) as week, app_id as app, rank, previous_rank, movement, status, "
        "streak_weeks as streak, weeks_on_chart, best_rank, price_cents as price, is_free as free from given "
        "order by week_start, rank nulls last, app_id",
    ),
    PanelQuery(
        "split",
        "insight_price_split",
        "select epoch_day(week_start) as week, chart, price, items, items_share, players, players_share from given "
        "order by week_start, chart, price",
    ),
    PanelQuery(
        "scores",
        "insight_review_scores",
        "select epoch_day(week_start) as week, app_id as app, off_topic_included as off_topic, "
        "total_reviews as total, total_positive as positive, positive_share as share, adjusted_score as adjusted, "
        "wilson_lower as wilson, review_score_desc as grade from given "
        "qualify week_start = max(week_start) over (partition by app_id) order by app_id, off_topic_included",
    ),
    PanelQuery(
        "sentiment",
        "insight_sentiment",
        "select epoch_day(week_start) as week, app_id as app, positive, negative, share_change as change from given "
        "order by week_start, app_id",
    ),
    PanelQuery(
        "bombs",
        "insight_review_bombs",
        "select epoch_day(week_start) as week, app_id as app, negative, reviews, negative_share as share, "
        "baseline_weeks, baseline_negative as usual, baseline_share as usual_share, volume_score as volume, "
        "share_score, flagged, excluded_by_steam as excluded, off_topic_excluded_by_steam as by_steam, agreement "
        "from given qualify flagged or off_topic_excluded_by_steam "
        "or week_start > max(week_start) over () - interval 84 days order by week_start, app_id",
    ),
    PanelQuery(
        "languages",
        "insight_review_languages",
        "select epoch_day(week_start) as week, app_id as app, language, reviews, positive_share, "
        "median_playtime_at_review_hours as hours, sample_complete as complete from given "
        "where week_start = (select max(week_start) from given) or (app_id, partition_key) in (select app_id, "
        "partition_key from unusual) order by week_start, app_id, reviews desc, language",
    ),
    PanelQuery(
        "quotes",
        "reviews",
        QUOTES,
    ),
    PanelQuery(
        "unusual",
        "insight_review_bombs",
        "select app_id as app, epoch_day(week_start) as week from unusual order by week_start, app_id",
    ),
    PanelQuery("terms", "reviews", TERMS, TERMS_METHOD, COMPARED),
    PanelQuery("playtimes", "reviews", PLAYTIMES, PLAYTIMES_METHOD, HOURS),
    PanelQuery(
        "news",
        "insight_news_markers",
        "select app_id as app, epoch_day(day) as day, epoch_second(published_at) as moment, "
        "cut_to(title, $title) as title, if(length(url) <= $address, url, null) as url, "
        "cut_to(feed, 60) as feed, case when is_patch_notes then 'patch' when is_update then 'update' else 'other' end "
        "as kind from given order by published_at desc, app_id, gid limit $articles",
    ),
    PanelQuery(
        "effects",
        "insight_update_effect",
        "select app_id as app, epoch_day(day) as day, if(row_number() over (order by day desc, app_id) <= $effects, "
        "cut_to(title, 120), null) as title, updates, has_patch_notes as patch, "
        "peak_before as before, peak_after as after, change, market_change as market, net_effect as net, "
        "days_before, days_after, too_few_days as few from given order by day desc, app_id",
    ),
    PanelQuery("visits", "visits", "select epoch_day(month) as month, visits, kind from given order by month"),
    PanelQuery(
        "engagement",
        "engagement",
        "select epoch_day(month) as month, visits, bounce_rate as bounce, pages_per_visit as pages, "
        "seconds_on_site as seconds, global_rank from given order by month",
    ),
    PanelQuery(
        "ways",
        "traffic_sources",
        "select epoch_day(month) as month, traffic_source as way, share from given order by month, traffic_source",
    ),
    PanelQuery(
        "countries",
        "top_countries",
        "select epoch_day(month) as month, country, country_code as code, share from given order by month, country",
    ),
    PanelQuery(
        "ratio",
        "insight_traffic_vs_players",
        "select epoch_day(month) as month, visits, mean_daily_players as players, visits_per_player as ratio, "
        "days_collected as collected, days_in_month as days from given order by month",
    ),
    PanelQuery(
        "store",
        "store_facts",
        "select app_id as app, epoch_day(released_at) as released from given order by app_id",
    ),
    PanelQuery(
        "tags",
        "store_tags",
        "select app_id as app, tag from given where tag is not null "
        "qualify row_number() over (partition by app_id order by weight desc, tag) <= 10 "
        "order by app_id, weight desc, tag",
    ),
    PanelQuery(
        "lifts",
        "insight_sale_effect",
        "select app_id as app, epoch_day(day) as day, net_effect as net from given order by app_id, day",
    ),
    PanelQuery(
        "ranks",
        "country_sellers",
        "select app_id as app, epoch_day(week_start) as week, country, rank from given order by app_id, rank, country",
    ),
    PanelQuery(
        "curve",
        "insight_player_hours",
        "select app_id as app, epoch_day(day) as day, hour, players from given "
        "where day = (select max(day) from given) order by app_id, hour",
    ),
    PanelQuery(
        "days",
        "insight_player_days",
        "select app_id as app, epoch_day(day) as day, sampled_peak as peak, epoch_second(peak_at) as at, "
        "peak_excess as excess, steam_peak as steam, swing, busiest_hour as busiest, audience_utc_offset as zone, "
        "samples from given where day = (select max(day) from given) order by sampled_peak desc, app_id",
    ),
    PanelQuery(
        "update_hours",
        "insight_update_hours",
        "select app_id as app, epoch_second(published_at) as moment, cut_to(title, 120) as title, "
        "epoch_day(week_start) as week, hours_known as hours, change, market_change as market, net_effect as net "
        "from given where not too_few_hours order by published_at desc, app_id limit 200",
    ),
    PanelQuery(
        "hits",
        "insight_regional_hits",
        "select epoch_day(week_start) as week, country, app_id as app, rank, countries_charted as charted, "
        "best_elsewhere as best from given where is_regional_hit and week_start = (select max(week_start) from given) "
        "order by rank, country",
    ),
    PanelQuery(
        "similar",
        "insight_country_similarity",
        "select epoch_day(week_start) as week, country, other_country as other, items_in_common as common, "
        "share_in_common as share, rank_correlation as correlation from given "
        "where week_start = (select max(week_start) from given) order by share_in_common, country, other",
    ),
    PanelQuery(
        "changes",
        "insight_price_history",
        "select epoch_day(day) as day, app_id as app, change, price_cents as price, previous_price_cents as before, "
        "discount_percent as discount, epoch_second(discount_ends_at) as ends, lowest_cents as lowest from given "
        "where change <> 'same' order by day desc, app_id limit 300",
    ),
    PanelQuery(
        "sales",
        "insight_sale_effect",
        "select epoch_day(day) as day, app_id as app, discount_percent as discount, peak_before as before, "
        "peak_after as after, change, market_change as market, net_effect as net, too_few_days as few from given "
        "order by day desc, app_id limit 300",
    ),
    PanelQuery(
        "shares",
        "insight_market_share",
        "select epoch_day(week_start) as week, kind, cut_to(label, 80) as label, games, players, "
        "players_share as share, places, places_share from given "
        "where week_start = (select max(week_start) from given) "
        "qualify least(row_number() over (partition by kind order by players_share desc nulls last, label), "
        "row_number() over (partition by kind order by places_share desc nulls last, label)) <= 60 "
        "order by kind, players_share desc nulls last, label",
    ),
    PanelQuery(
        "launches",
        "insight_launches",
        "select epoch_day(day) as day, app_id as app, epoch_day(released_on) as released, days_since_release as days, "
        "rank, players_peak as peak, best_peak as best, share_of_best as share from given "
        "where day = (select max(day) from given) order by rank, app_id",
    ),
)
