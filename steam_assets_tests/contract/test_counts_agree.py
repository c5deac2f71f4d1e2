"""Python counts a body's items on arrival and Spark during cleaning: both give the same number for any body."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from answered import FETCHED, envelopes, numbered, raw_frame
from pyspark.sql import SparkSession

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.kafka.envelope import Envelope
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import FetchRequest, Source
from steam_assets.spark.cleaning import envelopes_of
from steam_assets_tests.nightly import rest_nightly

WEEK = 1_695_081_600
"""2023-09-19T00:00:00Z, a Tuesday."""

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31, 2**63, 10**30, 1.5, 1e308, "", "x", "7", "NaN", "Infinity", [], {}, [1], {"a": 1}),
    *("\ud800", "a\x00b", "\udc00\ud800", "\u202eabc", "\\ud800", "😀", "é" * 9000, WEEK + 5, str(WEEK + 5)),
)
STORE_ITEM = {
    "success": 1,
    "name": "A",
    "type": 0,
    "is_free": True,
    "best_purchase_option": {"final_price_in_cents": "5", "active_discounts": [{"discount_end_date": WEEK}]},
    "basic_info": {"developers": [{"name": "D"}]},
}
PLACE = {"rank": 1, "appid": 730, "item": STORE_ITEM, "concurrent_in_game": 5, "peak_in_game": 6, "last_week_rank": 2}
NEWS_ITEM = {
    "gid": "1",
    "title": "t",
    "url": "https://a b/",
    "is_external_url": True,
    "author": "",
    "contents": "[p]x[/p]",
    "feedlabel": "l",
    "date": WEEK + 5,
    "feedname": "n",
    "feed_type": 1,
    "appid": 730,
    "tags": ["patchnotes"],
}
REVIEW = {
    "recommendationid": "9",
    "author": {"steamid": "76561198079303540", "playtime_forever": 1},
    "language": "english",
    "review": "good",
    "timestamp_created": WEEK,
    "timestamp_updated": WEEK,
    "voted_up": True,
    "votes_up": 0,
    "votes_funny": 4294967295,
    "weighted_vote_score": 0.5,
    "comment_count": 0,
    "refunded": False,
}
COUNTS = {"num_reviews": 2, "review_score": 8, "total_positive": 1, "total_negative": 1, "total_reviews": 2}
VISITS = {
    "Engagments": {"Month": "9", "Year": "2023", "Visits": "1.5E8", "BounceRate": "0.4"},
    "EstimatedMonthlyVisits": {"2023-09-01": 150_000_000},
    "GlobalRank": {"Rank": None},
    "TrafficSources": {"Social": 0.25, "Direct": 0.75},
    "TopCountryShares": [{"Country": 840, "CountryCode": "US", "Value": 0.1}, {"Country": 156, "Value": 0.1}],
}
OFFER = {"packageid": 1, "final_price_in_cents": "5", "formatted_final_price": "$0.05"}
ITEM = {
    "id": 730,
    "success": 1,
    "name": "A",
    "basic_info": {"developers": [{"name": "D"}]},
    "release": {"steam_release_date": WEEK},
    "platforms": {"windows": True, "steam_deck_compat_category": 1},
    "reviews": {"summary_filtered": {"review_count": 1, "percent_positive": 100}},
    "supported_languages": [{"elanguage": 0, "supported": True}],
    "tags": [{"tagid": 19, "weight": 900}, {"tagid": 7, "weight": 1}],
    "best_purchase_option": OFFER,
    "purchase_options": [OFFER, {"bundleid": 2}],
}
GOOD: dict[str, tuple[str, Any]] = {
    "most_played": (
        "2023-09-19",
        {"response": {"last_update": WEEK + 9, "ranks": [PLACE, PLACE | {"rank": 2, "appid": 570}]}},
    ),
    "top_sellers": (
        "2023-09-19",
        {"response": {"start_date": WEEK, "ranks": [PLACE, PLACE | {"rank": 2, "appid": 570}]}},
    ),
    "country_sellers": (
        "2023-09-19",
        {"response": {"start_date": WEEK, "ranks": [PLACE, PLACE | {"rank": 2, "appid": 570}]}},
    ),
    "store_facts": ("2023-09-19", {"response": {"store_items": [ITEM, {"id": 570, "success": 15, "name": ""}]}}),
    "player_samples": (
        "2023-09-19",
        {"response": {"last_update": WEEK + 9, "ranks": [PLACE | {"appid": 440}, PLACE | {"rank": 2, "appid": 570}]}},
    ),
    "news": ("2023-09-19", {"appnews": {"appid": 730, "newsitems": [NEWS_ITEM, NEWS_ITEM | {"gid": "2"}], "count": 2}}),
    "reviews": (
        "2023-09-19",
        {"response": {"query_summary": COUNTS, "reviews": [REVIEW, REVIEW | {"recommendationid": "8"}], "cursor": "c"}},
    ),
    "monthly_visits": ("2023-09-01", VISITS),
}
OTHERS: dict[str, dict[str, Any]] = {
    "store_facts": {"tag names": {"response": {"tags": [{"tagid": 19, "name": "Indie"}]}}},
    "player_samples": {"app": {"response": {"player_count": 5, "result": 1}}},
}
"""For sources with several kinds of requests: responses to those with other names than the first."""
CASES = [(source.name, table.name) for source in SOURCES for table in source.tables]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in pairs:
        yield (*path, name)
        yield from places(child, (*path, name))


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> bytes:
    changed = deepcopy(body)
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return json.dumps(changed).encode()


def odd_bodies(good: Any) -> Iterator[bytes]:
    """The body with each value replaced by each odd value, and bodies that are not valid responses at all."""
    yield json.dumps(good).encode()
    yield b"\xef\xbb\xbf" + json.dumps(good, indent=1).encode()
    for path in places(good):
        yield from (replaced(good, path, value) for value in ODD)
    yield from (b"", b"null", b"{}", b"[]", b'{"response":{}}', b'{"success":2}', b"<html>", b"\xff\xfe", b'{"a":NaN}')
    yield b'{"response":' * 2000
    yield f'{json.dumps(good)[:-1]}, "{"k" * 60_000}": 1}}'.encode()
    yield json.dumps(good).replace("730", "7" * 5000).encode()


def shortened(value: Any) -> Any:
    """The value with every list cut to two elements."""
    if isinstance(value, dict):
        return {name: shortened(child) for name, child in value.items()}
    return [shortened(child) for child in value[:2]] if isinstance(value, list) else value


def good_body(source: Source, simulator: Simulator) -> tuple[str, Any]:
    """A partition key and a valid response: the one above, or the simulator's first response for other sources."""
    if source.name in GOOD:
        return GOOD[source.name]
    simulator.set_now(FETCHED)
    window = source.cadence.newest(FETCHED)
    with HttpClient(served_by(Settings(), simulator.url, 500.0), Clock(FETCHED)) as client:
        first = next(source.extract(client, FetchRequest(window, FETCHED, apps=(730,))))
    simulator.clear_now()
    return window.key, shortened(json.loads(first.response.body))


