"""Price history: each app's price and discount day by day, against the day before and its lowest price.

Belongs here: changes of a price. Does not belong here: their effect on players (sale_effect.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import named_on_day, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.prices import METHOD, PRICE_COLUMNS, us_prices, with_previous
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LOOKBACK_DAYS = 364

CHANGE = (
    "case when compared_to is null then null when discount_percent > 0 and previous_discount = 0 then 'sale_began' "
    "when discount_percent = 0 and previous_discount > 0 then 'sale_ended' when price_cents > previous_price_cents "
    "then 'raised' when price_cents < previous_price_cents then 'lowered' else 'same' end"
)


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per priced app and day."""
    prices = us_prices(inputs, keys, LOOKBACK_DAYS).withColumn("number", F.unix_date("day"))
    lookback = Over.partitionBy("app_id").orderBy("number").rangeBetween(-LOOKBACK_DAYS, 0)
    rows = with_previous(prices, LOOKBACK_DAYS).withColumns(
        {
            "change": F.expr(CHANGE),
            "lowest_cents": F.min("price_cents").over(lookback),
            "days_known": F.count("price_cents").over(lookback).cast("int"),
        }
    )
    kept = rows.where(F.col("partition_key").isin([*keys])).drop("partition_key")
    return named_on_day(kept, inputs, keys).withColumn("partition_key", partition_of("day"))


INSIGHT = Insight(
    name="price_history",
    title="Prices and discounts day by day",
    cadence=Cadence.DAILY,
    inputs=(
        Input("store_prices", days_before=LOOKBACK_DAYS),
        Input("most_played", days_before=LOOKBACK_DAYS),
        Input("store_facts"),
    ),
    columns=(
        Column("day", "date", "Day (UTC) of the price.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day."),
        *PRICE_COLUMNS,
        Column("compared_to", "date", "The newest day before with a known price; null if none is in the lookback."),
        Column("previous_price_cents", "bigint", "Price on that day.", "US cents"),
        Column(
            "change", "string", "sale_began, sale_ended, raised, lowered or same against that day; null without one."
        ),
        Column("lowest_cents", "bigint", "Lowest price known in the lookback, this day included.", "US cents", False),
        Column("days_known", "int", "Days of the lookback with a known price.", "days", nullable=False),
    ),
    key=("app_id",),
    method=(
        f"{METHOD} Each day is compared with the newest day before it that has a price of the app. Lowest: over the "
        f"known days among this one and the {LOOKBACK_DAYS} before it."
    ),
    limitations=(
        "One price per day, in the US. A sale that began and ended between two collections is not seen; days without "
        "a price are unknown, so a sale may have begun earlier than the first day that shows it."
    ),
    compute=compute,
    plot="avg(if(discount_percent > 0, 1, 0))",
    plot_title="share of priced apps on sale",
    order=("change = 'same'", "-discount_percent"),
)
