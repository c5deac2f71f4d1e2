"""The synthetic market's other tables: country charts, store facts, tags, prices, and samples of a day.

Belongs here: the rows insights are tested on. Does not belong here: the first five sources (synthetic_market.py).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from pyspark.sql import DataFrame, SparkSession

from steam_assets_tests.insights.synthetic_market import APPS, DAYS, GAP, VISITOR, WEEKS, Row, frame

COUNTRIES = ("DE", "ID", "KR", "US")
LATE_COUNTRY = ("ID", WEEKS[-1])
"""A country whose chart was collected only in the newest week."""
LOCAL_HIT = ("KR", 500)
"""A country, and an item at the top there and on no other chart."""

ON_SALE = 2
"""An app with sales that is on the chart on most days."""
SALE = (DAYS[20], DAYS[26])
"""First and last day of one of its sales."""
ABROAD = (6, DAYS[30])
"""An app and a day on which the store returned another currency."""
LAUNCHED = {3: DAYS[5], 5: DAYS[30], 8: DAYS[48]}
"""The days on which some apps were released."""

SAMPLED = DAYS[-20:]
EVENING_IN = {1: 0, 2: 9, 4: -5}
"""The UTC offset of some apps' audiences, who play most at 20:00 local time."""
WATCHED = 700
"""An app that is sampled but never on a chart."""


def store(spark: SparkSession) -> dict[str, DataFrame]:
    """The clean tables by name, in memory."""
    chance = random.Random(11)
    rows = {
        "country_sellers": list(_country_sellers(chance)),
        "store_facts": list(_facts()),
        "store_tags": list(_tags()),
        "store_prices": list(_prices()),
        "player_samples": list(_samples(chance)),
    }
    return {name: frame(spark, name, own).cache() for name, own in rows.items()}


def _country_sellers(chance: random.Random) -> Iterator[Row]:
    for week in WEEKS[-4:]:
        for country in COUNTRIES:
            if country == LATE_COUNTRY[0] and week != LATE_COUNTRY[1]:
                continue
            order = sorted(APPS, key=lambda app: app + chance.uniform(0, 9))[: 9 if country == "DE" else 16]
            if country == LOCAL_HIT[0]:
                order.insert(2, LOCAL_HIT[1])
            for rank, app in enumerate(order, 1):
                yield {"week_start": week, "country": country, "rank": rank, "app_id": app, "name": f"Game {app}"}


def _facts() -> Iterator[Row]:
    for day in DAYS[4:]:
        if day == GAP:
            continue
        for app in (*APPS, VISITOR):
            made = (
                {} if app % 7 == 0 else {"developers": [f"Studio {app % 4}", "Helpers"], "publishers": ["Big", "Big"]}
            )
            released = LAUNCHED.get(app)
            yield {
                "day": day,
                "app_id": app,
                "in_store": True,
                "name": f"Game {app}",
                "released_at": datetime.combine(released, time(17), UTC) if released else None,
            } | made


def _tags() -> Iterator[Row]:
    for day in DAYS[30:]:
        for app in APPS:
            for number in range(1 + app % 3):
                tag = None if app == 5 else f"Tag {(app + number + day.day % 2) % 6}"
                yield {"day": day, "app_id": app, "tag_id": number, "tag": tag, "weight": 9 - number}


def _prices() -> Iterator[Row]:
    for day in DAYS[12:]:
        for app in APPS:
            if app % 5 == 0 or (app == 9 and day.day % 3 == 0):
                continue
            price: Row = {"final_price": 1000 + 100 * app + (500 if day > DAYS[40] else 0), "currency": "USD"}
            if app == ON_SALE and SALE[0] <= day <= SALE[1]:
                price |= {"original_price": price["final_price"], "final_price": 600, "discount_percent": 50}
                price |= {"discount_ends_at": datetime.combine(SALE[1], time(18), UTC)}
            if app == 7 and day.day % 9 < 3:
                price |= {"original_price": price["final_price"], "final_price": 900, "discount_percent": 47}
            if (app, day) == ABROAD:
                price |= {"currency": "EUR"}
            offer = {"day": day, "app_id": app, "country": "US", "offer_kind": "package", "offer_id": app}
            yield offer | price | {"is_best": True}
            yield offer | {"offer_kind": "bundle", "final_price": 1, "currency": "USD", "is_best": False}


def _samples(chance: random.Random) -> Iterator[Row]:
    for day in SAMPLED:
        for hour in range(24):
            if hour % 11 == 5 and day.day % 2:
                continue
            for app in (*APPS, WATCHED):
                # One app is on the chart only in the second half of the day.
                if app == 10 and hour < 12:
                    continue
                busiest = 20 - EVENING_IN.get(app, app % 12)
                wave = 1 + 0.3 * math.cos(2 * math.pi * (hour + 0.5 - busiest) / 24)
                players = int(1e6 / app * wave * chance.uniform(0.97, 1.03))
                at = datetime.combine(day, time(hour, 5 + app % 40), UTC)
                rank = None if app == WATCHED else app
                peak = None if rank is None else players + 1000
                yield {
                    "day": day,
                    "sampled_at": at,
                    "app_id": app,
                    "rank": rank,
                    "players_now": players,
                    "players_peak": peak,
                }
                if app == 4 and hour == 9:
                    yield {"day": day, "sampled_at": at + timedelta(minutes=7), "app_id": app, "rank": rank} | {
                        "players_now": players,
                        "players_peak": peak,
                    }
