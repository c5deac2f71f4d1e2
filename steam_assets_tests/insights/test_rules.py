"""Rules that users would notice: scores computed by hand, gaps, a planted review bomb, and what must be refreshed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steam_assets.insights import insight_named
from steam_assets.insights.review_scores import adjusted_score, wilson_lower
from steam_assets.sources.cadence import Cadence
from steam_assets_tests.insights.synthetic_market import (
    BOMB,
    BOMBED,
    DAYS,
    GAP,
    POPULAR,
    RUSH,
    VISITOR,
    VISITS,
    WEEKS,
    frame,
)
from steam_assets_tests.insights.two_engines import TwoEngines, both
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark


def test_scores_match_those_calculated_by_hand(spark: SparkSession):
    """SteamDB's score r - (r - 0.5) * 2^-log10(n + 1), at n where the power is a simple fraction:

    n = 9: log10 10 = 1, factor 1/2. n = 99: 2, 1/4. n = 999: 3, 1/8. n = 9999: 4, 1/16.
    r = 1.0, n = 9: 1.0 - 0.5/2 = 0.75. r = 1.0, n = 999: 1.0 - 0.5/8 = 0.9375.
    r = 2/3, n = 9: 2/3 - (1/6)/2 = 7/12. r = 10/11, n = 99: 10/11 - (9/22)/4 = 80/88 - 9/88 = 71/88.
    r = 0, n = 9: 0 + 0.5/2 = 0.25. r = 1/3, n = 9999: 1/3 + (1/6)/16 = 32/96 + 1/96 = 33/96.
    r = 1/2: 1/2 for every n. Without reviews: no score.

    Wilson's lower bound at z = 1.96: z² = 3.8416.
    r = 1, n = 9: the root is z/2n, so (1 + z²/2n - z²/2n) / (1 + z²/n) = 9 / 12.8416.
    r = 0: 0, as both halves are equal. r = 1/2, n = 100: (0.5 + 0.019208 - 1.96 * sqrt(0.0025 + 0.00009604)) / 1.038416
    = (0.519208 - 1.96 * 0.05095135) / 1.038416 = 0.4038299.
    """
    worked = [
        (1.0, 9, 0.75, 9 / 12.8416),
        (1.0, 999, 0.9375, None),
        (2 / 3, 9, 7 / 12, None),
        (10 / 11, 99, 71 / 88, None),
        (0.0, 9, 0.25, 0.0),
        (1 / 3, 9999, 33 / 96, None),
        (0.5, 100, 0.5, 0.4038299),
        (None, 0, None, None),
    ]
    given = spark.createDataFrame([(share, reviews) for share, reviews, *_ in worked], "r double, n bigint")
    got = given.select(adjusted_score(F.col("r"), F.col("n")), wilson_lower(F.col("r"), F.col("n"))).collect()

    assert [row[0] for row in got] == [pytest.approx(score, abs=1e-12) for *_, score, _ in worked]
    for row, (_, _, _, lower) in zip(got, worked, strict=True):
        assert lower is None or row[1] == pytest.approx(lower, abs=1e-6)
    assert got[-1][1] is None


def test_a_planted_bomb_is_flagged_and_a_popular_week_is_not(engines: TwoEngines):
    """A week of many negative reviews is flagged, as by Steam.

    A week with ten times as many reviews of both kinds is not.
    """
    rows = engines.spark("review_bombs", [week.isoformat() for week in WEEKS])
    by_week = {(row["app_id"], row["week_start"]): row for row in rows}
    bombed, rush = by_week[BOMBED, BOMB], by_week[POPULAR, RUSH]

    assert [key for key, row in by_week.items() if row["flagged"]] == [(BOMBED, BOMB)]
    assert (bombed["agreement"], bombed["excluded_by_steam"]) == ("both", 3500)
    assert rush["volume_score"] > 5 > rush["share_score"]
    assert rush["agreement"] == "neither"


def test_each_condition_of_the_flag_is_needed(spark: SparkSession):
    """After eight calm weeks (positive and negative by turns), a week fails exactly one condition, or none."""
    calm = (900, 100), (910, 90)
    weeks = {
        1: (*calm, (500, 2000)),  # all four hold
        2: (*calm, (100, 45)),  # 45 negatives, fewer than 50
        3: ((5000, 1000), (5010, 990), (800, 900)),  # fewer negatives than usual; only the share is unusual
        4: ((300, 100), (200, 200), (1000, 2000)),  # a volatile game: the share is within its usual spread
        5: ((9500, 500), (9510, 490), (17_600, 2400)),  # from 5 to 12 %: significant but small
    }
    rows = [
        {
            "week_start": WEEKS[n],
            "app_id": app,
            "scope": "week",
            "off_topic_included": True,
            "total_reviews": positive + negative,
            "total_positive": positive,
            "total_negative": negative,
        }
        for app, (even, odd, last) in weeks.items()
        for n, (positive, negative) in enumerate([even, odd] * 4 + [last])
    ]
    inputs = {"review_summary": frame(spark, "review_summary", rows), "top_sellers": frame(spark, "top_sellers", [])}
    insight = insight_named("review_bombs")
    assert insight.compute is not None
    made = {row["app_id"]: row for row in insight.compute(inputs, [WEEKS[8].isoformat()]).collect()}

    assert {app: row["flagged"] for app, row in made.items()} == {1: True, 2: False, 3: False, 4: False, 5: False}
    assert made[3]["share_score"] > 5 > made[3]["volume_score"]
    assert made[4]["volume_score"] > 5 > made[4]["share_score"]
    assert min(made[5]["volume_score"], made[5]["share_score"]) > 5


def test_a_baseline_too_short_flags_nothing(engines: TwoEngines):
    """With fewer than four weeks before it, a week is neither flagged nor cleared."""
    rows = engines.spark("review_bombs", [week.isoformat() for week in WEEKS[:5]])
    flags = {week: {row["flagged"] for row in rows if row["week_start"] == week} for week in WEEKS[:5]}
    assert [flags[week] for week in WEEKS[:5]] == [{None}] * 4 + [{False}]


def test_a_gap_drops_no_game(engines: TwoEngines):
    """A day that was not collected has no rows. The next day is compared with the last collected one, and says so."""
    keys = [day.isoformat() for day in (GAP - timedelta(1), GAP, GAP + timedelta(1))]
    rows = engines.spark("player_trend", keys)
    assert GAP not in {row["day"] for row in rows}
    assert {row["compared_to"] for row in rows if row["day"] == GAP + timedelta(1)} == {GAP - timedelta(1)}


def test_returns_and_streaks_are_counted_across_a_gap(engines: TwoEngines):
    """On days 0, 1, 5, 9 and 11, with day 10 a gap: new is unknown on the first day, then dropped, returned; the gap
    does not break the streak."""
    rows = engines.spark("player_trend", [day.isoformat() for day in DAYS[:14]])
    own = {(row["day"] - DAYS[0]).days: row for row in rows if row["app_id"] == VISITOR}
    told = {
        index: (row["status"] if row["rank"] is None else "there", row["streak_days"]) for index, row in own.items()
    }

    assert told == {
        0: ("there", 1),
        1: ("there", 2),
        2: ("dropped", 0),
        5: ("there", 1),
        6: ("dropped", 0),
        9: ("there", 1),
        11: ("there", 2),
        12: ("dropped", 0),
    }
    assert [own[index]["status"] for index in VISITS[:1]] == [None]
    assert [own[index]["status"] for index in (5, 9)] == ["returned", "returned"]
    assert own[12]["days_on_chart"] == len(VISITS)
    assert own[12]["name"] == f"Game {VISITOR}"


FIRST, SECOND = 1, 2
LAST = date(2026, 11, 18)


def charted(day: date, app_id: int, peak: int = 9) -> dict[str, Any]:
    sampled_at = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    return {"day": day, "rank": app_id, "app_id": app_id, "players_now": 9, "players_peak": peak} | {
        "sampled_at": sampled_at
    }


def computed(spark: SparkSession, name: str, rows: list[dict[str, Any]], keys: list[str]) -> list[dict[str, Any]]:
    insight = insight_named(name)
    assert insight.compute is not None
    return [row.asDict() for row in insight.compute({"most_played": frame(spark, "most_played", rows)}, keys).collect()]


@pytest.mark.parametrize(
    ("collected", "status"),
    rest_nightly([(27, "first_seen"), (28, "new"), (1, "first_seen"), (60, "new")], kept=2, several=True),
)
def test_a_game_is_called_new_only_after_28_collected_days(spark: SparkSession, collected: int, status: str):
    """Before that, a game on no earlier chart is only seen for the first time."""
    days = [LAST - timedelta(n + 1 + n // 20) for n in range(collected)]
    rows = [charted(day, FIRST) for day in (*days, LAST)] + [charted(LAST, SECOND)]
    made = computed(spark, "player_trend", rows, [min(days).isoformat(), LAST.isoformat()])
    assert {(row["day"], row["app_id"]): row["status"] for row in made} == {
        (min(days), FIRST): None,
        (LAST, FIRST): "same",
        (LAST, SECOND): status,
    }


LEVELS = {0: 120, 7: 110, 28: 150, 91: 80, 364: 60}
"""Planted levels of the weeks that end this many days before the last one."""
WEEKDAYS = (90, 85, 88, 92, 130, 170, 160)
"""Monday to Sunday: weekends have nearly twice the players, as on Steam."""
CHANGES = {7: 120 / 110 - 1, 28: 120 / 150 - 1, 91: 120 / 80 - 1, 364: 120 / 60 - 1}


def seasons(last: date = LAST, missing: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """A game over 53 weeks that varies much more by weekday than by week; ``missing``: days before the last one."""
    days = {n: last - timedelta(n) for n in range(371) if n not in missing}
    level = {n: next((LEVELS[end] for end in LEVELS if end <= n < end + 7), 100) for n in days}
    return [charted(day, FIRST, 10 * level[n] * WEEKDAYS[day.weekday()]) for n, day in days.items()]


@pytest.mark.parametrize("name", rest_nightly(["player_trend", "market_day"]))
@pytest.mark.parametrize("last", rest_nightly([LAST, LAST - timedelta(2), LAST - timedelta(4)]))
def test_changes_compare_weeks_whatever_the_weekday(spark: SparkSession, name: str, last: date):
    """Changes compare whole weeks and equal those of the levels, whether on Wednesday, Monday or Saturday."""
    (made,) = computed(spark, name, seasons(last), [last.isoformat()])
    assert {n: made[f"peak_change_{n}d"] for n in CHANGES} == pytest.approx(CHANGES)
    mean = {"player_trend": "peak_7d_mean", "market_day": "peak_sum_7d_mean"}[name]
    assert made[mean] == pytest.approx(10 * 120 * sum(WEEKDAYS) / 7)
    assert made["players_gained_7d"] == pytest.approx(10 * (120 - 110) * sum(WEEKDAYS) / 7)


@pytest.mark.parametrize("name", rest_nightly(["market_day", "player_trend"]))
@pytest.mark.parametrize("missing", rest_nightly([(1, 9, 36), (2,), (3, 30), (28,)]))
def test_a_gap_removes_the_same_weekday_from_both_weeks(spark: SparkSession, name: str, missing: tuple[int, ...]):
    """A day missing in one week is left out of the other, so the changes stay the same."""
    (made,) = computed(spark, name, seasons(missing=missing), [LAST.isoformat()])
    assert {n: made[f"peak_change_{n}d"] for n in CHANGES} == pytest.approx(CHANGES)


@pytest.mark.parametrize("name", rest_nightly(["player_trend", "market_day"]))
def test_a_week_with_too_few_days_has_no_mean_and_no_change(spark: SparkSession, name: str):
    """Three known weekdays are too few for a change, and six for a mean."""
    (six,) = computed(spark, name, seasons(missing=(4,)), [LAST.isoformat()])
    assert six["peak_7d_mean" if name == "player_trend" else "peak_sum_7d_mean"] is None
    (made,) = computed(spark, name, seasons(missing=(1, 2, 3, 4)), [LAST.isoformat()])
    assert {made[f"peak_change_{n}d"] for n in CHANGES} | {made["players_gained_7d"]} == {None}


def test_a_changed_partition_affects_those_that_look_back_at_it():
    """The declared lookback says which insight partitions to refresh, but never one that has not begun."""
    until = datetime(2026, 11, 18, tzinfo=UTC)
    day, week = Cadence.DAILY.window("2026-11-12"), Cadence.WEEKLY.window("2026-11-03")

    trend = insight_named("player_trend")
    assert list(trend.touched("most_played", day, until)) == [f"2026-11-{d}" for d in range(12, 18)]
    assert list(trend.touched("news", day, until)) == []
    assert list(insight_named("market_day").touched("most_played", day, until)) == [
        f"2026-11-{d}" for d in range(12, 18)
    ]
    # Days after an update count for the weeks before them.
    assert list(insight_named("update_effect").touched("most_played", day, until)) == [
        "2026-11-03",
        "2026-11-10",
        "2026-11-17",
    ]
    assert list(insight_named("sentiment").touched("review_summary", week, until)) == ["2026-11-03", "2026-11-10"]
    assert list(insight_named("traffic_vs_players").touched("most_played", day, until)) == ["2026-11-01"]
    assert list(insight_named("freshness").touched("news", week, until)) == ["all"]


def test_what_an_import_does_not_state_is_not_claimed(spark: SparkSession):
    """A first week without last week's rank or first entry has no status, rather than `returned`."""
    week = WEEKS[0]
    rows = [{"week_start": week, "rank": 1, "app_id": 7, "consecutive_weeks": 3, "first_top100": None}]
    insight = insight_named("top_seller_moves")
    assert insight.compute is not None
    (made,) = insight.compute({"top_sellers": frame(spark, "top_sellers", rows)}, [week.isoformat()]).collect()
    assert made["rank"] == 1
    assert made["status"] is None


def test_an_item_behind_a_charts_hundredth_place_is_off_it(spark: SparkSession, engines: TwoEngines):
    """A chart of more than a hundred ranks compares as one of a hundred: place 120 elsewhere is off the chart."""
    week = WEEKS[0]
    places = [("DE", 5, 1), ("DE", 101, 2), ("US", 1, 2), ("US", 120, 1)]
    rows = [{"week_start": week, "country": where, "rank": rank, "app_id": app} for where, rank, app in places]
    engines = both({**engines.inputs, "country_sellers": frame(spark, "country_sellers", rows)})
    for made in (engines.spark("regional_hits", [str(week)]), engines.duckdb("regional_hits", [str(week)])):
        assert [(row["country"], row["rank"], row["rank_elsewhere"], row["is_regional_hit"]) for row in made] == [
            ("DE", 5, 101, True),
            ("US", 1, 101, True),
        ]
