"""The insights about countries, prices, makers and samples as DuckDB queries, like those of chart_queries.py.

Belongs here: the queries, over the clean tables by name and both files' VIEWS. Does not belong here: running them
(small_inputs.py).
"""

from __future__ import annotations

from steam_assets.insights.chart_queries import effects

VIEWS = {
    "placed": """
from country_sellers where rank < 101
qualify row_number() over (partition by partition_key, country, app_id order by rank) = 1
""",
    "day_names": """
select day, app_id, arg_max(name, (fetched_at, name)) as name from (
select day, app_id, name, fetched_at from most_played union all
select day, app_id, name, fetched_at from store_facts) where name is not null group by all
""",
    "priced": """
select * exclude place from (
  select 1 as place, day, app_id, final_price as price_cents, coalesce(original_price, final_price) as full_price_cents,
         coalesce(discount_percent, 0) as discount_percent, discount_ends_at
  from store_prices where is_best and country = 'US' and currency = 'USD' and final_price is not null
  union all
  select 2, day, app_id, final_price_cents, coalesce(original_price_cents, final_price_cents),
         coalesce(discount_percent, 0), discount_ends_at
  from most_played where final_price_cents is not null)
qualify row_number() over (partition by day, app_id
                           order by place, price_cents, full_price_cents, discount_percent,
                                    discount_ends_at nulls first) = 1
""",
    "compared": """
select *, lag(day) over by_day as compared_to, lag(price_cents) over by_day as previous_price_cents,
       lag(discount_percent) over by_day as previous_discount
from priced window by_day as (partition by app_id order by day)
""",
    "audience": """
with hourly as (select day, app_id, hour(sampled_at) as h, avg(players_now) as p from player_samples group by all),
week as (
  select d.day, d.app_id, h.h, avg(h.p) as p from (select distinct day, app_id from player_samples) d
  join hourly h on h.app_id = d.app_id and h.day between d.day - 6 and d.day group by all),
gaps as (select *, coalesce(lead(h) over hours, 24 + first_value(h) over hours) - h as gap,
                 coalesce(lead(p) over hours, first_value(p) over hours) as next_p
         from week window hours as (partition by day, app_id order by h)),
filled as (select day, app_id, gap, h + n as h, p + (next_p - p) * n / gap as p
           from (select *, unnest(range(gap)) as n from gaps)),
wave as (
  select day, app_id, sum(p * cos(radians(15 * h + 7.5))) as a, sum(p * sin(radians(15 * h + 7.5))) as b,
         sum(p) as total from filled group by all having max(gap) < 4 and sum(p) > 0)
select *, degrees(atan2(b, a)) / 15 + case when atan2(b, a) < 0 then 24 else 0 end as busiest from wave
""",
}
"""What several queries read, to be created in this order."""

