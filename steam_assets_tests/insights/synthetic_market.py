"""A small seeded market with planted events: clean tables over seven weeks of days and nineteen weeks.

Belongs here: the rows insights are tested on. Does not belong here: expected results.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from steam_assets.lake.columns import ORIGIN
from steam_assets.sources import SOURCES

Row = dict[str, Any]

FIRST_DAY = date(2026, 9, 22)
DAYS = [FIRST_DAY + timedelta(n) for n in range(49)]
GAP = DAYS[10]
"""A day that was not collected."""
STEADY = 1
"""An app at the top of every chart."""
VISITOR, VISITS = 99, (0, 1, 5, 9, 11)
"""An app on the charts of only these days (by index), also around the gap."""

WEEKS = [date(2026, 6, 30) + timedelta(7 * n) for n in range(19)]
MISSING_WEEK = WEEKS[6]
BOMBED, BOMB = 2, WEEKS[15]
"""An app and the week of its review bomb, which Steam also reports."""
POPULAR, RUSH = 3, WEEKS[15]
"""An app and a week with ten times as many reviews, with the usual share of positive ones."""

QUIET = (4, WEEKS[17])
"""An app and a week in which nobody reviewed it."""

APPS = range(1, 21)
CHART = 12


def market(spark: SparkSession) -> dict[str, DataFrame]:
    """The clean tables by name, in memory."""
    chance = random.Random(7)
    rows = {
        "most_played": list(_most_played(chance)),
        "top_sellers": list(_top_sellers(chance)),
        "review_summary": list(_summaries(chance)),
        "reviews": list(_reviews(chance)),
        "news": list(_news(chance)),
        "visits": [_visits(date(2026, 9, 1), 500_000_000), _visits(date(2026, 10, 1), 520_000_000)],
    }
    return {name: frame(spark, name, own).cache() for name, own in rows.items()}


def frame(spark: SparkSession, table: str, rows: list[Row]) -> DataFrame:
    """Rows as the clean table's DataFrame; columns missing from a row are null."""
    schema = schema_of(table)
    whole = [tuple(_origin(row).get(name) for name in schema.names) for row in rows]
    return spark.createDataFrame(whole, schema)


def schema_of(table: str) -> StructType:
    own = next(t for source in SOURCES for t in source.tables if t.name == table)
    return cast("StructType", StructType.fromDDL(", ".join(f"`{c.name}` {c.type}" for c in (*own.columns, *ORIGIN))))


def _origin(row: Row) -> Row:
    period: date = row.get("week_start") or row.get("day") or row["month"]
    origin = {"partition_key": period.isoformat(), "fetched_at": _at(period, 23), "source_sha256": "0" * 64}
    return origin | {"changes": []} | row


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _price(app_id: int) -> Row:
    free = {0: True, 1: False, 2: False, 3: False, 4: None}[app_id % 5]
    name = f"Game {app_id}" if app_id != 7 else "</script>ゲーム"
    made = {} if app_id % 3 == 0 else {"developers": [f"Studio {app_id % 5}"], "publishers": [f"House {app_id % 2}"]}
    return {"name": name, "is_free": free, "final_price_cents": 1999 if free is False else None} | made


def _most_played(chance: random.Random) -> Iterator[Row]:
    for index, day in enumerate(DAYS):
        if day == GAP:
            continue
        players = {app: int(1e6 / app * chance.uniform(0.5, 1.5)) for app in APPS if app != STEADY}
        players |= {STEADY: 5_000_000 + index}
        if index in VISITS:
            players[VISITOR] = 900_000
        biggest = sorted(players, key=lambda app: -players[app])[:CHART]
        for rank, app in enumerate(biggest, 1):
            yield {
                "day": day,
                "rank": rank,
                "app_id": app,
                "players_now": players[app],
                "players_peak": players[app] + chance.randrange(100_000),
                "sampled_at": _at(day, 21),
            } | _price(app)


def _top_sellers(chance: random.Random) -> Iterator[Row]:
    last: dict[int, int] = {}
    streak: dict[int, int] = {}
    seen: set[int] = set()
    for week in WEEKS:
        order = sorted(APPS, key=lambda app: app + chance.uniform(0, 8))[:CHART]
        streak = {app: streak.get(app, 0) + 1 for app in order}
        for rank, app in enumerate(order, 1):
            if week != MISSING_WEEK:
                yield {
                    "week_start": week,
                    "rank": rank,
                    "app_id": app,
                    "last_week_rank": last.get(app),
                    "consecutive_weeks": streak[app],
                    "first_top100": app not in seen,
                    "movement": "same",
                } | _price(app)
        last = {app: rank for rank, app in enumerate(order, 1)}
        seen |= set(order)


def _summaries(chance: random.Random) -> Iterator[Row]:
    for index, week in enumerate(WEEKS):
        for app in range(1, 7):
            if week == MISSING_WEEK:
                continue
            positive, negative = chance.randrange(300, 400), chance.randrange(30, 60)
            if (app, week) == (POPULAR, RUSH):
                positive, negative = 10 * positive, 10 * negative
            if (app, week) == QUIET:
                positive = negative = 0
            excluded = 0
            if (app, week) == (BOMBED, BOMB):
                negative, excluded = 4000, 3500
            yield _summary(week, app, "week", True, positive, negative) | {
                "reviews_listed": min(positive + negative, 400),
                "complete": positive + negative <= 402,
            }
            yield _summary(week, app, "week", False, positive, negative - excluded)
            for included in (True, False):
                yield _summary(
                    week, app, "lifetime", included, app * (1000 + 350 * index), app * 77 * (index + included)
                )
    yield _summary(WEEKS[-1], 20, "lifetime", True, 0, 0)


def _summary(week: date, app: int, scope: str, included: bool, positive: int, negative: int) -> Row:
    return {
        "week_start": week,
        "app_id": app,
        "scope": scope,
        "off_topic_included": included,
        "total_reviews": positive + negative,
        "total_positive": positive,
        "total_negative": negative,
        "review_score_desc": "Mostly Positive",
    }


def _reviews(chance: random.Random) -> Iterator[Row]:
    for number in range(400):
        week = chance.choice(WEEKS[-3:])
        yield {
            "week_start": week,
            "app_id": chance.randrange(1, 7),
            "recommendation_id": str(number),
            "language": chance.choice(["english", "schinese", "arabic", None]),
            "created_at": _at(week, 5),
            "updated_at": _at(week, 5),
            "voted_up": chance.random() < 0.8,
            "playtime_at_review_minutes": chance.choice([None, *range(1, 900, 7)]),
            "edited_after_week": False,
        }


def _news(chance: random.Random) -> Iterator[Row]:
    for number in range(120):
        day = chance.choice(DAYS)
        tags, feed = chance.choice(
            [(["patchnotes"], "steam_community_announcements"), ([], "steam_community_announcements"), ([], "PC Gamer")]
        )
        yield {
            "week_start": FIRST_DAY + timedelta((day - FIRST_DAY).days // 7 * 7),
            "app_id": chance.choice([*APPS, VISITOR]),
            "gid": str(number),
            "title": f"=News {number}\u2028",
            "published_at": _at(day, chance.randrange(24)),
            "feed_name": feed,
            "feed_label": chance.choice([None, "Community Announcements"]),
            "tags": tags,
            "is_primary": True,
        }


def _visits(month: date, visits: int) -> Row:
    return {"month": month, "visits": visits, "kind": "estimate"}


def keys_of(inputs: Mapping[str, DataFrame], table: str) -> list[str]:
    """The partition keys of a table."""
    return sorted(row[0] for row in inputs[table].select("partition_key").distinct().collect())
