"""News markers: what was published about a game and when, for annotating its player chart.

Belongs here: the selection and kind of articles. Does not belong here: the effect on players (update_effect.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import named, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


# Spark answers null if the list has a null and not the text.
IS_PATCH_NOTES = "coalesce(array_contains(tags, 'patchnotes'), false)"
IS_UPDATE = f"({IS_PATCH_NOTES} or coalesce(feed_name = 'steam_community_announcements', false))"


def marked(news: DataFrame) -> DataFrame:
    """The articles of clean news, with their day (UTC) and kind."""
    return news.selectExpr(
        *("week_start", "app_id", "gid", "published_at", "title", "url"),
        "to_date(published_at) as day",
        "coalesce(feed_label, feed_name) as feed",
        f"{IS_UPDATE} as is_update",
        f"{IS_PATCH_NOTES} as is_patch_notes",
    )


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per article, app and week."""
    rows = marked(inputs["news"].where(F.col("partition_key").isin([*keys])))
    return named(rows, inputs, keys).withColumn("partition_key", partition_of("week_start"))


INSIGHT = Insight(
    name="news_markers",
    title="News and updates of each game",
    cadence=Cadence.WEEKLY,
    inputs=(Input("news"), Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("app_id", "bigint", "The app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("gid", "string", "Steam's article id.", nullable=False),
        Column("day", "date", "Day (UTC) of publication.", nullable=False),
        Column("published_at", "timestamp", "When it was published (UTC).", nullable=False),
        Column("title", "string", "Headline.", nullable=False),
        Column("url", "string", "URL; null if it is not a web address."),
        Column("feed", "string", "Display name of the feed."),
        Column("is_update", "boolean", "Tagged patchnotes, or the developer's own announcement.", nullable=False),
        Column("is_patch_notes", "boolean", "Tagged patchnotes.", nullable=False),
    ),
    key=("app_id", "gid"),
    method=(
        "One row per article and app. `is_patch_notes`: Steam's tag patchnotes. `is_update`: that tag, or published in "
        "the developer's own feed (steam_community_announcements)."
    ),
    limitations=(
        "Developers announce sales and streams in the same feed as updates, and not all of them tag their patch notes. "
        "Press articles can be filed under several games."
    ),
    compute=compute,
    plot="count_if(is_update)",
    plot_title="updates and announcements",
    order=("not is_update", "published_at"),
)
