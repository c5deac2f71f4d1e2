"""DuckDB SQL for the insights about countries, prices, makers and samples, independent of Spark's.

Belongs here: the queries. Does not belong here: those of the other insights (insight_sql.py), running them (year.py and
the tests, which compare each row with Spark's).
"""

from __future__ import annotations

VIEWS = {
    "day_names": """
select day, app_id, arg_max(name, (fetched_at, name)) as name from (
select day, app_id, name, fetched_at from most_played union all
select day, app_id, name, fetched_at from store_facts) where name is not null group by all
""",
    "priced": """
select day, app_id, final_price as price_cents, coalesce(original_price, final_price) as full_price_cents,
       coalesce(discount_percent, 0) as discount_percent, discount_ends_at
from store_prices where is_best and country = 'US' and currency = 'USD' and final_price is not null
union all
select day, app_id, final_price_cents, coalesce(original_price_cents, final_price_cents),
       coalesce(discount_percent, 0), discount_ends_at
from most_played m where final_price_cents is not null and not exists (
  select 1 from store_prices s where s.day = m.day and s.app_id = m.app_id and is_best and country = 'US'
  and currency = 'USD' and final_price is not null)
""",
    "compared": """
select p.*, o.day as compared_to, o.price_cents as previous_price_cents, o.discount_percent as previous_discount
from priced p left join priced o on o.app_id = p.app_id
     and o.day = (select max(day) from priced q where q.app_id = p.app_id and q.day < p.day)
""",
    "audience": """
with hourly as (select day, app_id, hour(sampled_at) as h, avg(players_now) as p from player_samples group by all),
week as (
  select d.day, d.app_id, h.h, avg(h.p) as p from (select distinct day, app_id from player_samples) d
  join hourly h on h.app_id = d.app_id and h.day between d.day - 6 and d.day group by all),
gaps as (select *, coalesce(lead(h) over (partition by day, app_id order by h),
                            24 + first_value(h) over (partition by day, app_id order by h)) - h as gap from week),
wave as (
  select day, app_id, sum(p * cos(radians(15 * h + 7.5))) as a, sum(p * sin(radians(15 * h + 7.5))) as b,
         sum(p) as total from gaps group by all having max(gap) < 4)
select *, degrees(atan2(b, a)) / 15 + case when atan2(b, a) < 0 then 24 else 0 end as busiest from wave
""",
}
"""What several queries read, to be created in this order."""

