"""The insights about charts, reviews, news and visits as DuckDB queries, for clean tables that fit into memory.

Belongs here: one query per insight, over the clean tables by name and VIEWS. Does not belong here: an insight's meaning
and its computation from larger tables (the insights' files), running the queries (small_inputs.py), those of the store
(store_queries.py).

Each is written independently of Spark's computation, and a test compares every value of both.
"""

from __future__ import annotations


def _with_weekly_means(rows: str, app: str, mean: str) -> str:
    """``rows``, which have ``day`` and peak ``p``, with the weekly means that weekly_means.py defines.

    ``app`` is the column of which ``rows`` have one row a day, if there are several.
    """
    series = f"partition by {app} order by day" if app else "order by day"
    changes = (7, 28, 91, 364)
    earlier = ", ".join(
        f"max(p) over ({series} range between interval {n} day preceding and interval {n} day preceding) as p{n}"
        for n in changes
    )
    sums = ", ".join(
        f"sum(case when p{n} is not null then p end) over week as now{n}, "
        f"sum(case when p is not null then p{n} end) over week as then{n}, "
        f"count(case when p{n} is not null then p end) over week as known{n}"
        for n in changes
    )
    found = ", ".join(
        f"case when p is not null and known{n} > 3 and then{n} > 0 then now{n} / then{n} - 1.0 end as peak_change_{n}d"
        for n in changes
    )
    return f"""
(select *, case when p is not null and in_week = 7 then week_mean end as {mean}, {found},
        case when p is not null and known7 > 3 and then7 > 0 then (now7 - then7) / known7 end as players_gained_7d
 from (select *, avg(p) over week as week_mean, count(p) over week as in_week, {sums}
       from (select *, {earlier} from {rows})
       window week as ({series} range between interval 6 day preceding and current row)))
"""  # noqa: S608 - it has no text from outside


def effects(days: str) -> str:
    """``days``, which have each ``app_id`` and ``day`` once, with the columns that event_effect.py defines."""
    return f"""
side as (
  select u.app_id, u.day, m.day < u.day as before, median(m.own) as own, median(m.others) as others,
         count(*)::int as days
  from {days} u join with_market m on m.app_id = u.app_id and m.day between u.day - 7 and u.day + 7 and m.day <> u.day
  group by all),
both_sides as (
  select u.*, b.own as peak_before, a.own as peak_after, coalesce(b.days, 0) as days_before,
         coalesce(a.days, 0) as days_after, least(coalesce(b.days, 0), coalesce(a.days, 0)) < 4 as too_few_days,
         a.own / nullif(b.own, 0) as grown, a.others / nullif(b.others, 0) as market_grown
  from {days} u left join (from side where before) b using (app_id, day)
  left join (from side where not before) a using (app_id, day)),
effects as (
  select *, case when not too_few_days then grown - 1 end as change,
         case when not too_few_days then market_grown - 1 end as market_change,
         case when not too_few_days then grown / nullif(market_grown, 0) - 1 end as net_effect
  from both_sides)
"""  # noqa: S608 - it has no text from outside


VIEWS = {
    "charted": """
from most_played qualify row_number() over (partition by partition_key, app_id order by rank) = 1
""",
    "sold": """
from top_sellers qualify row_number() over (partition by partition_key, app_id order by rank) = 1
""",
    "names": """
select week_start, app_id, arg_max(name, (fetched_at, name)) as name from (
select week_start, app_id, name, fetched_at from top_sellers union all
select time_bucket(interval 7 day, day, date '2023-06-27')::date, app_id, name, fetched_at from most_played)
where name is not null group by all
""",
    "updates": """
select *, published_at::date as day, coalesce('patchnotes' in tags, false) as patch from news
where feed_name = 'steam_community_announcements' or 'patchnotes' in tags
""",
    "with_market": """
select day, app_id, players_peak as own, sum(players_peak) over (partition by day) - players_peak as others
from charted
""",
}
"""What several queries read: charts with each app once, at its best rank; the newest name by week and app; news about
updates; and each charted game beside the sum of the others.
"""