def others_of(source: Source) -> dict[str, bytes]:
    return {name: json.dumps(body).encode() for name, body in OTHERS.get(source.name, {}).items()}


@pytest.fixture(scope="module")
def collected(simulator: Simulator) -> dict[str, list[Envelope]]:
    """Each source's envelopes of all odd bodies that its extraction accepts."""
    made = {}
    for source in SOURCES:
        key, good = good_body(source, simulator)
        plain = others_of(source)
        batches = [envelopes(source, key, body, others=plain) for body in odd_bodies(good)]
        for name, body in OTHERS.get(source.name, {}).items():
            first = json.dumps(good).encode()
            batches += [envelopes(source, key, first, others=plain | {name: odd}) for odd in odd_bodies(body)]
        made[source.name] = numbered(batches)
    return made


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_landing_counts_as_extraction_did(collected: dict[str, list[Envelope]], source: Source) -> None:
    """Otherwise landing would set aside what the product itself collected."""
    accepted = [envelope for envelope in collected[source.name] if envelope.problem is None]
    assert len(accepted) > 100
    for envelope in accepted:
        window = source.cadence.window(envelope.partition_key)
        counted = source.count(window, envelope.request, envelope.body.encode())
        assert +Counter(counted) == +Counter(envelope.items), envelope


@pytest.mark.spark
@pytest.mark.parametrize(("source_name", "table_name"), rest_nightly(CASES, kept=4, several=True))
def test_odd_bodies_have_as_many_rows_as_items(
    spark: SparkSession, collected: dict[str, list[Envelope]], source_name: str, table_name: str
) -> None:
    """Each item of any odd body is a row; each unusable row has a reason and the item's text."""
    assert len(collected[source_name]) > 200
    assert_agreement(spark, source_name, table_name, collected[source_name])


@pytest.mark.spark
@pytest.mark.parametrize(("source_name", "table_name"), rest_nightly(CASES, kept=6, several=True))
def test_recorded_bodies_have_as_many_rows_as_items(
    spark: SparkSession, recorded: Path, source_name: str, table_name: str
) -> None:
    """The same holds for all recorded responses, in their own periods and in another one."""
    bodies = [path.read_bytes() for path in sorted(recorded.rglob("*")) if _small(path)]
    source = source_named(source_name)
    keys = {
        "most_played": ("2026-03-09",),
        "player_samples": ("2026-03-09",),
        "top_sellers": ("2026-02-24",),
        "country_sellers": ("2026-02-24",),
        "news": ("2023-09-19", "2023-10-24", "2023-07-18", "2026-09-29"),
        "reviews": ("2023-09-19",),
        "monthly_visits": ("2023-06-01", "2023-08-01", "2023-09-01", "2020-01-01"),
    }.get(source_name, (source.cadence.containing(FETCHED).key,))
    plain = others_of(source)
    made = numbered([envelopes(source, key, body, others=plain) for key in keys for body in bodies])
    assert_agreement(spark, source_name, table_name, made)


def _small(path: Path) -> bool:
    return path.is_file() and path.suffix in (".json", ".html", ".csv") and path.stat().st_size < 2_000_000


def assert_agreement(spark: SparkSession, source_name: str, table_name: str, made: list[Envelope]) -> None:
    table = next(table for table in source_named(source_name).tables if table.name == table_name)
    rows = table.items(envelopes_of(table, raw_frame(spark, made))).select("sequence", "problem", "item").collect()
    found: dict[int, int] = {}
    for row in rows:
        found[row["sequence"]] = found.get(row["sequence"], 0) + 1
    counted = {envelope.sequence: envelope.items.get(table_name, 0) for envelope in made}
    differing = {n: (counted[n], found.get(n, 0)) for n in counted if counted[n] != found.get(n, 0)}
    shown = [(made[n].request, made[n].problem, made[n].body[:600], pair) for n, pair in list(differing.items())[:3]]
    assert not differing, shown
    assert all(row["item"] is not None for row in rows if row["problem"])
