"""Player days: each sampled game's daily peak and low with their error, and the time zone of its audience.

Belongs here: what is derived from a day's samples. Does not belong here: the curve itself (player_hours.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from steam_assets.insights.charts import around, named_on_day, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.insights.player_hours import hourly
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEEK_DAYS = 7
"""Days of the mean curve, the day itself included: each weekday once."""
LONGEST_GAP = 3
"""Hours from one known hour of the mean curve to the next, at most, for a time zone."""
EVENING = 20
"""The local hour at which an audience is taken to be largest."""

EXCESS = (
    "case when rise + fall = 0 then 0D "
    "else power(rise * wait_after - fall * wait, 2) / (4 * (wait + wait_after) * (rise + fall)) end"
)
"""SQL: how far the vertex of the parabola through the highest sample and its neighbours is above that sample.

The samples need not be evenly spaced: ``rise`` and ``fall`` are differences per microsecond to the neighbours.
"""


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per sampled app and day."""
    samples = around(inputs["player_samples"], keys, before=WEEK_DAYS - 1)
    days = _peaks(samples.where(F.col("partition_key").isin([*keys])))
    rows = days.join(_audiences(samples, keys), ["day", "app_id"], "left")
    return named_on_day(rows, inputs, keys).withColumn("partition_key", partition_of("day"))


def _peaks(samples: DataFrame) -> DataFrame:
    in_order, moment = Over.partitionBy("day", "app_id").orderBy("sampled_at"), F.expr("unix_micros(sampled_at)")
    beside = samples.withColumns(
        {
            "earlier": F.lag("players_now").over(in_order),
            "later": F.lead("players_now").over(in_order),
            "wait": moment - F.lag(moment).over(in_order),
            "wait_after": F.lead(moment).over(in_order) - moment,
        }
    )
    slopes = {"rise": "(players_now - earlier) / wait", "fall": "(players_now - later) / wait_after"}
    beside = beside.withColumns({name: F.expr(slope) for name, slope in slopes.items()})
    beside = beside.withColumn("excess", F.expr(EXCESS))
    first = "named_struct('players', players_now, 'earlier', -unix_timestamp(sampled_at))"
    last = "named_struct('players', -players_now, 'earlier', -unix_timestamp(sampled_at))"
    return (
        beside.groupBy("day", "app_id")
        .agg(
            F.expr("cast(count(*) as int) as samples"),
            F.expr("cast(max(wait) div 60000000 as int) as longest_gap_minutes"),
            F.max("players_now").alias("sampled_peak"),
            F.expr(f"max_by(sampled_at, {first}) as peak_at"),
            F.expr(f"max_by(excess, {first}) as peak_excess"),
            F.min("players_now").alias("sampled_low"),
            F.expr(f"max_by(sampled_at, {last}) as low_at"),
            F.avg("players_now").alias("mean_players"),
            F.expr("max_by(players_peak, sampled_at) filter (where players_peak is not null) as steam_peak"),
        )
        .withColumn("swing", F.expr("sampled_peak / nullif(mean_players, 0)"))
    )


