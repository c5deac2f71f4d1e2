"""What is known of each app on the page: its name, kind and price.

Belongs here: which chart has an app's newest facts. Does not belong here: prices over time (price_history.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from steam_assets.insights import INSIGHTS
from steam_assets.visuals.dashboard.json_values import Columns, coded
from steam_assets.visuals.dashboard.page_tables import PageTables

COLUMNS = ("id", "name", "type", "free", "early", "price", "discount", "developers", "publishers", "franchises")

FACTS = """
select app_id as id, cut_to(arg_max(name, since), $name) as name, arg_max(item_type, since) as type,
  arg_max_null(is_free, since) as free, arg_max(is_early_access, since) as early,
  arg_max_null(final_price_cents, since) as price, arg_max_null(discount_percent, since) as discount,
  arg_max(developers, since) as developers, arg_max(publishers, since) as publishers,
  arg_max(franchises, since) as franchises
from ({charts}) group by app_id
"""
CHARTS = {
    "most_played": "select *, day as since from most_played",
    "top_sellers": "select *, week_start as since from top_sellers",
}
"""The tables with an app's facts; the newest chart that has the app counts."""

MAKERS = (
    "select null::varchar[] as developers, null::varchar[] as publishers, null::varchar[] as franchises where false"
)
"""Columns that a chart may not have."""

NAMES = (
    "select app_id, cut_to(arg_max(name, partition_key), $name) as name, max(partition_key) as since from given "
    "where name is not null group by app_id"
)


def app_facts(tables: PageTables, shown: Sequence[int]) -> Columns:
    """The newest facts of each app shown, in this order; null if no chart of the year has the app."""
    facts = _charted(tables)
    names = _names_elsewhere(tables)
    unknown = [(app, names.get(app), *([None] * (len(COLUMNS) - 2))) for app in shown]
    picked = [facts.get(app, other) for app, other in zip(shown, unknown, strict=True)]
    return {column: [coded(row[place]) for row in picked] for place, column in enumerate(COLUMNS)}


def _charted(tables: PageTables) -> dict[int, tuple[object, ...]]:
    there = [name for name in CHARTS if name in tables.data.tables]
    if not there:
        return {}
    charts = " union all by name ".join([*(CHARTS[name] for name in there), MAKERS])
    rows = tables.rows(there[0], FACTS.format(charts=charts)).to_pydict()
    return {row[0]: row for row in zip(*(rows[column] for column in COLUMNS), strict=True)}


def _names_elsewhere(tables: PageTables) -> dict[int, str]:
    """Newest names of apps that left the charts before the year, from the insights that still contain them."""
    found: dict[int, tuple[str, str]] = {}
    for insight in INSIGHTS:
        table = tables.data.tables.get(insight.table)
        if table is not None and {"app_id", "name"} <= {*table.column_names}:
            for app, name, since in zip(*tables.rows(insight.table, NAMES).to_pydict().values(), strict=True):
                found[app] = max(found.get(app, ("", "")), (since, name))
    return {app: name for app, (_, name) in found.items()}
