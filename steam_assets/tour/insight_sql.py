"""The insights in DuckDB SQL: a second implementation, independent of Spark's.

Belongs here: one query per insight, over all clean tables by name and ``names``. Does not belong here: an insight's
meaning, and its computation in the pipeline (insights/).

A test compares every value with Spark's (insights/test_second_engine.py).
"""

from __future__ import annotations


def _changes(peaks: str, outer: str, same: str) -> str:
    """A pair of weeks per change, joined day by day: ``peaks`` has day and p, ``same`` relates it to ``outer``."""
    weeks = (
        f"from {peaks} a join {peaks} b on b.day = a.day - {{n}} and {same.format('b')} "
        f"where {same.format('a')} and a.day between {outer}.day - 6 and {outer}.day having count(*) > 3"
    )
    found = [
        f"case when {outer}.p is not null then (select sum(a.p) / sum(b.p) - 1.0 {weeks.format(n=n)}) end "
        f"as peak_change_{n}d"
        for n in (7, 28, 91, 364)
    ]
    gained = f"(select avg(a.p) - avg(b.p) {weeks.format(n=7)})"
    return ", ".join([*found, f"case when {outer}.p is not null then {gained} end as players_gained_7d"])


_PEAKS = "(select app_id, day, players_peak as p from most_played)"
_SUMS = "(select day, sum(players_peak) as p from most_played group by day)"

NAMES = """
select week_start, app_id, arg_max(name, (fetched_at, name)) as name from (
select week_start, app_id, name, fetched_at from top_sellers union all
select time_bucket(interval 7 day, day, date '2023-06-27')::date, app_id, name, fetched_at from most_played)
where name is not null group by all
"""
"""The newest name by week and app, which the queries read as ``names``."""

