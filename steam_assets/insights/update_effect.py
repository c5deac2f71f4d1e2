"""Update effect: a game's players before and after an update, compared with the market's on the same days.

Belongs here: the comparison. Does not belong here: which articles are updates (news_markers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import around, named, one_place, partition_of
from steam_assets.insights.event_effect import EFFECT_COLUMNS, METHOD, SIDE_DAYS, effects
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.news_markers import marked
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and day with an update."""
    days = _update_days(marked(inputs["news"].where(F.col("partition_key").isin([*keys]))))
    chart = one_place(around(inputs["most_played"], keys, before=SIDE_DAYS, after=6 + SIDE_DAYS))
    return named(effects(days, chart), inputs, keys).withColumn("partition_key", partition_of("week_start"))


def _update_days(news: DataFrame) -> DataFrame:
    return (
        news.where("is_update")
        .groupBy("week_start", "app_id", "day")
        .agg(
            F.min_by("title", F.struct(~F.col("is_patch_notes"), "published_at", "gid")).alias("title"),
            F.expr("cast(count(*) as int) as updates"),
            F.bool_or("is_patch_notes").alias("has_patch_notes"),
        )
    )


INSIGHT = Insight(
    name="update_effect",
    title="Players around an update, against the market",
    cadence=Cadence.WEEKLY,
    inputs=(
        Input("news"),
        Input("most_played", days_before=SIDE_DAYS, days_after=SIDE_DAYS),
        Input("top_sellers"),
    ),
    measures="most_played",
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the update's week begins.", nullable=False),
        Column("app_id", "bigint", "The app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("day", "date", "Day (UTC) of the update.", nullable=False),
        Column("title", "string", "Headline of the day's first update, patch notes before announcements.", "", False),
        Column("updates", "int", "Updates on the day.", "articles", nullable=False),
        Column("has_patch_notes", "boolean", "One of them is tagged patchnotes.", nullable=False),
        *EFFECT_COLUMNS,
    ),
    key=("app_id", "day"),
    method=f"{METHOD} The day is that of the update.",
    limitations=(
        "Shows what happened around an update, not because of it: sales, events and other updates fall on the same "
        "days. The market is the charted games only. Days on which the game was off the chart are unknown, not zero."
    ),
    compute=compute,
    plot="median(net_effect)",
    plot_title="median net effect",
    order=("too_few_days", "coalesce(-abs(net_effect), 0)"),
)
