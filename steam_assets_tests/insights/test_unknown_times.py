"""Numbers over time where samples or days are missing: what is unknown changes no number and adds no row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from steam_assets.insights import insight_named
from steam_assets.insights.small_inputs import SmallInputs, nullable_schema
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources import SOURCES
from steam_assets_tests.deployment import INTERPRETED, configure

Row = dict[str, Any]

DAY = date(2026, 11, 17)
KEY = DAY.isoformat()
APP = 7


def clean(**rows: list[Row]) -> dict[str, pa.Table]:
    """All clean tables, of which only these daily ones have rows."""
    return {
        table.name: pa.Table.from_pylist(
            [{"partition_key": row["day"].isoformat()} | row for row in rows.get(table.name, [])],
            nullable_schema((*table.columns, *ORIGIN)),
        )
        for source in SOURCES
        for table in source.tables
    }


def sampled(players: Iterable[tuple[float, int]]) -> SmallInputs:
    """Samples of a game on one day: hours since its beginning, and players."""
    begin = datetime.combine(DAY, time(), UTC)
    samples: list[Row] = [
        {"day": DAY, "app_id": APP, "sampled_at": begin + timedelta(hours=hours), "players_now": count}
        for hours, count in players
    ]
    return SmallInputs(clean(player_samples=samples))


def its_day(samples: SmallInputs) -> Row:
    (row,) = samples.rows(insight_named("player_days"), [KEY]).to_pylist()
    return row


@pytest.mark.parametrize("hours", [(10, 11, 12), (10, 11, 15), (6.5, 11, 11.7), (2, 11, 23)])
def test_the_excess_of_a_peak_is_that_of_its_parabola_however_far_its_neighbours_are(hours: tuple[float, ...]):
    """Three samples of a parabola whose vertex is 90 players above the highest of them, evenly spaced or not."""
    vertex, top = 11.3, 200_000
    row = its_day(sampled((hour, top - round(1000 * (hour - vertex) ** 2)) for hour in hours))
    assert row["sampled_peak"] == top - 90
    assert row["peak_excess"] == pytest.approx(90, abs=1)


@pytest.mark.parametrize("unknown", [(), (3, 4), (0, 23), tuple(hour for hour in range(12, 24) if hour % 3)])
def test_unknown_hours_make_no_wave(unknown: tuple[int, ...]):
    """A constant number of players is no wave; a wave keeps its strength and time zone, whichever hours are known."""
    known = [hour for hour in range(24) if hour not in unknown]
    assert its_day(sampled((hour, 50_000) for hour in known))["curve_strength"] == pytest.approx(0, abs=1e-9)

    wave = ((hour, round(50_000 * (1 + 0.4 * math.cos(math.pi * (hour + 0.5 - 12) / 12)))) for hour in known)
    row = its_day(sampled(wave))
    assert row["curve_strength"] == pytest.approx(0.4, abs=0.03)
    assert row["busiest_hour"] == pytest.approx(12, abs=0.25)
    assert row["audience_utc_offset"] == 8


@pytest.mark.spark
@pytest.mark.parametrize(("gap", "second"), [(370, {1: "same", 2: "dropped"}), (372, {1: None})])
def test_after_a_gap_longer_than_the_lookback_nothing_is_said_of_games_before_it(
    spark: SparkSession, gap: int, second: dict[int, str | None]
):
    """A chart that is too old to be compared with drops no game, although it is computed in the same run."""
    before = DAY - timedelta(gap)
    tables = clean(
        most_played=[
            {"day": day, "rank": app, "app_id": app, "players_now": 9, "players_peak": 9}
            for day, apps in ((before, (1, 2)), (DAY, (1,)))
            for app in apps
        ]
    )
    insight, keys = insight_named("player_trend"), [before.isoformat(), KEY]
    session = spark.newSession()
    configure(session, INTERPRETED)
    assert insight.compute is not None
    charts = {"most_played": session.createDataFrame(tables["most_played"])}
    of_spark = insight.compute(charts, keys).select("day", "app_id", "status").toArrow().to_pylist()

    for rows in (of_spark, SmallInputs(tables).rows(insight, keys).to_pylist()):
        assert {row["app_id"]: row["status"] for row in rows if row["day"] == DAY} == second
