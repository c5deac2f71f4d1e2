"""Launches: the players of recently released games, by days since their release.

Belongs here: charted games after their release. Does not belong here: their prices, their sales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, named_on_day, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LAUNCH_DAYS = 31
"""Number of days for which a game counts as a launch, including the day of release."""


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per day and charted game that was recently released."""
    chart = one_place(around(inputs["most_played"], keys, before=LAUNCH_DAYS - 1))
    launched = _launched(chart.where(F.col("partition_key").isin([*keys])), inputs, keys)
    so_far = chart.selectExpr("app_id", "day as charted_on", "players_peak as peak")
    since = launched.join(so_far, "app_id").where("charted_on between released_on and day")
    best = since.groupBy("day", "app_id").agg(
        F.max("peak").alias("best_peak"), F.expr("cast(count(*) as int) as days_charted")
    )
    rows = launched.join(best, ["day", "app_id"]).withColumn(
        "share_of_best", F.expr("players_peak / nullif(best_peak, 0)")
    )
    return named_on_day(rows, inputs, keys).withColumn("partition_key", partition_of("day"))


def _launched(chart: DataFrame, inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """The charted games that were recently released, by the newest store facts up to the day."""
    facts = around(inputs["store_facts"], keys, before=LAUNCH_DAYS - 1)
    dated = facts.selectExpr("app_id", "day as told_on", "to_date(released_at) as released_on")
    since = "datediff(day, released_on)"
    told = chart.join(dated, "app_id").where(f"datediff(day, told_on) between 0 and {LAUNCH_DAYS - 1}")
    newest = F.row_number().over(Over.partitionBy("day", "app_id").orderBy(F.col("told_on").desc()))
    return (
        told.withColumn("newest", newest)
        .where(f"newest = 1 and {since} between 0 and {LAUNCH_DAYS - 1}")
        .selectExpr(
            *("day", "app_id", "released_on", f"{since} as days_since_release", "rank", "players_peak"),
            *("is_free", "final_price_cents"),
        )
    )


INSIGHT = Insight(
    name="launches",
    title="Players of new releases",
    cadence=Cadence.DAILY,
    inputs=(
        Input("most_played", days_before=LAUNCH_DAYS - 1),
        Input("store_facts", days_before=LAUNCH_DAYS - 1),
    ),
    columns=(
        Column("day", "date", "Day (UTC) of the chart.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day."),
        Column("released_on", "date", "Day (UTC) of its release on Steam.", nullable=False),
        Column("days_since_release", "int", "0 on the day of release.", "days", nullable=False),
        Column("rank", "int", "Rank on the day's chart.", nullable=False),
        Column("players_peak", "bigint", "Most players in the 24 hours before the count.", "players", nullable=False),
        Column("best_peak", "bigint", "Highest of its peaks from its release to this day.", "players", nullable=False),
        Column("share_of_best", "double", "Peak / best peak.", "share"),
        Column("days_charted", "int", "Collected days since its release on which it was charted.", "days", False),
        Column("is_free", "boolean", "Free to play on the day; null where it is not in the US store."),
        Column("final_price_cents", "bigint", "Price on the day; null if free or not for sale.", "US cents"),
    ),
    key=("app_id",),
    method=(
        f"Games on the day's chart whose release on Steam, by the newest store facts up to the day, was less than "
        f"{LAUNCH_DAYS} days before. Best peak: over the collected days from the release to this one."
    ),
    limitations=(
        "Only games among the hundred with the most players: most releases never reach that chart, and a game that "
        "drops from it has no rows, not zero players. The date is that of the release on Steam, which may be later "
        "than elsewhere; early access counts as released. Without store facts of the day or the days before, a game "
        "is not recognized as new."
    ),
    compute=compute,
    plot="count(*)",
    plot_title="new releases on the chart",
    order=("rank",),
)