SQL = {
    "player_trend": f"""
with days as (select distinct day from most_played),
     numbered as (select day, lag(day) over (order by day) as compared_to,
                     row_number() over (order by day) as n from days),
     grid as (select d.day, d.n, d.compared_to, p.app_id, t.rank, t.players_now, t.players_peak, t.players_peak as p,
                     y.rank as rank_before, coalesce(t.name, y.name) as name,
                     case when t.rank is null then y.is_free else t.is_free end as is_free
              from numbered d cross join (select distinct app_id from most_played) p
              left join most_played t on t.day = d.day and t.app_id = p.app_id
              left join most_played y on y.day = d.compared_to and y.app_id = p.app_id)
select day, app_id, name, is_free, rank, rank_before - rank as rank_change_1d,
       case when compared_to is null then null when rank is null then 'dropped' when rank_before is null then
            case when (select count(*) from most_played m where m.app_id = g.app_id and m.day < g.day) > 0
                 then 'returned' when n <= 28 then 'first_seen' else 'new' end
            when rank_before = rank then 'same' when rank_before > rank then 'up' else 'down' end as status,
       compared_to, players_now, players_peak,
       (select avg(players_peak) from most_played m where m.app_id = g.app_id and m.day between g.day - 6 and g.day
        having count(*) = 7) as peak_7d_mean,
       {_changes(_PEAKS, "g", "{}.app_id = g.app_id")},
       (select count(*) from most_played m where m.app_id = g.app_id and m.day <= g.day) as days_on_chart,
       n - coalesce((select max(n) from grid h where h.app_id = g.app_id and h.n <= g.n and h.rank is null), 0)
            as streak_days,
       (select min(rank) from most_played m where m.app_id = g.app_id and m.day <= g.day) as best_rank,
       strftime(day, '%Y-%m-%d') as partition_key
from grid g where rank is not null or rank_before is not null
""",  # noqa: S608 - it has no text from outside
    "market_day": f"""
select day, max(sampled_at) as sampled_at, count(*) as games, sum(players_now)::bigint as players_now,
       sum(players_peak)::bigint as players_peak_sum,
       sum(case when rank < 11 then players_now else 0 end) / sum(players_now) as top10_share,
       sum(case when is_free then 1 else 0 end)::int as free_games,
       sum(case when is_free = false then 1 else 0 end)::int as paid_games,
       sum(case when is_free is null then 1 else 0 end)::int as unknown_games,
       sum(case when is_free then players_now else 0 end)::bigint as free_players,
       sum(case when is_free = false then players_now else 0 end)::bigint as paid_players,
       sum(case when is_free is null then players_now else 0 end)::bigint as unknown_players,
       (select avg(w.p) from {_SUMS} w where w.day between m.day - 6 and m.day having count(*) = 7) as peak_sum_7d_mean,
       {_changes(_SUMS, "m", "true")},
       any_value(partition_key) as partition_key
from (select *, sum(players_peak) over (partition by day) as p from most_played) m group by day, p
""",  # noqa: S608 - it has no text from outside
    "top_seller_moves": """
with all_rows as (
  select week_start, app_id, name, rank, coalesce(last_week_rank, (select rank from top_sellers o
           where o.app_id = t.app_id and o.week_start = t.week_start - 7)) as previous_rank, first_top100,
         consecutive_weeks as streak_weeks, final_price_cents as price_cents, is_free
  from top_sellers t
  union all
  select week_start + 7, app_id, name, null, rank, false, 0, final_price_cents, is_free from top_sellers t
  where exists (select 1 from top_sellers o where o.week_start = t.week_start + 7)
    and not exists (select 1 from top_sellers o where o.week_start = t.week_start + 7 and o.app_id = t.app_id))
select week_start::date as week_start, app_id, name, rank, previous_rank, previous_rank - rank as movement,
       case when rank is null then 'dropped' when previous_rank is null and first_top100 then 'new'
            when previous_rank is null then 'returned' when previous_rank = rank then 'same'
            when previous_rank > rank then 'up' else 'down' end as status,
       streak_weeks,
       (select count(*) from top_sellers o where o.app_id = a.app_id and o.week_start <= a.week_start)
            as weeks_on_chart,
       (select min(rank) from top_sellers o where o.app_id = a.app_id and o.week_start <= a.week_start) as best_rank,
       price_cents, is_free, strftime(week_start, '%Y-%m-%d') as partition_key
from all_rows a
""",
    "price_split": """
with entries as (
  select week_start, 'top_sellers' as chart, week_start as shown, is_free, null::bigint as players from top_sellers
  union all
  select time_bucket(interval 7 day, day, date '2023-06-27')::date, 'most_played', day, is_free, players_peak
  from most_played),
totals as (select week_start, chart, count(distinct shown) as charts, count(*) as n, sum(players) as p
           from entries group by all),
classes as (from (values ('free', true), ('paid', false), ('unknown', null)) as c(price, flag))
select t.week_start, t.chart, c.price, t.charts::int as charts, count(e.chart) / t.charts as items,
       count(e.chart) / t.n as items_share,
       case when t.chart = 'most_played' then coalesce(sum(e.players), 0) / t.charts end as players,
       case when t.chart = 'most_played' then coalesce(sum(e.players), 0) / t.p end as players_share,
       strftime(t.week_start, '%Y-%m-%d') as partition_key
from totals t cross join classes c
left join entries e on e.week_start = t.week_start and e.chart = t.chart and e.is_free is not distinct from c.flag
group by t.week_start, t.chart, c.price, t.charts, t.n, t.p
""",
    "review_scores": """
select s.week_start, s.app_id, n.name, off_topic_included, total_positive, total_negative, total_reviews,
       total_positive / nullif(total_reviews, 0) as positive_share,
       case when total_reviews > 0 then 0.5 + (positive_share - 0.5) * (1 - 0.5 ** log10(1.0 + total_reviews)) end
            as adjusted_score,
       case when total_reviews > 0 then
            (total_positive + 1.9208 - 1.96 * sqrt(total_positive * total_negative / total_reviews + 0.9604))
            / (total_reviews + 3.8416) end as wilson_lower,
       review_score_desc, partition_key
from review_summary s left join names n using (week_start, app_id) where scope = 'lifetime'
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
base as (select app_id, week_start, count(*) as weeks, median(bn) as mn, mad(bn) as dn, median(bs) as ms, mad(bs) as ds
         from pairs group by all),
scored as (select w.week_start, w.app_id, w.total_negative as negative, w.total_reviews as reviews, w.share,
       coalesce(weeks, 0)::int as weeks, mn, ms,
       (w.total_negative - mn) / greatest(1.4826 * dn, sqrt(mn), 1) as v,
       (w.share - ms) / sqrt(ms * (1 - ms) / nullif(w.total_reviews, 0) + (1.4826 * ds) ** 2) as z,
       w.total_reviews - f.total_reviews as excluded, w.partition_key
  from week w left join base b using (app_id, week_start)
  left join review_summary f on f.app_id = w.app_id and f.week_start = w.week_start and f.scope = 'week'
       and not f.off_topic_included),
flagged as (select *, case when weeks >= 4 then
       coalesce(negative >= 50 and v >= 5 and z >= 5 and share - ms >= 0.1, false) end as flagged,
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
       feed_name = 'steam_community_announcements' or 'patchnotes' in tags as is_update,
       'patchnotes' in tags as is_patch_notes, partition_key
from news w left join names n using (week_start, app_id)
""",
    "update_effect": """
with updates as (
  select week_start, app_id, published_at::date as day, count(*)::int as updates,
         bool_or('patchnotes' in tags) as patch,
         first(title order by 'patchnotes' in tags desc, published_at, gid) as title
  from news where feed_name = 'steam_community_announcements' or 'patchnotes' in tags group by all),
total as (select day, sum(players_peak) as p from most_played group by day),
side as (
  select u.app_id, u.day, m.day < u.day as before, median(m.players_peak) as own,
         median(t.p - m.players_peak) as market,
         count(*)::int as days
  from updates u join most_played m on m.app_id = u.app_id and m.day between u.day - 7 and u.day + 7 and m.day <> u.day
  join total t on t.day = m.day group by all),
both_sides as (
  select u.*, b.own as ob, a.own as oa, b.market as mb, a.market as ma, coalesce(b.days, 0) as db,
         coalesce(a.days, 0) as da
  from updates u left join (from side where before) b using (app_id, day)
  left join (from side where not before) a using (app_id, day))
select week_start, app_id, n.name, day, title, updates, patch as has_patch_notes, ob as peak_before, oa as peak_after,
       case when db > 3 and da > 3 then oa / ob - 1 end as change,
       case when db > 3 and da > 3 then ma / mb - 1 end as market_change,
       case when db > 3 and da > 3 then oa * mb / ob / ma - 1 end as net_effect,
       db as days_before, da as days_after, db < 4 or da < 4 as too_few_days,
       strftime(week_start, '%Y-%m-%d') as partition_key
from both_sides left join names n using (week_start, app_id)
""",
    "traffic_vs_players": """
with daily as (select day, sum(players_peak) as p from most_played group by day)
select month, visits, kind as visits_kind, avg(p) as mean_daily_players, visits / avg(p) as visits_per_player,
       count(p)::int as days_collected, day(last_day(month))::int as days_in_month,
       any_value(partition_key) as partition_key
from visits left join daily on date_trunc('month', daily.day) = month group by month, visits, kind
""",
}
"""The rows of all partitions, by insight; columns in any order."""
