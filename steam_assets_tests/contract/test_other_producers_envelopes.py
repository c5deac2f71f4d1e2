"""Whatever another producer sends, an envelope that landing accepts has as many rows in cleaning as it counts items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from answered import FETCHED, numbered, raw_frame
from pyspark.sql import SparkSession
from test_counts_agree import CASES, COUNTS, GOOD, OTHERS, assert_agreement

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import source_named
from steam_assets.sources.source import InvalidResponse, Source
from steam_assets.spark.cleaning import classify
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark

NAMES = {
    "reviews": ("first_page", "page", "summary_week_filtered", "summary_lifetime_all"),
    "store_facts": ("items", "tag names"),
    "player_samples": ("chart", "app"),
    "country_sellers": ("chart of US", "chart of ZZ"),
    "monthly_visits": ("estimate", "official"),
    "most_played": ("chart",),
    "top_sellers": ("chart",),
    "news": ("page",),
}


def sent(source: str, request: str, body: bytes, items: Mapping[str, int], **more: Any) -> Envelope:
    return Envelope(
        source=source,
        partition_key=GOOD[source][0],
        batch_id="0" * 32,
        sequence=0,
        request=request,
        url="https://host/",
        status=200,
        fetched_at=FETCHED,
        sha256=hashlib.sha256(body).hexdigest(),
        body=body.decode(),
        items=dict(items),
        **({"headers": {}, "app_id": 730} | more),
    )


def bodies(source: str) -> list[bytes]:
    """The source's valid responses, and one that is all of them at once."""
    good = [GOOD[source][1], *OTHERS.get(source, {}).values()]
    inner = {name: value for body in good for name, value in body.get("response", {}).items()}
    return [json.dumps(body).encode() for body in [*good, good[0] | ({"response": inner} if inner else {})]]


def accepted(source: Source) -> Iterator[Envelope]:
    """Each body under each name with the items that landing counts; and rejected, if landing accepts that."""
    for name in NAMES[source.name]:
        assert source.sends(name)
        for body in bodies(source.name):
            try:
                items = source.count(source.cadence.window(GOOD[source.name][0]), name, body)
            except InvalidResponse:
                continue
            yield sent(source.name, name, body, items)
        for items in ({}, {source.tables[0].name: 1}) if source.about_apps else ():
            yield sent(source.name, name, b"<html>", items, problem="received HTML instead of JSON")


@pytest.mark.parametrize(("source_name", "table_name"), rest_nightly(CASES, kept=3, several=True))
def test_any_response_under_any_name_has_as_many_rows_as_items(
    spark: SparkSession, source_name: str, table_name: str
) -> None:
    """Also a rejected one, which counts for the first table only."""
    made = numbered([[one] for one in accepted(source_named(source_name))])
    assert len(made) >= len(NAMES[source_name])
    assert_agreement(spark, source_name, table_name, made)


@pytest.mark.parametrize(
    ("header", "listed"),
    rest_nightly([("1", 1), ("abc", 2), ("999999", 2), ("-1", 2), ("9" * 30, 2)], kept=2, several=True),
)
def test_a_number_of_new_reviews_that_cannot_be_is_ignored(spark: SparkSession, header: str, listed: int) -> None:
    """The page then counts as one without the header: all its reviews are new."""
    source = source_named("reviews")
    body = json.dumps(GOOD["reviews"][1] | {"query_summary": COUNTS}).encode()
    items = source.count(source.cadence.window(GOOD["reviews"][0]), "first_page", body)
    made = [sent("reviews", "first_page", body, items, headers={"fresh-reviews": header})]
    (row,) = classify(source.tables[1], raw_frame(spark, made)).collect()
    assert (row["reviews_listed"], row["problem"]) == (listed, None)