QUERIES = {
    "player_trend": f"""
with days as (
  select day, lag(day) over (order by day) as earlier,
         count(*) over (order by day range between interval 370 day preceding and interval 1 day preceding) as collected
  from (select distinct day from charted)),
followed as (select day, case when day - earlier < 371 then earlier end as compared_to, collected from days),
stayed as (
  select d.day, compared_to, collected, t.app_id, t.name, t.is_free, t.rank, y.rank as rank_before, t.players_now,
         t.players_peak as p
  from charted t join followed d on d.day = t.day
  left join charted y on y.day = compared_to and y.app_id = t.app_id),
dropped as (
  select d.day, compared_to, null::bigint as collected, y.app_id, y.name, y.is_free, null::int as rank,
         y.rank as rank_before, null::bigint as players_now, null::bigint as p
  from followed d join charted y on y.day = compared_to
  where not exists (select 1 from charted t where t.day = d.day and t.app_id = y.app_id)),
both_kinds as (from stayed union all from dropped),
measured as (
  select *, count(rank) over (partition by app_id order by day
                              range between interval 370 day preceding and interval 1 day preceding) as times_before,
         count(rank) over lookback as days_on_chart, min(rank) over lookback as best_rank,
         sum(case when rank is null or rank_before is null then 1 else 0 end)
             over (partition by app_id order by day) as stay
  from both_kinds
  window lookback as (partition by app_id order by day range between interval 370 day preceding and current row))
select * replace (days_on_chart::int as days_on_chart), p as players_peak, rank_before - rank as rank_change_1d,
       case when compared_to is null then null when rank is null then 'dropped' when rank_before is null then
            case when times_before > 0 then 'returned' when collected < 28 then 'first_seen' else 'new' end
            when rank_before = rank then 'same' when rank_before > rank then 'up' else 'down' end as status,
       count(rank) over (partition by app_id, stay order by day
                         range between interval 370 day preceding and current row)::int as streak_days,
       strftime(day, '%Y-%m-%d') as partition_key
from {_with_weekly_means("measured", "app_id", "peak_7d_mean")}
""",  # noqa: S608 - it has no text from outside
    "market_day": f"""
with days as (
  select day, max(sampled_at) as sampled_at, count(*)::int as games, sum(players_now)::bigint as players_now,
         sum(players_peak)::bigint as p,
         sum(players_now) filter (where rank < 11) / nullif(sum(players_now), 0) as top10_share,
         count_if(is_free)::int as free_games, count_if(is_free = false)::int as paid_games,
         count_if(is_free is null)::int as unknown_games,
         coalesce(sum(players_now) filter (where is_free), 0)::bigint as free_players,
         coalesce(sum(players_now) filter (where is_free = false), 0)::bigint as paid_players,
         coalesce(sum(players_now) filter (where is_free is null), 0)::bigint as unknown_players
  from charted group by day)
select *, p as players_peak_sum, strftime(day, '%Y-%m-%d') as partition_key
from {_with_weekly_means("days", "", "peak_sum_7d_mean")}
""",  # noqa: S608 - it has no text from outside
    "top_seller_moves": """
with all_rows as (
  select t.week_start, t.app_id, t.name, t.rank, coalesce(t.last_week_rank, o.rank) as previous_rank, t.first_top100,
         t.consecutive_weeks as streak_weeks, t.final_price_cents as price_cents, t.is_free
  from sold t left join sold o on o.app_id = t.app_id and o.week_start = t.week_start - 7
  union all
  select week_start + 7, app_id, name, null, rank, first_top100, 0, final_price_cents, is_free from sold t
  where exists (select 1 from sold o where o.week_start = t.week_start + 7)
    and not exists (select 1 from sold o where o.week_start = t.week_start + 7 and o.app_id = t.app_id))
select week_start::date as week_start, app_id, name, rank, previous_rank, previous_rank - rank as movement,
       case when rank is null then 'dropped' when previous_rank > rank then 'up' when previous_rank < rank then 'down'
            when previous_rank = rank then 'same' when first_top100 then 'new' when not first_top100 then 'returned'
       end as status,
       streak_weeks, count(rank) over lookback as weeks_on_chart, min(rank) over lookback as best_rank, price_cents,
       is_free, strftime(week_start, '%Y-%m-%d') as partition_key
from all_rows
window lookback as (partition by app_id order by week_start::date
                    range between interval 721 day preceding and current row)
""",
    "price_split": """
with entries as (
  select week_start, 'top_sellers' as chart, week_start as shown, is_free, null::bigint as players from sold
  union all
  select time_bucket(interval 7 day, day, date '2023-06-27')::date, 'most_played', day, is_free, players_peak
  from charted),
totals as (select week_start, chart, count(distinct shown) as charts, count(*) as n, sum(players) as p
           from entries group by all),
classes as (from (values ('free', true), ('paid', false), ('unknown', null)) as c(price, flag))
select t.week_start, t.chart, c.price, t.charts::int as charts, count(e.chart) / t.charts as items,
       count(e.chart) / t.n as items_share,
       case when t.p is not null then coalesce(sum(e.players), 0) / t.charts end as players,
       case when t.p is not null then coalesce(sum(e.players), 0) / nullif(t.p, 0) end as players_share,
       strftime(t.week_start, '%Y-%m-%d') as partition_key
from totals t cross join classes c
left join entries e on e.week_start = t.week_start and e.chart = t.chart and e.is_free is not distinct from c.flag
group by t.week_start, t.chart, c.price, t.charts, t.n, t.p
""",
    "review_scores": """
with lifetime as (
  select *, total_positive / nullif(total_reviews, 0) as positive_share from review_summary where scope = 'lifetime')
select s.week_start, s.app_id, n.name, off_topic_included, total_positive, total_negative, total_reviews,
       positive_share,
       case when total_reviews > 0 then 0.5 + (positive_share - 0.5) * (1 - 0.5 ** log10(1.0 + total_reviews)) end
            as adjusted_score,
       case when total_reviews > 0 then
            (positive_share * total_reviews + 1.9208
             - 1.96 * sqrt(positive_share * (1 - positive_share) * total_reviews + 0.9604)) / (total_reviews + 3.8416)
            end as wilson_lower,
       review_score_desc, partition_key
from lifetime s left join names n using (week_start, app_id)
""",
    "sentiment": """
select s.week_start, s.app_id, n.name, s.total_positive as positive, s.total_negative as negative,
       s.total_reviews as reviews, s.total_positive / nullif(s.total_reviews, 0) as positive_share,
       s.total_positive / nullif(s.total_reviews, 0) - b.total_positive / nullif(b.total_reviews, 0) as share_change,
       s.reviews_listed as sample_reviews, s.complete as sample_complete, s.partition_key
from review_summary s left join names n using (week_start, app_id)
left join review_summary b on b.app_id = s.app_id and b.week_start = s.week_start - 7 and b.scope = 'week'
     and b.off_topic_included
where s.scope = 'week' and s.off_topic_included
""",
    "review_bombs": """
with week as (select *, total_negative / nullif(total_reviews, 0) as share from review_summary
              where scope = 'week' and off_topic_included),
pairs as (select w.app_id, w.week_start, b.total_negative as bn, b.share as bs from week w
          join week b on b.app_id = w.app_id and b.week_start between w.week_start - 84 and w.week_start - 7),
base as (select app_id, week_start, count(bn) as weeks, median(bn) as mn, mad(bn) as dn, median(bs) as ms,
                mad(bs) as ds, least(greatest(median(bs), 0.01), 0.99) as kept
         from pairs group by all),
scored as (select w.week_start, w.app_id, w.total_negative as negative, w.total_reviews as reviews, w.share,
       coalesce(weeks, 0)::int as weeks, mn, ms,
       (w.total_negative - mn) / greatest(1.4826 * dn, sqrt(mn), 1) as v,
       (w.share - ms) / sqrt(kept * (1 - kept) / nullif(w.total_reviews, 0) + (1.4826 * ds) ** 2) as z,
       case when f.app_id is not null then greatest(w.total_reviews - f.total_reviews, 0) end as excluded,
       w.partition_key
  from week w left join base b using (app_id, week_start)
  left join review_summary f on f.app_id = w.app_id and f.week_start = w.week_start and f.scope = 'week'
       and not f.off_topic_included),
flagged as (select *, case when weeks >= 4 then
       negative >= 50 and coalesce(v >= 5 and z >= 5 and share - ms >= 0.1, false) end as flagged,
       excluded > 0 as steam from scored)
select week_start, app_id, n.name, negative, reviews, share as negative_share, weeks as baseline_weeks,
       mn::double as baseline_negative, ms as baseline_share, v as volume_score, z as share_score, flagged,
       excluded as excluded_by_steam, steam as off_topic_excluded_by_steam,
       case when flagged is null or steam is null then null when flagged and steam then 'both'
            when flagged then 'only_flagged' when steam then 'only_steam' else 'neither' end as agreement, partition_key
from flagged left join names n using (week_start, app_id)
""",
    "review_languages": """
select * rename (lang as language) from (
select r.week_start, r.app_id, n.name, coalesce(r.language, 'unknown') as lang, count(*) as reviews,
       count(*) / any_value(t.total) as sample_share, avg(case when voted_up then 1 else 0 end) as positive_share,
       median(playtime_at_review_minutes) / 60 as median_playtime_at_review_hours,
       any_value(s.complete) as sample_complete, any_value(r.partition_key) as partition_key
from reviews r left join names n using (week_start, app_id)
join (select week_start, app_id, count(*) as total from reviews group by all) t using (week_start, app_id)
left join review_summary s on s.week_start = r.week_start and s.app_id = r.app_id and s.scope = 'week'
     and s.off_topic_included
group by r.week_start, r.app_id, n.name, lang)
""",
    "news_markers": """
select w.week_start, w.app_id, n.name, gid, published_at::date as day, published_at, title, url,
       coalesce(feed_label, feed_name) as feed,
       coalesce(feed_name = 'steam_community_announcements', false) or 'patchnotes' in tags as is_update,
       'patchnotes' in tags as is_patch_notes, partition_key
from news w left join names n using (week_start, app_id)
""",
    "update_effect": f"""
with days as (
  select week_start, app_id, day, count(*)::int as updates, bool_or(patch) as has_patch_notes,
         first(title order by patch desc, published_at, gid) as title
  from updates group by all),
{effects("days")}
select e.*, n.name, strftime(week_start, '%Y-%m-%d') as partition_key
from effects e left join names n using (week_start, app_id)
""",  # noqa: S608 - it has no text from outside
    "traffic_vs_players": """
with daily as (select day, sum(players_peak) as p from charted group by day),
months as (select date_trunc('month', day) as month, avg(p) as p, count(*)::int as days from daily group by all)
select month, visits, kind as visits_kind, p as mean_daily_players, visits / nullif(p, 0) as visits_per_player,
       coalesce(days, 0) as days_collected, day(last_day(month))::int as days_in_month, partition_key
from visits left join months using (month)
""",
}
"""The rows of all partitions, by insight; columns in any order."""
