"""Sale effect: a game's players before and after a sale began, compared with the market's on the same days.

Belongs here: when a sale began. Does not belong here: the comparison (event_effect.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import around, named_on_day, one_place, partition_of
from steam_assets.insights.event_effect import EFFECT_COLUMNS, METHOD, SIDE_DAYS, effects
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.prices import METHOD as OF_PRICES
from steam_assets.insights.prices import PRICE_COLUMNS, us_prices, with_previous
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and day on which a sale began."""
    prices = with_previous(us_prices(inputs, keys, SIDE_DAYS), SIDE_DAYS)
    began = prices.where(F.col("partition_key").isin([*keys])).where("discount_percent > 0 and previous_discount = 0")
    chart = one_place(around(inputs["most_played"], keys, before=SIDE_DAYS, after=SIDE_DAYS))
    rows = effects(began.drop("partition_key"), chart)
    return named_on_day(rows, inputs, keys).withColumn("partition_key", partition_of("day"))


INSIGHT = Insight(
    name="sale_effect",
    title="Players around the beginning of a sale, against the market",
    cadence=Cadence.DAILY,
    inputs=(
        Input("store_prices", days_before=SIDE_DAYS),
        Input("most_played", days_before=SIDE_DAYS, days_after=SIDE_DAYS),
        Input("store_facts"),
    ),
    measures="most_played",
    columns=(
        Column("day", "date", "First day (UTC) with the discount.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day."),
        *PRICE_COLUMNS,
        Column("compared_to", "date", "The newest day before with a known price, without a discount.", "", False),
        *EFFECT_COLUMNS,
    ),
    key=("app_id",),
    method=(
        f"A sale begins on the first day with a discount, if the newest known price of the {SIDE_DAYS} days before had "
        f"none. {OF_PRICES} {METHOD}"
    ),
    limitations=(
        "Shows what happened around a sale, not because of it: sales often come with updates and events, and during a "
        "seasonal sale the market is on sale as well. Only games that were charted before the sale have an effect: one "
        "that a sale brought onto the chart has too few days before it."
    ),
    compute=compute,
    plot="median(net_effect)",
    plot_title="median net effect of sales",
    order=("too_few_days", "coalesce(-abs(net_effect), 0)"),
)