QUERIES = {
    "regional_hits": """
with charts as (select distinct week_start, country from placed),
elsewhere as (
  select c.week_start, c.country, c.app_id, count(o.country) as others, count(e.rank) as charted,
         median(case when o.country is not null then coalesce(e.rank, 101) end) as middle,
         nullif(min(coalesce(e.rank, 101)), 101) as best
  from placed c left join charts o on o.week_start = c.week_start and o.country <> c.country
  left join placed e on e.week_start = o.week_start and e.country = o.country and e.app_id = c.app_id group by all)
select c.week_start, c.country, c.app_id, c.name, c.rank, (1 + others)::int as countries,
       (1 + charted)::int as countries_charted, middle as rank_elsewhere, best as best_elsewhere,
       middle - c.rank as places_ahead, c.rank < 21 and middle > 100.9 as is_regional_hit,
       strftime(c.week_start, '%Y-%m-%d') as partition_key
from placed c join elsewhere e using (week_start, country, app_id)
""",
    "country_similarity": """
with pairs as (
  select distinct a.week_start, a.country as one, b.country as two from placed a
  join placed b on b.week_start = a.week_start and a.country < b.country),
common as (
  select p.*, row_number() over (partition by p.week_start, one, two order by a.rank) as x,
         row_number() over (partition by p.week_start, one, two order by b.rank) as y
  from pairs p join placed a on a.week_start = p.week_start and a.country = one
  join placed b on b.week_start = p.week_start and b.country = two and b.app_id = a.app_id),
measured as (select week_start, one, two, count(*) as n, corr(x, y) as rho from common group by all)
select p.week_start, one as country, two as other_country, coalesce(n, 0)::int as items_in_common,
       coalesce(n, 0) / (select count(distinct app_id) from placed c
                         where c.week_start = p.week_start and c.country in (one, two)) as share_in_common,
       case when n > 9 then rho end as rank_correlation, strftime(p.week_start, '%Y-%m-%d') as partition_key
from pairs p left join measured using (week_start, one, two)
""",
    "price_history": """
with near as (
  select * replace (case when day - compared_to < 365 then compared_to end as compared_to,
                    case when day - compared_to < 365 then previous_price_cents end as previous_price_cents)
  from compared)
select c.*, n.name,
       case when compared_to is null then null
            when previous_discount = 0 and discount_percent > 0 then 'sale_began'
            when previous_discount > 0 and discount_percent = 0 then 'sale_ended'
            when previous_price_cents = price_cents then 'same'
            when previous_price_cents < price_cents then 'raised' else 'lowered' end as change,
       min(price_cents) over lookback as lowest_cents, (count(*) over lookback)::int as days_known,
       strftime(c.day, '%Y-%m-%d') as partition_key
from near c left join day_names n using (day, app_id)
window lookback as (partition by c.app_id order by c.day range between interval 364 day preceding and current row)
""",
    "sale_effect": f"""
with began as (select * from compared where discount_percent > 0 and previous_discount = 0 and day - compared_to < 8),
{effects("began")}
select e.*, n.name, strftime(day, '%Y-%m-%d') as partition_key
from effects e left join day_names n using (day, app_id)
""",  # noqa: S608 - it has no text from outside
    "market_share": """
with weekly as (select *, time_bucket(interval 7 day, day, date '2023-06-27')::date as w from charted),
collected as (select w, count(distinct day) as days from weekly group by w),
played as (
  select w, app_id, sum(players_peak) / any_value(days) as players from weekly join collected using (w) group by all),
shown as (
  select coalesce(p.w, t.week_start) as w, coalesce(p.app_id, t.app_id) as app_id, coalesce(players, 0) as players,
         case when t.app_id is null then 0 else 1 end as places
  from played p full join sold t on t.week_start = p.w and t.app_id = p.app_id),
told as (
  select week_start as w, app_id, developers, publishers, fetched_at from top_sellers
  union all select time_bucket(interval 7 day, day, date '2023-06-27')::date, app_id, developers, publishers, fetched_at
  from most_played
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
from shown c cross join kinds k left join labels l on l.w = c.w and l.app_id = c.app_id and l.kind = k.kind
join (select w, nullif(sum(players), 0) as players, nullif(sum(places), 0) as places from shown group by w) t
     on t.w = c.w
group by c.w, k.kind, coalesce(label, 'unknown')
""",
    "launches": """
with told as (
  select m.day, m.app_id, m.rank, m.players_peak, m.is_free, m.final_price_cents,
         (select arg_max_null(released_at::date, f.day) from store_facts f where f.app_id = m.app_id
          and f.day between m.day - 30 and m.day) as released_on
  from charted m),
launched as (
  select *, (day - released_on)::int as days_since_release from told where day - released_on between 0 and 30),
since as (
  select l.day, l.app_id, max(o.players_peak) as best_peak, count(*)::int as days_charted
  from launched l join charted o on o.app_id = l.app_id and o.day between l.released_on and l.day group by all)
select l.*, n.name, best_peak, players_peak / nullif(best_peak, 0) as share_of_best, days_charted,
       strftime(l.day, '%Y-%m-%d') as partition_key
from launched l join since using (day, app_id) left join day_names n using (day, app_id)
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
         epoch_us(sampled_at) - epoch_us(lag(sampled_at) over w) as wait,
         epoch_us(lead(sampled_at) over w) - epoch_us(sampled_at) as wait_after
  from player_samples window w as (partition by day, app_id order by sampled_at)),
peaks as (
  select *, (players_now - earlier) / wait as rise, (players_now - later) / wait_after as fall from placed
  qualify row_number() over (partition by day, app_id order by players_now desc, sampled_at) = 1),
days as (
  select day, app_id, count(*)::int as samples, (max(wait) // 60_000_000)::int as longest_gap_minutes,
         max(players_now) as sampled_peak, min(players_now) as sampled_low, avg(players_now) as mean_players,
         arg_max(players_peak, sampled_at) filter (where players_peak is not null) as steam_peak
  from placed group by all)
select d.day, d.app_id, n.name, d.samples, longest_gap_minutes, sampled_peak, p.sampled_at as peak_at,
       case when rise + fall = 0 then 0
            else (rise * wait_after - fall * wait) ** 2 / (wait + wait_after) / (rise + fall) / 4 end as peak_excess,
       sampled_low,
       (select min(sampled_at) from player_samples s where s.day = d.day and s.app_id = d.app_id
        and s.players_now = d.sampled_low) as low_at,
       mean_players, steam_peak, sampled_peak / nullif(mean_players, 0) as swing,
       busiest as busiest_hour, 2 * sqrt(a * a + b * b) / total as curve_strength,
       round(case when busiest <= 8 then -4 - busiest else 20 - busiest end)::int as audience_utc_offset,
       strftime(d.day, '%Y-%m-%d') as partition_key
from days d join peaks p using (day, app_id) left join audience u on u.day = d.day and u.app_id = d.app_id
left join day_names n on n.day = d.day and n.app_id = d.app_id
""",
    "update_hours": """
with moments as (
  select week_start, app_id, published_at, bool_or(patch) as has_patch_notes,
         first(title order by patch desc, gid) as title from updates group by all),
hourly as (
  select app_id, date_trunc('hour', sampled_at) as t, avg(players_now) as p,
         avg(players_now) filter (where rank is not null) as charted from player_samples group by all),
market as (select t, sum(charted) as m from hourly group by t having count(charted) > 0),
sampled as (select h.app_id, h.t, h.p, m.m - coalesce(h.charted, 0) as o from hourly h join market m on m.t = h.t),
both_sides as (
  select u.app_id, u.published_at, count(*)::int as hours_known, avg(b.p) as players_before, avg(a.p) as players_after,
         avg(a.p) / nullif(avg(b.p), 0) as grown, avg(a.o) / nullif(avg(b.o), 0) as market_grown
  from moments u join sampled a on a.app_id = u.app_id and a.t > date_trunc('hour', u.published_at)
       and a.t <= date_trunc('hour', u.published_at) + interval 24 hour
  join sampled b on b.app_id = u.app_id and b.t = a.t - interval 168 hour group by all)
select u.*, w.name, players_before, players_after, coalesce(hours_known, 0) as hours_known,
       case when hours_known > 11 then grown - 1 end as change,
       case when hours_known > 11 then market_grown - 1 end as market_change,
       case when hours_known > 11 then grown / nullif(market_grown, 0) - 1 end as net_effect,
       coalesce(hours_known, 0) < 12 as too_few_hours, strftime(u.week_start, '%Y-%m-%d') as partition_key
from moments u left join both_sides using (app_id, published_at) left join names w using (week_start, app_id)
""",
}
