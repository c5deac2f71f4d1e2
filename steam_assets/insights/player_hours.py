"""Player hours: the daily curve of each sampled game, hour by hour (UTC).

Belongs here: means of hours. Does not belong here: peaks and the audience's time zone (player_days.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import named_on_day, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def hourly(samples: DataFrame) -> DataFrame:
    """The mean of the samples of each app and hour: ``day``, ``hour`` (0 to 23, UTC), ``players`` and ``samples``."""
    hour = F.expr("cast(unix_timestamp(sampled_at) % 86400 div 3600 as int)").alias("hour")
    return samples.groupBy("day", "app_id", hour).agg(
        F.avg("players_now").alias("players"), F.expr("cast(count(*) as int) as samples")
    )


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per app, day and sampled hour."""
    hours = hourly(inputs["player_samples"].where(F.col("partition_key").isin([*keys])))
    highest = F.max("players").over(Over.partitionBy("day", "app_id"))
    curve = hours.withColumn("share_of_peak", F.col("players") / F.nullif(highest, F.lit(0.0)))
    return named_on_day(curve, inputs, keys).withColumn("partition_key", partition_of("day"))


INSIGHT = Insight(
    name="player_hours",
    title="Daily curve of each game",
    cadence=Cadence.DAILY,
    inputs=(Input("player_samples"), Input("most_played"), Input("store_facts")),
    columns=(
        Column("day", "date", "Day (UTC).", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day; null if it is in no table of the day."),
        Column("hour", "int", "Hour of the day (UTC), 0 to 23.", "hours", nullable=False),
        Column("players", "double", "Mean of the hour's samples.", "players", nullable=False),
        Column("samples", "int", "Samples in the hour.", "samples", nullable=False),
        Column("share_of_peak", "double", "Players / those of the day's highest hour.", "share"),
    ),
    key=("app_id", "hour"),
    method="Mean of the samples taken in each hour of the day (UTC). An hour without a sample has no row.",
    limitations=(
        "With one sample per hour, an hour's value is that single count. A game that was off the chart, and is not "
        "watched, has no row for that hour: it had fewer players than the hundredth game, not none."
    ),
    compute=compute,
    plot="count(distinct hour)",
    plot_title="hours with samples",
    order=("-players", "hour"),
)
