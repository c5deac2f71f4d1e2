"""Market share: how much of the charted players and of the top sellers each tag, developer and publisher has.

Belongs here: shares of both charts by maker and tag. Does not belong here: free and paid (price_split.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steam_assets.insights.charts import WEEK_OF_DAY, around, one_place, partition_of
from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "unknown"
OF_WEEK = ("week_start", "app_id")


def compute(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """One row per week, kind and label."""
    charted = _charted(inputs, keys)
    totals = charted.groupBy("week_start").agg(
        F.sum("players").alias("all_players"), F.sum("places").alias("all_places")
    )
    labelled = [_labelled(charted, kind, labels) for kind, labels in _labels(inputs, keys).items()]
    summed = (
        _union(labelled)
        .groupBy("week_start", "kind", "label")
        .agg(
            F.expr("cast(count(*) as int) as games"),
            F.sum("players").alias("players"),
            F.expr("cast(sum(places) as int) as places"),
        )
    )
    shares = summed.join(F.broadcast(totals), "week_start").selectExpr(
        *("week_start", "kind", "label", "games", "players"),
        "players / nullif(all_players, 0) as players_share",
        "places",
        "places / nullif(all_places, 0) as places_share",
    )
    return shares.withColumn("partition_key", partition_of("week_start"))


def _charted(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> DataFrame:
    """Each app on a chart of the week: its mean peak over the collected days (0 off the chart), its places (1 or 0)."""
    daily = one_place(around(inputs["most_played"], keys, after=6)).withColumn("week_start", F.expr(WEEK_OF_DAY))
    days = daily.groupBy("week_start").agg(F.count_distinct("day").alias("days"))
    played = daily.groupBy(*OF_WEEK).agg(F.sum("players_peak").alias("peaks")).join(F.broadcast(days), "week_start")
    sold = one_place(around(inputs["top_sellers"], keys)).selectExpr(*OF_WEEK, "1 as places")
    both = played.join(sold, [*OF_WEEK], "full").where(partition_of("week_start").isin([*keys]))
    return both.selectExpr(*OF_WEEK, "coalesce(peaks / days, 0) as players", "coalesce(places, 0) as places")


def _labels(inputs: Mapping[str, DataFrame], keys: Sequence[str]) -> dict[str, DataFrame]:
    """The labels of each app in a week, by kind: its newest makers in any table, and its tags on the newest day."""
    makers = (*OF_WEEK, "developers", "publishers", "fetched_at")
    daily = (_in_weeks(inputs[name], keys).select(*makers) for name in ("most_played", "store_facts"))
    seen = _union([around(inputs["top_sellers"], keys).select(*makers), *daily])
    newest = F.max_by(F.struct("developers", "publishers"), F.struct("fetched_at", "developers")).alias("made")
    made = seen.where("developers is not null and publishers is not null").groupBy(*OF_WEEK).agg(newest)
    tags = _in_weeks(inputs["store_tags"], keys)
    last = tags.groupBy(*OF_WEEK).agg(F.max("day").alias("day"))
    return {
        "developer": made.select(*OF_WEEK, F.explode(F.expr("array_distinct(made.developers)")).alias("label")),
        "publisher": made.select(*OF_WEEK, F.explode(F.expr("array_distinct(made.publishers)")).alias("label")),
        "tag": tags.join(last, [*OF_WEEK, "day"])
        .where("tag is not null")
        .selectExpr(*OF_WEEK, "tag as label")
        .distinct(),
    }


def _in_weeks(daily: DataFrame, keys: Sequence[str]) -> DataFrame:
    return around(daily, keys, after=6).withColumn("week_start", F.expr(WEEK_OF_DAY))


def _labelled(charted: DataFrame, kind: str, labels: DataFrame) -> DataFrame:
    """Each app once per label; one without any has the label `unknown`."""
    label = F.coalesce("label", F.lit(UNKNOWN)).alias("label")
    return charted.join(labels, [*OF_WEEK], "left").select(
        "week_start", F.lit(kind).alias("kind"), label, "players", "places"
    )


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    return reduce(DataFrame.union, frames)


INSIGHT = Insight(
    name="market_share",
    title="Shares of tags, developers and publishers",
    cadence=Cadence.WEEKLY,
    inputs=(Input("most_played"), Input("top_sellers"), Input("store_facts"), Input("store_tags")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("kind", "string", "tag, developer or publisher.", nullable=False),
        Column("label", "string", "The tag or the maker; `unknown` for apps of which none is known.", nullable=False),
        Column("games", "int", "Apps with it on either chart of the week.", "apps", nullable=False),
        Column("players", "double", "Sum of their peaks on a day, mean over the collected days.", "players", False),
        Column("players_share", "double", "Their share of all charted players.", "share"),
        Column("places", "int", "Their places among the top sellers in the US.", "places", nullable=False),
        Column("places_share", "double", "Their share of the chart of top sellers.", "share"),
    ),
    key=("kind", "label"),
    method=(
        "Apps on the week's charts of players and of top sellers, grouped by each of their developers, publishers and "
        "tags. Makers are the newest known in the week (charts, store_facts), tags those of its newest day "
        "(store_tags)."
    ),
    limitations=(
        "An app counts in full for each of its makers and tags, so that shares of a kind add up to more than 1. The "
        "charts are a hundred items each: small games are missing. All places count equally, whatever an item earned. "
        "Tags are given by players; weeks before store facts were collected have makers from the charts, and no tags."
    ),
    compute=compute,
    plot="max(players_share) filter (where kind = 'publisher' and label <> 'unknown')",
    plot_title="largest publisher's share of players",
    order=("kind", "-players_share"),
)