STORE_SQL = {
    "regional_hits": """
with charts as (select distinct week_start, country from country_sellers),
elsewhere as (
  select c.week_start, c.country, c.app_id, e.rank as there, coalesce(e.rank, 101) as counted
  from country_sellers c join charts o on o.week_start = c.week_start and o.country <> c.country
  left join country_sellers e on e.week_start = o.week_start and e.country = o.country and e.app_id = c.app_id)
select c.week_start, c.country, c.app_id, any_value(c.name) as name, any_value(c.rank) as rank,
       (select count(*) from charts n where n.week_start = c.week_start)::int as countries,
       (1 + count(e.there))::int as countries_charted, median(e.counted) as rank_elsewhere,
       min(e.there) as best_elsewhere, median(e.counted) - any_value(c.rank) as places_ahead,
       any_value(c.rank) < 21 and median(e.counted) > 100.9 as is_regional_hit,
       strftime(c.week_start, '%Y-%m-%d') as partition_key
from country_sellers c join elsewhere e using (week_start, country, app_id) group by c.week_start, c.country, c.app_id
""",
    "country_similarity": """
with pairs as (
  select distinct a.week_start, a.country as one, b.country as two from country_sellers a
  join country_sellers b on b.week_start = a.week_start and a.country < b.country),
common as (
  select p.*, row_number() over (partition by p.week_start, one, two order by a.rank) as x,
         row_number() over (partition by p.week_start, one, two order by b.rank) as y
  from pairs p join country_sellers a on a.week_start = p.week_start and a.country = one
  join country_sellers b on b.week_start = p.week_start and b.country = two and b.app_id = a.app_id),
measured as (select week_start, one, two, count(*) as n, corr(x, y) as rho from common group by all)
select p.week_start, one as country, two as other_country, coalesce(n, 0)::int as items_in_common,
       coalesce(n, 0) / (select count(distinct app_id) from country_sellers c
                         where c.week_start = p.week_start and c.country in (one, two)) as share_in_common,
       case when n > 9 then rho end as rank_correlation, strftime(p.week_start, '%Y-%m-%d') as partition_key
from pairs p left join measured using (week_start, one, two)
""",
    "price_history": """
select c.day, c.app_id, n.name, price_cents, full_price_cents, discount_percent, discount_ends_at, compared_to,
       previous_price_cents,
       case when compared_to is null then null
            when previous_discount = 0 and discount_percent > 0 then 'sale_began'
            when previous_discount > 0 and discount_percent = 0 then 'sale_ended'
            when previous_price_cents = price_cents then 'same'
            when previous_price_cents < price_cents then 'raised' else 'lowered' end as change,
       (select min(price_cents) from priced p where p.app_id = c.app_id and p.day <= c.day) as lowest_cents,
       (select count(*) from priced p where p.app_id = c.app_id and p.day <= c.day)::int as days_known,
       strftime(c.day, '%Y-%m-%d') as partition_key
from compared c left join day_names n using (day, app_id)
""",
    "sale_effect": """
with began as (select * from compared where discount_percent > 0 and previous_discount = 0 and day - compared_to < 8),
total as (select day, sum(players_peak) as p from most_played group by day),
side as (
  select u.app_id, u.day, m.day < u.day as before, median(m.players_peak) as own,
         median(t.p - m.players_peak) as market, count(*)::int as days
  from began u join most_played m on m.app_id = u.app_id and m.day between u.day - 7 and u.day + 7 and m.day <> u.day
  join total t on t.day = m.day group by all)
select u.day, u.app_id, n.name, price_cents, full_price_cents, discount_percent, discount_ends_at, compared_to,
       b.own as peak_before, a.own as peak_after,
       case when b.days > 3 and a.days > 3 then a.own / b.own - 1 end as change,
       case when b.days > 3 and a.days > 3 then a.market / b.market - 1 end as market_change,
       case when b.days > 3 and a.days > 3 then a.own * b.market / b.own / a.market - 1 end as net_effect,
       coalesce(b.days, 0) as days_before, coalesce(a.days, 0) as days_after,
       coalesce(b.days, 0) < 4 or coalesce(a.days, 0) < 4 as too_few_days,
       strftime(u.day, '%Y-%m-%d') as partition_key
from began u left join (from side where before) b using (app_id, day)
left join (from side where not before) a using (app_id, day) left join day_names n using (day, app_id)
""",
    "market_share": """
with weekly as (select *, time_bucket(interval 7 day, day, date '2023-06-27')::date as w from most_played),
collected as (select w, count(distinct day) as days from weekly group by w),
played as (
  select w, app_id, sum(players_peak) / any_value(days) as players from weekly join collected using (w) group by all),
charted as (
  select coalesce(p.w, t.week_start) as w, coalesce(p.app_id, t.app_id) as app_id, coalesce(players, 0) as players,
         case when t.app_id is null then 0 else 1 end as places
  from played p full join top_sellers t on t.week_start = p.w and t.app_id = p.app_id),
told as (
  select week_start as w, app_id, developers, publishers, fetched_at from top_sellers
  union all select w, app_id, developers, publishers, fetched_at from weekly
  union all select time_bucket(interval 7 day, day, date '2023-06-27')::date, app_id, developers, publishers, fetched_at
  from store_facts),
made as (
  select w, app_id, arg_max(developers, (fetched_at, developers)) as d,
         arg_max(publishers, (fetched_at, developers)) as p
  from told where developers is not null and publishers is not null group by all),
tagged as (
  select *, time_bucket(interval 7 day, day, date '2023-06-27')::date as w from store_tags),
labels as (
  select distinct w, app_id, 'developer' as kind, unnest(d) as label from made
  union all select distinct w, app_id, 'publisher', unnest(p) from made
  union all select distinct w, app_id, 'tag', tag from tagged t
  where tag is not null and day = (select max(day) from tagged o where o.w = t.w and o.app_id = t.app_id)),
kinds as (from (values ('developer'), ('publisher'), ('tag')) as k(kind))
select c.w as week_start, k.kind, coalesce(label, 'unknown') as label, count(*)::int as games,
       sum(c.players) as players, sum(c.players) / any_value(t.players) as players_share,
       sum(c.places)::int as places, sum(c.places) / any_value(t.places) as places_share,
       strftime(c.w, '%Y-%m-%d') as partition_key
from charted c cross join kinds k left join labels l on l.w = c.w and l.app_id = c.app_id and l.kind = k.kind
join (select w, nullif(sum(players), 0) as players, nullif(sum(places), 0) as places from charted group by w) t
     on t.w = c.w
group by c.w, k.kind, coalesce(label, 'unknown')
""",
    "launches": """
with told as (
  select m.day, m.app_id, m.rank, m.players_peak, m.is_free, m.final_price_cents,
         (select arg_max(released_at::date, f.day) from store_facts f where f.app_id = m.app_id
          and f.day between m.day - 30 and m.day) as released_on
  from most_played m)
select t.day, t.app_id, n.name, released_on, (t.day - released_on)::int as days_since_release, rank, players_peak,
       (select max(players_peak) from most_played o where o.app_id = t.app_id and o.day between released_on and t.day)
           as best_peak,
       players_peak / (select max(players_peak) from most_played o
                       where o.app_id = t.app_id and o.day between released_on and t.day) as share_of_best,
       (select count(*) from most_played o where o.app_id = t.app_id and o.day between released_on and t.day)::int
           as days_charted, is_free, final_price_cents, strftime(t.day, '%Y-%m-%d') as partition_key
from told t left join day_names n using (day, app_id) where t.day - released_on between 0 and 30
""",
    "player_hours": """
with hourly as (
  select day, app_id, hour(sampled_at)::int as h, avg(players_now) as players, count(*)::int as samples
  from player_samples group by all)
select h.day, h.app_id, n.name, h as hour, players, samples,
       players / nullif((select max(players) from hourly o where o.day = h.day and o.app_id = h.app_id), 0)
           as share_of_peak, strftime(h.day, '%Y-%m-%d') as partition_key
from hourly h left join day_names n using (day, app_id)
""",
    "player_days": """
with placed as (
  select *, lag(players_now) over w as earlier, lead(players_now) over w as later,
         date_diff('second', lag(sampled_at) over w, sampled_at) as wait
  from player_samples window w as (partition by day, app_id order by sampled_at)),
peaks as (
  select *, players_now * 2 - earlier - later as bend from placed
  qualify row_number() over (partition by day, app_id order by players_now desc, sampled_at) = 1),
days as (
  select day, app_id, count(*)::int as samples, (max(wait) // 60)::int as longest_gap_minutes,
         max(players_now) as sampled_peak, min(players_now) as sampled_low, avg(players_now) as mean_players,
         arg_max(players_peak, sampled_at) filter (where players_peak is not null) as steam_peak
  from placed group by all)
select d.day, d.app_id, n.name, d.samples, longest_gap_minutes, sampled_peak, p.sampled_at as peak_at,
       case when bend is null then null when bend <= 0 then 0.0::double
            else (later - earlier) ** 2 / bend / 8 end as peak_excess, sampled_low,
       (select min(sampled_at) from player_samples s where s.day = d.day and s.app_id = d.app_id
        and s.players_now = d.sampled_low) as low_at, mean_players, steam_peak, sampled_peak / mean_players as swing,
       busiest as busiest_hour, 2 * sqrt(a * a + b * b) / total as curve_strength,
       case when round(20 - busiest) >= 12 then round(20 - busiest) - 24
            when round(20 - busiest) < -12 then round(20 - busiest) + 24 else round(20 - busiest) end::int
           as audience_utc_offset, strftime(d.day, '%Y-%m-%d') as partition_key
from days d join peaks p using (day, app_id) left join audience u on u.day = d.day and u.app_id = d.app_id
left join day_names n on n.day = d.day and n.app_id = d.app_id
""",
    "update_hours": """
with updates as (
  select week_start, app_id, published_at, bool_or('patchnotes' in tags) as patch,
         first(title order by 'patchnotes' in tags desc, gid) as title
  from news where feed_name = 'steam_community_announcements' or 'patchnotes' in tags group by all),
hourly as (
  select app_id, date_trunc('hour', sampled_at) as t, avg(players_now) as p,
         avg(players_now) filter (where rank is not null) as charted from player_samples group by all),
market as (select t, sum(charted) as m from hourly group by t having count(charted) > 0),
sampled as (select h.app_id, h.t, h.p, m.m - coalesce(h.charted, 0) as o from hourly h join market m on m.t = h.t),
both_sides as (
  select u.app_id, u.published_at, count(*)::int as n, avg(b.p) as pb, avg(a.p) as pa, avg(b.o) as mb, avg(a.o) as ma
  from updates u join sampled a on a.app_id = u.app_id and a.t > date_trunc('hour', u.published_at)
       and a.t <= date_trunc('hour', u.published_at) + interval 24 hour
  join sampled b on b.app_id = u.app_id and b.t = a.t - interval 168 hour group by all)
select u.week_start, u.app_id, w.name, u.published_at, u.title, patch as has_patch_notes,
       coalesce(n, 0) as hours_known, pb as players_before, pa as players_after,
       case when n > 11 then pa / pb - 1 end as change, case when n > 11 then ma / mb - 1 end as market_change,
       case when n > 11 then pa * mb / pb / ma - 1 end as net_effect, coalesce(n, 0) < 12 as too_few_hours,
       strftime(u.week_start, '%Y-%m-%d') as partition_key
from updates u left join both_sides using (app_id, published_at) left join names w using (week_start, app_id)
""",
}
