"""Of a review sent twice, the newer text is the row and the older one is counted. A future one is neither."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from steam_assets.lake.lake import Lake
from steam_assets.sources import source_named
from steam_assets.sources.cadence import Window
from steam_assets.spark.cleaning import classify, clean
from steam_assets_tests.contract.answered import FETCHED, envelopes, raw_frame
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.raw_landing import NOW, batch_id, land_rows

pytestmark = pytest.mark.spark

SOURCE = source_named("reviews")
TABLE = SOURCE.tables[0]
WEEK: Window = SOURCE.cadence.window("2026-11-10")
WRITTEN = int(WEEK.start.timestamp()) + 3600


def review(number: int, text: str, edited: int = 0) -> dict[str, object]:
    return {
        "recommendationid": str(number),
        "author": {"steamid": f"7656119807930354{number}"},
        "language": "english",
        "review": text,
        "timestamp_created": WRITTEN,
        "timestamp_updated": WRITTEN + edited,
        "voted_up": True,
    }


def page(sequence: int, *reviews: dict[str, object]) -> dict[str, object]:
    summary = {"num_reviews": len(reviews), "total_reviews": 3, "total_positive": 3, "total_negative": 0}
    body = json.dumps({"response": {"query_summary": summary, "reviews": reviews, "cursor": f"c{sequence}"}})
    return {
        "source": SOURCE.name,
        "partition_key": WEEK.key,
        "batch_id": batch_id(1),
        "sequence": sequence,
        "request": "page" if sequence else "first_page",
        "app_id": 730,
        "url": "https://example.org/",
        "status": 200,
        "headers": [],
        "fetched_at": NOW + timedelta(seconds=sequence),
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
        "body": body,
        "items": [*SOURCE.count(WEEK, "page" if sequence else "first_page", body.encode()).items()],
        "provenance": "live",
    }


def test_the_newer_version_of_a_review_edited_between_pages_is_kept(lake: Lake, spark: SparkSession) -> None:
    """The edit moves it to a later page, so both pages list it."""
    pages = [
        page(0, review(1, "first thoughts"), review(2, "stays")),
        page(1, review(1, "second thoughts", 60), review(3, "new")),
    ]
    land_rows(lake, SOURCE, WEEK.key, pages, number=1)
    (record,) = clean(session_for(spark, lake.settings), lake, SOURCE, [TABLE], [WEEK.key], NOW)
    assert (record.items, record.clean, record.quarantined, record.duplicates) == (4, 3, 0, 1)
    rows = lake.clean(TABLE).arrow([WEEK.key], ("recommendation_id", "text"))
    assert rows is not None
    found = {row["recommendation_id"]: row["text"] for row in rows.to_pylist()}
    assert found == {"1": "second thoughts", "2": "stays", "3": "new"}


def test_a_review_edited_after_it_was_collected_is_quarantined(spark: SparkSession) -> None:
    """Clocks may differ by minutes, not by days."""
    until = int(FETCHED.timestamp()) - WRITTEN
    reviews = [review(1, "in time"), review(2, "a fast clock", until + 600), review(3, "to come", until + 200_000)]
    body = json.dumps({"response": {"query_summary": {"num_reviews": 3, "total_reviews": 3}, "reviews": reviews}})
    rows = classify(TABLE, raw_frame(spark, envelopes(SOURCE, WEEK.key, body.encode()))).collect()
    assert {row["recommendation_id"]: row["problem"] for row in rows} == {
        "1": None,
        "2": None,
        "3": "broken rule: not_edited_after_collection",
    }
