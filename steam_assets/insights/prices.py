"""Reading prices in the US: one per app and day, from the store's prices and, where there is none, from the chart.

Belongs here: which price counts. Does not belong here: changes of prices (price_history.py), their effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

METHOD = (
    "The price, in US cents, is that of the offer that the US store shows with an app (store_prices) or, on days "
    "without it, that on the chart of players (most_played)."
)
PRICE_COLUMNS = (
    Column("price_cents", "bigint", "Price as of collection.", "US cents", nullable=False),
    Column("full_price_cents", "bigint", "Price without the discount.", "US cents", nullable=False),
    Column("discount_percent", "bigint", "Discount; 0 if there is none.", "%", nullable=False),
    Column("discount_ends_at", "timestamp", "When the discount ends (UTC), if there is one and Steam states it."),
)


def us_prices(inputs: Mapping[str, DataFrame], keys: Sequence[str], before: int) -> DataFrame:
    """One row per priced app and day, from ``before`` days before the first key: PRICE_COLUMNS, day and app.

    A day on which the store answers in another currency has no price.
    """
    store = (
        around(inputs["store_prices"], keys, before)
        .where("is_best and country = 'US' and currency = 'USD' and final_price is not null")
        .selectExpr(*_columns("final_price", "original_price"), "1 as place")
    )
    chart = (
        around(inputs["most_played"], keys, before)
        .where("final_price_cents is not null")
        .selectExpr(*_columns("final_price_cents", "original_price_cents"), "2 as place")
    )
    cheapest = Over.partitionBy("partition_key", "app_id").orderBy("place", *(c.name for c in PRICE_COLUMNS))
    first = F.row_number().over(cheapest)
    return store.union(chart).withColumn("first", first).where("first = 1").drop("first", "place")


def _columns(price: str, full: str) -> tuple[str, ...]:
    return (
        *("partition_key", "day", "app_id", f"{price} as price_cents"),
        f"coalesce({full}, {price}) as full_price_cents",
        *("coalesce(discount_percent, 0) as discount_percent", "discount_ends_at"),
    )


def with_previous(prices: DataFrame, days: int) -> DataFrame:
    """``prices`` with those of the newest known day at most ``days`` before: ``compared_to`` and ``previous_…``."""
    of_app = Over.partitionBy("app_id").orderBy("day")
    beside = prices.withColumn("before", F.lag(F.struct("day", "price_cents", "discount_percent")).over(of_app))
    near = beside.withColumn("before", F.expr(f"if(datediff(day, before.day) <= {days}, before, null)"))
    return near.withColumns(
        {
            "compared_to": F.expr("before.day"),
            "previous_price_cents": F.expr("before.price_cents"),
            "previous_discount": F.expr("before.discount_percent"),
        }
    ).drop("before")
