"""Prices in the US over the year, in few bytes: runs of collected days with the same price and discount.

Belongs here: runs. Does not belong here: the newest price (app_facts.py).

The weekly chart is left out: a week that is collected later has the prices of that later day.
"""

from __future__ import annotations

from steam_assets.visuals.dashboard.json_values import Columns, packed
from steam_assets.visuals.dashboard.page_tables import PageTables

RUNS = """
with priced as (
  select app_id, epoch_day(day) as day, min(final_price_cents) as price, max(coalesce(discount_percent, 0)) as discount
  from given where final_price_cents is not null group by all
),
placed as (
  select *, day - row_number() over (partition by app_id, price, discount order by day) as run from priced
)
select app_id as app, min(day) as day, count(*) as days, price, discount from placed
group by app_id, run, price, discount order by app_id, day
"""


def price_runs(tables: PageTables) -> Columns:
    """By app: the first day, the number of days, price in cents and discount in percent (0 for none) of each run.

    A day that was not collected ends a run.
    """
    return packed(tables.rows("most_played", RUNS)) if "most_played" in tables.data.tables else {}
