"""Random clean tables with what is rare in real ones: gaps, items listed twice, zeros, missing values, long histories.

Belongs here: rows that the rules of the clean tables allow. Does not belong here: planted events (synthetic_market.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import pyarrow as pa

from steam_assets.insights.small_inputs import nullable_schema
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources import SOURCES

Row = dict[str, Any]
T = TypeVar("T")

LAST_DAY = date(2026, 11, 16)
LAST_WEEK = date(2026, 11, 10)
LONG_AGO = 520
"""Days before the last day on which the first chart was collected: more than any insight looks back."""
APPS = range(1, 8)
SELDOM = 0.15
"""Probability of a missing value, of a zero, and of an item listed twice."""


def odd_market(seed: int) -> dict[str, pa.Table]:
    """The clean tables by name."""
    return {name: _as_table(name, list(rows)) for name, rows in _Market(random.Random(seed)).tables().items()}


def _as_table(name: str, rows: list[Row]) -> pa.Table:
    columns = {table.name: table.columns for source in SOURCES for table in source.tables}[name]
    return pa.Table.from_pylist(rows, nullable_schema((*columns, *ORIGIN)))


class _Market:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        near = [LAST_DAY - timedelta(n) for n in range(45)]
        far = [LAST_DAY - timedelta(n) for n in range(45, LONG_AGO)]
        year_before = [LAST_DAY - timedelta(364 + n) for n in range(9)]
        self._days = sorted({*self._most(near), *year_before, *chance.sample(far, 25), far[-1]})
        weeks = [LAST_WEEK - timedelta(7 * n) for n in range(130)]
        self._weeks = sorted({*self._most(weeks[:16]), *chance.sample(weeks[16:], 14), weeks[103], weeks[104]})

    def tables(self) -> dict[str, Iterator[Row]]:
        return {
            "most_played": self._each(self._days, self._chart),
            "top_sellers": self._each(self._weeks, self._sellers),
            "country_sellers": self._each(self._weeks[-4:], self._countries),
            "store_facts": self._each(self._days, self._facts),
            "store_tags": self._each(self._days, self._tags),
            "store_prices": self._each(self._days, self._prices),
            "player_samples": self._each(self._days[-16:], self._samples),
            "news": self._each(self._weeks[-6:], self._news),
            "review_summary": self._each(self._weeks, self._summaries),
            "reviews": self._each(self._weeks[-3:], self._reviews),
            "visits": self._each([date(2026, 9, 1), date(2026, 10, 1)], self._visits),
        }

    def _each(self, periods: list[date], rows: Callable[[date], Iterator[Row]]) -> Iterator[Row]:
        for period in periods:
            for row in rows(period):
                yield {"partition_key": period.isoformat(), "fetched_at": self._at(period), "changes": []} | row

    def _chart(self, day: date) -> Iterator[Row]:
        for rank, app in self._ranked():
            now = self._number(0, 900)
            yield {"day": day, "rank": rank, "app_id": app, "players_now": now, "sampled_at": self._at(day)} | {
                **self._item(app),
                "players_peak": now + self._number(0, 90),
            }

    def _sellers(self, week: date) -> Iterator[Row]:
        for rank, app in self._ranked():
            yield {
                "week_start": week,
                "rank": rank,
                "app_id": app,
                "last_week_rank": self._perhaps(self._number(1, 9) or None),
                "consecutive_weeks": self._perhaps(self._number(1, 9)),
                "first_top100": self._perhaps(self._chance.random() < 0.5),
                **self._item(app),
            }

    def _countries(self, week: date) -> Iterator[Row]:
        for country in self._chance.choice([["US"], ["DE", "US"], ["DE", "KR", "US"]]):
            for rank, app in self._ranked(range(1, 22)):
                rank = rank if rank < 12 else rank + 88
                yield {"week_start": week, "country": country, "rank": rank, "app_id": app, "name": self._name(app)}

    def _facts(self, day: date) -> Iterator[Row]:
        for app in self._most(APPS):
            released = self._perhaps(self._at(LAST_DAY - timedelta(self._number(0, 60))))
            yield {"day": day, "in_store": True, "released_at": released, "app_id": app, **self._item(app)}

    def _tags(self, day: date) -> Iterator[Row]:
        for app in self._most(APPS):
            for tag in self._most(range(3)):
                yield {"day": day, "app_id": app, "tag_id": tag, "tag": self._perhaps(f"Tag {tag // 2}")}

    def _prices(self, day: date) -> Iterator[Row]:
        for app in self._most(APPS):
            for offer in range(self._chance.choice([1, 2])):
                yield {
                    "day": day,
                    "app_id": app,
                    "country": "US",
                    "offer_kind": "package",
                    "offer_id": offer,
                    "is_best": self._chance.random() < 0.8,
                    "currency": self._perhaps(self._chance.choice(["USD", "USD", "USD", "EUR"])),
                    "final_price": self._perhaps(self._number(4, 9) * 100),
                    "original_price": self._perhaps(900),
                    "discount_percent": self._perhaps(self._chance.choice([0, 0, 50])),
                }

    def _samples(self, day: date) -> Iterator[Row]:
        for app in self._most(APPS):
            for minute in self._chance.sample(range(0, 1440, 20), self._chance.choice([1, 3, 40])):
                rank, now = self._perhaps(app), self._number(0, 900)
                at = datetime.combine(day, time(), UTC) + timedelta(minutes=minute, seconds=self._number(0, 59))
                peak = self._perhaps(now + 5) if rank else None
                yield {"day": day, "app_id": app, "rank": rank, "sampled_at": at, "players_now": now} | {
                    "players_peak": peak
                }

    def _news(self, week: date) -> Iterator[Row]:
        for gid in range(self._number(0, 12)):
            at = self._at(week + timedelta(self._number(0, 6)))
            # Two updates of an app at the same moment.
            for twin in range(self._chance.choice([1, 1, 2])):
                yield {
                    "week_start": week,
                    "app_id": self._chance.choice(APPS),
                    "gid": f"{gid}{twin}",
                    "title": f"News {gid} {twin}",
                    "published_at": at,
                    "feed_name": self._perhaps(self._chance.choice(["steam_community_announcements", "PC Gamer"])),
                    "feed_label": self._perhaps("Label"),
                    "tags": self._chance.choice([[], ["patchnotes"], ["mod"], ["mod", "patchnotes"], [None]]),
                }

    def _summaries(self, week: date) -> Iterator[Row]:
        for app in self._most(APPS):
            for scope in self._most(["week", "lifetime"]):
                for included in self._most([True, False]):
                    many = self._chance.choice([1, 1, 1, 40])
                    positive, negative = self._number(0, 90), many * self._number(0, 90)
                    yield {
                        "week_start": week,
                        "app_id": app,
                        "scope": scope,
                        "off_topic_included": included,
                        "total_positive": positive,
                        "total_negative": negative,
                        "total_reviews": positive + negative,
                        "reviews_listed": self._perhaps(positive),
                        "complete": self._perhaps(self._chance.random() < 0.5),
                    }

    def _reviews(self, week: date) -> Iterator[Row]:
        for number in range(self._number(0, 60)):
            yield {
                "week_start": week,
                "app_id": self._chance.choice(APPS),
                "recommendation_id": str(number),
                "language": self._perhaps(self._chance.choice(["english", "unknown", "thai"])),
                "voted_up": self._chance.random() < 0.7,
                "playtime_at_review_minutes": self._perhaps(self._number(0, 90)),
            }

    def _visits(self, month: date) -> Iterator[Row]:
        yield {"month": month, "visits": self._number(0, 10**6), "kind": "estimate"}

    def _item(self, app: int) -> Row:
        makers = [["A"], ["A", "B"], ["B", "B"], [], [None]]
        return {
            "name": self._perhaps(self._name(app)),
            "is_free": self._perhaps(self._chance.random() < 0.5),
            "developers": self._perhaps(self._chance.choice(makers)),
            "publishers": self._perhaps(self._chance.choice(makers)),
            "final_price_cents": self._perhaps(self._number(4, 9) * 100),
            "original_price_cents": self._perhaps(900),
            "discount_percent": self._perhaps(self._chance.choice([0, 50])),
        }

    def _ranked(self, apps: range = APPS) -> Iterator[tuple[int, int]]:
        listed = self._most(apps)
        self._chance.shuffle(listed)
        twice = [app for app in listed if self._chance.random() < SELDOM]
        return enumerate([*listed, *twice], 1)

    def _name(self, app: int) -> str:
        return f"Game {app}{self._chance.choice('ab')}"

    def _most(self, things: Iterable[T]) -> list[T]:
        return [one for one in things if self._chance.random() > SELDOM]

    def _perhaps(self, value: T) -> T | None:
        return None if self._chance.random() < SELDOM else value

    def _number(self, least: int, most: int) -> int:
        return 0 if self._chance.random() < SELDOM else self._chance.randint(least, most)

    def _at(self, day: date) -> datetime:
        return datetime.combine(day, time(self._chance.randrange(24), self._chance.randrange(60)), UTC)
