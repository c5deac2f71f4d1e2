"""Store facts: the requests sent, and the rows of real and odd items."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from answered import FETCHED, CannedClient, raw_frame
from pyspark.sql import Row, SparkSession

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import source_named
from steam_assets.sources.source import Fetched, FetchRequest, Request
from steam_assets.spark.cleaning import classify

SOURCE = source_named("store_facts")
FACTS, TAGS, PRICES = SOURCE.tables
KEY = "2026-11-23"
NAMES = {1628: "Metroidvania", 1625: "Platformer"}
GET_ITEMS = "names/IStoreBrowseService_GetItems_367520_2201700_999999999.json"


def answer(request: Request[Any], items: list[dict[str, Any]]) -> bytes:
    if request.name == "items":
        return json.dumps({"response": {"store_items": items}}).encode()
    return json.dumps({"response": {"tags": [{"tagid": tag, "name": name} for tag, name in NAMES.items()]}}).encode()


def fetched(client: CannedClient, *apps: int) -> list[Fetched]:
    return list(SOURCE.extract(client, FetchRequest(SOURCE.cadence.window(KEY), FETCHED, apps)))


def rows(spark: SparkSession, items: list[dict[str, Any]]) -> list[list[Row]]:
    """The classified rows of each table."""
    made = [
        Envelope.from_response(one, source=SOURCE.name, partition_key=KEY, batch_id="0" * 32, sequence=n)
        for n, one in enumerate(fetched(CannedClient(lambda request: answer(request, items)), 1))
    ]
    return [classify(table, raw_frame(spark, made)).collect() for table in SOURCE.tables]


def test_fifty_apps_are_requested_at_once_and_tag_names_last() -> None:
    """Every app is requested once with the same flags; without apps only tag names are requested."""
    client = CannedClient(lambda request: answer(request, [{"id": 1}]))
    fetched(client, *range(1, 121))
    *items, names = client.asked
    queries = [json.loads(request.params["input_json"]) for request in items]
    assert [len(query["ids"]) for query in queries] == [50, 50, 20]
    assert [one["appid"] for query in queries for one in query["ids"]] == list(range(1, 121))
    assert len({json.dumps(query["data_request"]) for query in queries}) == 1
    assert names.params == {"language": "english"}


@pytest.mark.spark
def test_recorded_items_give_the_expected_rows(spark: SparkSession, recorded: Path) -> None:
    """One in the store, one announced, and one that does not exist."""
    items = json.loads((recorded / GET_ITEMS).read_bytes())["response"]["store_items"]
    facts, tags, prices = rows(spark, items)
    assert {row["state"] for row in (*facts, *tags, *prices)} == {"clean"}
    by_app = {row["app_id"]: row for row in facts}
    knight, announced, gone = (by_app[app] for app in (367520, 2201700, 999999999))
    assert (knight["name"], knight["developers"], knight["franchises"]) == (
        *("Hollow Knight", ["Team Cherry"], ["Hollow Knight"]),
    )
    assert (knight["review_count"], knight["positive_percent"], knight["is_coming_soon"]) == (504430, 96, False)
    assert (announced["is_coming_soon"], announced["is_free"], announced["in_store"]) == (True, True, True)
    assert (gone["in_store"], gone["name"], gone["is_free"], gone["developers"]) == (False, None, None, None)
    heaviest = sorted((row for row in tags if row["app_id"] == 367520), key=lambda row: -row["weight"])[:3]
    assert [(row["app_id"], row["tag_id"], row["tag"], row["weight"]) for row in heaviest] == [
        (367520, 1628, "Metroidvania", 935),
        (367520, 1625, "Platformer", 700),
        (367520, 29482, None, 694),
    ]
    assert len(tags) == 40
    ((app, price, currency, best),) = [
        (row["app_id"], row["final_price"], row["currency"], row["is_best"]) for row in prices
    ]
    assert (app, price, currency, best) == (367520, 1499, "USD", True)


@pytest.mark.spark
def test_offers_languages_and_deck_are_read_and_a_bad_tag_loses_no_fact(spark: SparkSession) -> None:
    """A package and a bundle, unknown enum values, and a discount's end; each table validates only its own fields."""
    package = {"packageid": 5, "final_price_in_cents": "500", "original_price_in_cents": "1000", "discount_pct": 50}
    package |= {"formatted_final_price": "$5.00", "active_discounts": [{"discount_end_date": 1773939600}]}
    bundle = {"bundleid": 9, "final_price_in_cents": "1500", "formatted_final_price": "$15.00"}
    item = {
        "id": 10,
        "success": 1,
        "name": "A",
        "release": {"steam_release_date": 1773939600},
        "platforms": {"windows": True, "mac": False, "steamos_linux": True, "steam_deck_compat_category": 3},
        "supported_languages": [
            {"elanguage": 0, "supported": True},
            {"elanguage": 99, "supported": True},
            {"elanguage": -1, "supported": True},
            {"elanguage": -2, "supported": True},
            {"elanguage": 1},
        ],
        "tags": 7,
        "best_purchase_option": package,
        "purchase_options": [package, bundle],
    }
    (fact,), (tag,), prices = rows(spark, [item])
    released = datetime.fromtimestamp(1773939600, UTC).astimezone().replace(tzinfo=None)
    assert (fact["platforms"], fact["deck_compatibility"]) == (["windows", "linux"], "verified")
    assert (fact["languages"], fact["released_at"]) == (
        ["english", "language 99", "language -1", "language -2"],
        released,
    )
    assert (tag["state"], tag["problem"]) == ("quarantined", "a field is not of the agreed shape")
    columns = ("offer_kind", "offer_id", "final_price", "is_best", "discount_ends_at")
    assert {tuple(row[name] for name in columns) for row in prices} == {
        ("package", 5, 500, True, released),
        ("bundle", 9, 1500, False, None),
    }
