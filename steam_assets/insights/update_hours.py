"""Update hours: a game's players in the 24 hours after an update, against the same hours a week before.

Belongs here: the comparison by hours. Does not belong here: the comparison by days (update_effect.py), which articles
are updates (news_markers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import around, named, partition_of
from steam_assets.insights.event_effect import NET_EFFECT
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.news_markers import marked
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HOURS = 24
ENOUGH_HOURS = 12
"""Minimum number of hours sampled both after the update and a week before."""
WEEK_HOURS = 7 * 24

OF_UPDATE = ("app_id", "published_at")


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app and moment of an update."""
    updates = _updates(marked(inputs["news"].where(F.col("partition_key").isin([*keys]))))
    hours = _hours(around(inputs["player_samples"], keys, before=8, after=8))
    rows = _effects(updates.join(_matched(updates, hours), [*OF_UPDATE], "left"))
    return named(rows, inputs, keys).withColumn("partition_key", partition_of("week_start"))


def _updates(news: DataFrame) -> DataFrame:
    return (
        news.where("is_update")
        .groupBy("week_start", *OF_UPDATE)
        .agg(
            F.min_by("title", F.struct(~F.col("is_patch_notes"), "gid")).alias("title"),
            F.bool_or("is_patch_notes").alias("has_patch_notes"),
        )
    )


def _hours(samples: DataFrame) -> DataFrame:
    """The mean players of each app in each hour since 1970, and of the other charted games together."""
    hour = F.expr("unix_timestamp(sampled_at) div 3600").alias("hour")
    own = samples.groupBy("app_id", hour).agg(F.avg("players_now").alias("own"))
    charted = samples.where("rank is not null").groupBy("app_id", hour).agg(F.avg("players_now").alias("charted"))
    market = charted.groupBy("hour").agg(F.sum("charted").alias("market"))
    beside = own.join(charted, ["app_id", "hour"], "left").join(market, "hour")
    return beside.selectExpr("app_id", "hour", "own", "market - coalesce(charted, 0) as others")


def _matched(updates: DataFrame, hours: DataFrame) -> DataFrame:
    """Sums over the hours that were sampled both after each update and a week before."""
    # The hour of the update itself belongs to neither side.
    after = f"sequence(1, {HOURS})"
    asked = updates.select(
        *OF_UPDATE,
        F.explode(F.expr(f"transform({after}, n -> unix_timestamp(published_at) div 3600 + n)")).alias("hour"),
    )
    now = asked.join(hours, ["app_id", "hour"])
    before = hours.selectExpr("app_id", f"hour + {WEEK_HOURS} as hour", "own as own_before", "others as others_before")
    both = now.join(before, ["app_id", "hour"])
    return both.groupBy(*OF_UPDATE).agg(
        F.expr("cast(count(*) as int) as hours_known"),
        F.avg("own_before").alias("players_before"),
        F.avg("own").alias("players_after"),
        F.avg("others_before").alias("market_before"),
        F.avg("others").alias("market_after"),
    )


def _effects(matched: DataFrame) -> DataFrame:
    counted = matched.withColumn("hours_known", F.expr("coalesce(hours_known, 0)"))
    checked = counted.withColumn("too_few_hours", F.expr(f"hours_known < {ENOUGH_HOURS}"))
    changes = checked.withColumns(
        {
            "change": F.expr("if(too_few_hours, null, players_after / nullif(players_before, 0) - 1)"),
            "market_change": F.expr("if(too_few_hours, null, market_after / nullif(market_before, 0) - 1)"),
        }
    )
    return changes.withColumn("net_effect", F.expr(NET_EFFECT))


INSIGHT = Insight(
    name="update_hours",
    title="Players in the hours after an update, against a week before",
    cadence=Cadence.WEEKLY,
    inputs=(
        Input("news"),
        Input("player_samples", days_before=8, days_after=2),
        Input("top_sellers"),
        Input("most_played"),
    ),
    measures="player_samples",
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the update's week begins.", nullable=False),
        Column("app_id", "bigint", "The app.", nullable=False),
        Column("name", "string", "Name on one of the week's charts; null if it was on none."),
        Column("published_at", "timestamp", "When the update was published (UTC).", nullable=False),
        Column("title", "string", "Headline, patch notes before announcements.", "", False),
        Column("has_patch_notes", "boolean", "One of the articles is tagged patchnotes.", nullable=False),
        Column("hours_known", "int", "Hours sampled both after and a week before.", "hours", nullable=False),
        Column("players_before", "double", "Mean players of those hours a week before.", "players"),
        Column("players_after", "double", "Mean players of those hours after the update.", "players"),
        Column("change", "double", "After / before - 1; null with too few hours.", "share"),
        Column("market_change", "double", "The same for all other charted games together; null likewise.", "share"),
        Column("net_effect", "double", "(1 + change) / (1 + market change) - 1; null likewise.", "share"),
        Column("too_few_hours", "boolean", "Fewer than 12 hours known; the effect is null.", nullable=False),
    ),
    key=("app_id", "published_at"),
    method=(
        f"Mean players over the {HOURS} hours after the hour of the update, against the same hours of the week "
        "before, so that weekday and hour are the same; only hours sampled in both weeks count. The market is the "
        "sum of the other charted games in the same hours. Net effect = (1 + change) / (1 + market change) - 1; null "
        f"with fewer than {ENOUGH_HOURS} hours."
    ),
    limitations=(
        "Shows what happened after an update, not because of it. It is more precise in time than the comparison of "
        "daily peaks, but is based on a single week: an event or a sale a week before affects it, too. An "
        "announcement may come hours before or after the update itself."
    ),
    compute=compute,
    plot="median(net_effect)",
    plot_title="median net effect in the first 24 hours",
    order=("too_few_hours", "coalesce(-abs(net_effect), 0)"),
)
