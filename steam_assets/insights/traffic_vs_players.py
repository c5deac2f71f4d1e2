"""Traffic compared with players: monthly visits to the store's site and the players of that month.

Belongs here: the ratio of both. Does not belong here: traffic sources and countries (in clean tables).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.insights.charts import around, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per month with known visits."""
    visits = inputs["visits"].where(F.col("partition_key").isin([*keys]))
    daily = (
        one_place(around(inputs["most_played"], keys, after=30))
        .groupBy("day")
        .agg(F.sum("players_peak").alias("players"))
    )
    months = daily.groupBy(F.trunc("day", "month").alias("month")).agg(
        F.avg("players").alias("mean_daily_players"), F.expr("cast(count(*) as int) as days")
    )
    return visits.join(F.broadcast(months), "month", "left").select(
        "month",
        "visits",
        F.col("kind").alias("visits_kind"),
        "mean_daily_players",
        F.expr("visits / nullif(mean_daily_players, 0) as visits_per_player"),
        F.expr("coalesce(days, 0) as days_collected"),
        F.expr("day(last_day(month)) as days_in_month"),
        partition_of("month").alias("partition_key"),
    )


INSIGHT = Insight(
    name="traffic_vs_players",
    title="Visits to the store against players",
    cadence=Cadence.MONTHLY,
    inputs=(Input("visits"), Input("most_played")),
    columns=(
        Column("month", "date", "First day of the month (UTC).", nullable=False),
        Column("visits", "bigint", "Visits to the store's site, estimated.", "visits", nullable=False),
        Column("visits_kind", "string", "estimate: the free endpoint; official: the API with a key.", nullable=False),
        Column("mean_daily_players", "double", "Sum of the chart's daily peaks, mean over collected days.", "players"),
        Column("visits_per_player", "double", "Visits / mean daily players; null without a collected day."),
        Column("days_collected", "int", "Days of the month whose chart was collected.", "days", nullable=False),
        Column("days_in_month", "int", "Days the month has.", "days", nullable=False),
    ),
    key=("month",),
    method="Visits in the month / mean, over its collected days, of the sum of the hundred games' daily peaks.",
    limitations=(
        "Visits are Similarweb's estimate, which it may revise later. Players are those of the charted games; a player "
        "of two games counts twice. With few collected days the mean is that of those days, not of the month."
    ),
    compute=compute,
    plot="sum(visits)",
    plot_title="visits",
)
