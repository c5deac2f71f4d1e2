"""Prices in the US over the year, stored compactly as runs of collected days with the same price and discount.

Belongs here: the runs. Does not belong here: the newest price (app_facts.py).

A day on which the store answers in another currency has only the daily chart's price. The weekly chart is not used,
because a week collected later has the prices of that later day.
"""

from __future__ import annotations

from steam_assets.visuals.dashboard.json_values import Columns, packed
from steam_assets.visuals.dashboard.page_tables import PageTables

DAILY = {
    "most_played": "select app_id, day, final_price_cents as price, discount_percent as discount, 0 as store "
    "from most_played",
    "store_prices": "select app_id, day, final_price as price, discount_percent as discount, 1 as store "
    "from store_prices where is_best and country = 'US' and currency = 'USD'",
}
"""The tables with a day's prices. If both have a day, the store's own price is used."""

RUNS = """
with priced as (
  select app_id, epoch_day(day) as day, max(store) as store, arg_max(price, (store, -price)) as price,
    arg_max(coalesce(discount, 0), (store, -price)) as discount
  from ({daily}) where price is not null group by all
),
placed as (
  select *, day - row_number() over (partition by app_id, price, discount, store order by day) as run from priced
)
select app_id as app, min(day) as day, count(*) as days, price, discount, store from placed
group by app_id, run, price, discount, store order by app_id, day
"""


def price_runs(tables: PageTables) -> Columns:
    """By app, each run's first day, number of days, price in cents, discount in percent (0 for none), and its table.

    ``store`` is 1 for the store's own prices, 0 for the daily chart's. A day that was not collected ends a run.
    """
    there = [name for name in DAILY if name in tables.data.tables]
    if not there:
        return {}
    return packed(tables.rows(there[0], RUNS.format(daily=" union all ".join(DAILY[name] for name in there))))
