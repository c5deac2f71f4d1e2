"""Regional hits: each item of a country's weekly chart compared with its places in the other countries.

Belongs here: one item in several countries. Does not belong here: two countries' charts as a whole
(country_similarity.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.country_charts import OFF_CHART, best_places
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HIGH = 20
"""A hit is at least at this rank."""

ELSEWHERE = "sort_array(concat(transform(filter(places, one -> one.country <> country), one -> one.rank), "
ELSEWHERE += f"array_repeat({OFF_CHART}, countries - size(places))))"


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per country and charted item."""
    chart = best_places(inputs["country_sellers"], keys)
    weeks = chart.groupBy("partition_key").agg(F.expr("cast(count(distinct country) as int) as countries"))
    places = chart.groupBy("partition_key", "app_id").agg(F.collect_list(F.struct("country", "rank")).alias("places"))
    rows = chart.join(F.broadcast(weeks), "partition_key").join(places, ["partition_key", "app_id"])
    compared = rows.withColumn("elsewhere", F.expr(ELSEWHERE)).withColumn("others", F.expr("countries - 1"))
    middle = "(elsewhere[(others - 1) div 2] + elsewhere[others div 2]) / 2"
    return compared.selectExpr(
        *("week_start", "country", "app_id", "name", "rank", "countries"),
        "size(places) as countries_charted",
        f"if(others > 0, {middle}, null) as rank_elsewhere",
        f"if(others > 0, nullif(elsewhere[0], {OFF_CHART}), null) as best_elsewhere",
        "partition_key",
    ).withColumns(
        {
            "places_ahead": F.expr("rank_elsewhere - rank"),
            "is_regional_hit": F.expr(f"rank <= {HIGH} and rank_elsewhere >= {OFF_CHART}"),
        }
    )


INSIGHT = Insight(
    name="regional_hits",
    title="Items that sell in some countries and not in others",
    cadence=Cadence.WEEKLY,
    inputs=(Input("country_sellers"),),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("country", "string", "Two-letter code.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Name in the country's store as of collection."),
        Column("rank", "int", "Rank in the country.", nullable=False),
        Column("countries", "int", "Countries whose chart of the week was collected.", "countries", nullable=False),
        Column("countries_charted", "int", "Those of them in which the item is charted.", "countries", nullable=False),
        Column(
            "rank_elsewhere",
            "double",
            f"Median rank in the other countries, {OFF_CHART} where it is not charted; null if there are none.",
        ),
        Column("best_elsewhere", "int", "Best rank in another country; null if it is charted in none."),
        Column("places_ahead", "double", "Rank elsewhere - rank: how many places higher it is here.", "places"),
        Column(
            "is_regional_hit",
            "boolean",
            f"Among the first {HIGH} here, and off the chart in most other countries; null if there are none.",
        ),
    ),
    key=("country", "app_id"),
    method=(
        "Each item's rank in a country against the median of its ranks in all other countries collected for the week. "
        f"Where an item is not charted, {OFF_CHART} stands for its rank. Hit: rank {HIGH} or better, and a median of "
        f"{OFF_CHART}."
    ),
    limitations=(
        "Ranks are by revenue, which Steam does not publish: a place in a small market is worth less than the same "
        "place in a large one. An item off a chart may be at any place from 101; it may also not be sold in the "
        "country."
    ),
    compute=compute,
    plot="count_if(is_regional_hit)",
    plot_title="regional hits",
    order=("not coalesce(is_regional_hit, false)", "-coalesce(places_ahead, 0)"),
)
