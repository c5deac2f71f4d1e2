"""Top sellers by country: requests sent, the country of each row, and the currency of its price."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from answered import FETCHED, CannedClient, raw_frame
from pyspark.sql import SparkSession

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import source_named
from steam_assets.sources.source import Fetched, FetchRequest, InvalidResponse, Request
from steam_assets.sources.store_country import FEWEST_PRICES, LONG_CHART
from steam_assets.sources.store_item import currency_of

SOURCE = source_named("country_sellers")
KEY = "2026-11-10"
WEEK = 1_794_268_800
PRICES = {
    "$59.99": "USD",
    "$29.99 USD": "USD",
    "59,99€": "EUR",
    "14,--€": "EUR",
    "£49.99": "GBP",
    "CDN$ 79.99": "CAD",
    "A$ 89.95": "AUD",
    "R$ 299,90": "BRL",
    "₩ 64,800": "KRW",
    "NT$ 1,490": "TWD",
    "279,00zł": "PLN",
    "₹ 3,499": "INR",
    "Mex$ 1,399.00": "MXN",
    "649 kr": "NOK",
    "CHF 59.90": "CHF",
    "S/.149.95": "PEN",
    "Rp 699 999": "IDR",
    "": None,
    "1\u00a0199,00 TL": "TRY",
    "R 749.00": "ZAR",
    "Ξ 2": None,
    "Free": None,
    "12": None,
}


def answered(request: Request[Any], ranks: dict[str, int], price: str) -> bytes:
    """Respond with as many ranks as given for the request's country, each at ``price``."""
    query = json.loads(request.params["input_json"])
    assert query["country_code"] == query["context"]["country_code"], "the chart's country and the prices'"
    offer = {"final_price_in_cents": "5999", "formatted_final_price": price}
    item = {"success": 1, "name": "A", "type": 0, "best_purchase_option": offer}
    listed = [{"rank": n, "appid": n, "item": item} for n in range(1, 1 + ranks.get(query["country_code"], 0))]
    return json.dumps({"response": {"start_date": WEEK} | ({"ranks": listed} if listed else {})}).encode()


def fetched(client: CannedClient, *countries: str) -> list[Fetched]:
    options = SOURCE.options.model_validate({"countries": countries} if countries else {})
    return list(SOURCE.extract(client, FetchRequest(SOURCE.cadence.window(KEY), FETCHED, (), options)))


def test_each_country_is_requested_once_with_its_own_code() -> None:
    """There are twenty by default; the request's name holds the country, because the response does not."""
    client = CannedClient(lambda request: answered(request, dict.fromkeys(SOURCE.options().countries, 3), "1"))  # type: ignore[attr-defined]
    assert [one.items for one in fetched(client)] == [{SOURCE.name: 3}] * 20
    asked = [json.loads(request.params["input_json"])["country_code"] for request in client.asked]
    assert asked == list(dict.fromkeys(asked))
    assert [request.name for request in client.asked] == [f"chart of {country}" for country in asked]


def test_a_country_without_a_chart_does_not_affect_others_but_the_first_must_have_one() -> None:
    """An unpublished week is empty in every country; it is requested again rather than kept as twenty empty charts."""
    client = CannedClient(lambda request: answered(request, {"US": 2, "KR": 1}, "1"))
    assert [one.items[SOURCE.name] for one in fetched(client, "US", "ID", "KR")] == [2, 0, 1]
    with pytest.raises(InvalidResponse, match=f"no ranks for the week of {KEY}"):
        fetched(client, "ID", "US")


def test_a_chart_of_another_country_is_refused() -> None:
    """Steam may ignore the country: then prices have the sign of another, or two charts are one."""
    for country, price in (("KR", "$59.99"), ("US", "₩ 64,800"), ("US", "$59.99 USD"), ("DE", "£1"), ("CN", "1€")):
        client = CannedClient(partial(answered, ranks={country: FEWEST_PRICES}, price=price))
        with pytest.raises(InvalidResponse, match=f"the store of {country}.*the country was ignored"):
            fetched(client, country)
    client = CannedClient(lambda request: answered(request, {"DE": LONG_CHART, "FR": LONG_CHART}, "1€"))
    with pytest.raises(InvalidResponse, match="the chart of FR is that of DE"):
        fetched(client, "DE", "FR")
    shorter = CannedClient(lambda request: answered(request, {"DE": LONG_CHART, "FR": LONG_CHART - 1}, "1€"))
    assert [one.items[SOURCE.name] for one in fetched(shorter, "DE", "FR")] == [LONG_CHART, LONG_CHART - 1]


def test_prices_with_unknown_or_shared_signs_are_accepted() -> None:
    for country, price in (("JP", "¥ 1,200"), ("CN", "¥ 48"), ("KR", "Ξ 2"), ("TR", "$9.99 USD"), ("BR", "Grátis")):
        client = CannedClient(partial(answered, ranks={country: FEWEST_PRICES}, price=price))
        assert [one.items[SOURCE.name] for one in fetched(client, country)] == [FEWEST_PRICES]


@pytest.mark.spark
def test_rows_name_their_country_and_currency(spark: SparkSession) -> None:
    """The same ranks and apps in two countries are two charts; yen and yuan are distinguished."""
    client = CannedClient(lambda request: answered(request, {"JP": 2, "CN": 1}, "¥ 5,999"))
    made = [
        Envelope.from_response(one, source=SOURCE.name, partition_key=KEY, batch_id="0" * 32, sequence=n)
        for n, one in enumerate(fetched(client, "JP", "CN"))
    ]
    rows = SOURCE.tables[0].items(raw_frame(spark, made)).collect()
    assert [row["problem"] for row in rows] == [None] * 3
    assert sorted((row["country"], row["rank"], row["currency"], row["final_price"]) for row in rows) == [
        ("CN", 1, "CNY", 5999),
        ("JP", 1, "JPY", 5999),
        ("JP", 2, "JPY", 5999),
    ]


@pytest.mark.spark
def test_a_currency_is_read_from_the_price_as_the_store_writes_it(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(price,) for price in PRICES], "price string")
    read = frame.selectExpr("price", f"{currency_of('price', repr('DE'))} as currency").collect()
    assert {row["price"]: row["currency"] for row in read} == PRICES