def _audiences(samples: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The busiest hour and time zone of each app and day, from the mean curve of the week to the day."""
    # Each day of samples counts for the days of the following week.
    week = F.explode(F.expr(f"sequence(day, date_add(day, {WEEK_DAYS - 1}))")).alias("of_day")
    spread = hourly(samples).select("app_id", "hour", "players", week).withColumnRenamed("of_day", "day")
    curve = (
        spread.where(partition_of("day").isin([*keys]))
        .groupBy("day", "app_id", "hour")
        .agg(F.avg("players").alias("p"))
    )
    known = (
        _filled(curve)
        .groupBy("day", "app_id")
        .agg(
            F.max("gap").alias("longest_gap"),
            F.expr("avg(p * cos(2 * pi() * (hour + 0.5) / 24)) as along"),
            F.expr("avg(p * sin(2 * pi() * (hour + 0.5) / 24)) as across"),
            F.avg("p").alias("mean"),
        )
    )
    round_the_clock = known.where(f"longest_gap <= {LONGEST_GAP} and mean > 0")
    busiest = round_the_clock.withColumn("busiest_hour", F.expr("pmod(atan2(across, along) * 12 / pi(), 24)"))
    return busiest.selectExpr(
        *("day", "app_id", "busiest_hour"),
        "2 * sqrt(along * along + across * across) / mean as curve_strength",
        f"cast(round(pmod({EVENING} - busiest_hour + 12, 24) - 12) as int) as audience_utc_offset",
    )


def _filled(curve: DataFrame) -> DataFrame:
    """The curve with unknown hours on straight lines, and the hours from each known one to the next, ``gap``."""
    # Hours left out would shift the wave away from themselves.
    in_order = Over.partitionBy("day", "app_id").orderBy("hour")
    around_the_clock = in_order.rowsBetween(Over.unboundedPreceding, Over.unboundedFollowing)
    following = {
        "next_hour": F.coalesce(F.lead("hour").over(in_order), F.first("hour").over(around_the_clock) + 24),
        "next_p": F.coalesce(F.lead("p").over(in_order), F.first("p").over(around_the_clock)),
    }
    known = curve.withColumns(following).withColumn("gap", F.expr("next_hour - hour"))
    hours = known.withColumn("n", F.explode(F.expr("sequence(0, gap - 1)")))
    return hours.withColumns({"hour": F.expr("hour + n"), "p": F.expr("p + (next_p - p) * n / gap")})


INSIGHT = Insight(
    name="player_days",
    title="Peaks of the day, and where the players are",
    cadence=Cadence.DAILY,
    inputs=(Input("player_samples", days_before=WEEK_DAYS - 1), Input("most_played"), Input("store_facts")),
    columns=(
        Column("day", "date", "Day (UTC).", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False),
        Column("name", "string", "Store name on the day; null if it is in no table of the day."),
        Column("samples", "int", "Samples of the day.", "samples", nullable=False),
        Column("longest_gap_minutes", "int", "Longest time between two samples; null with one sample.", "minutes"),
        Column("sampled_peak", "bigint", "Most players in a sample.", "players", nullable=False),
        Column("peak_at", "timestamp", "When that sample was counted (UTC).", nullable=False),
        Column(
            "peak_excess", "double", "Estimated players above it between samples; null at the day's edge.", "players"
        ),
        Column("sampled_low", "bigint", "Fewest players in a sample.", "players", nullable=False),
        Column("low_at", "timestamp", "When that sample was counted (UTC).", nullable=False),
        Column("mean_players", "double", "Mean of the samples.", "players", nullable=False),
        Column(
            "steam_peak", "bigint", "Steam's own peak of 24 hours in the day's last sample; charted games.", "players"
        ),
        Column("swing", "double", "Sampled peak / mean."),
        Column(
            "busiest_hour",
            "double",
            "Hour of the mean curve's peak (UTC), 0 to 24; null without a whole curve.",
            "hours",
        ),
        Column("curve_strength", "double", "Amplitude of the day's wave / mean; near 0 the busiest hour says little."),
        Column(
            "audience_utc_offset", "int", "Offset from UTC at which the busiest hour is 20:00; null likewise.", "hours"
        ),
    ),
    key=("app_id",),
    method=(
        "Peak and low are the highest and the lowest sample. Peak excess: how far the vertex of a parabola through the "
        "highest sample and its two neighbours lies above it, an estimate of what the samples missed. Busiest hour: "
        "the phase of the 24-hour wave (first Fourier coefficient) of the mean curve over the day and the 6 before "
        f"it, if no more than {LONGEST_GAP - 1} hours in a row are unknown; these are interpolated linearly. Offset: "
        f"the whole hour that puts it at {EVENING}:00 local time."
    ),
    limitations=(
        "A peak between two samples is missed: the true peak is at least the sampled one, and Steam's own covers 24 "
        "hours rather than the day. The offset assumes that people play most in the evening and is one number for an "
        "audience that may be in several parts of the world; with a weak curve it means little. It ignores daylight "
        "saving time: when clocks change, it moves by an hour."
    ),
    compute=compute,
    plot="sum(sampled_peak)",
    plot_title="sum of sampled peaks",
    order=("-sampled_peak",),
)
