"""Reviews of other weeks are never kept as the week's: a page of them is refused, a single one is quarantined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from answered import envelopes, raw_frame
from pyspark.sql import SparkSession
from test_counts_agree import REVIEW

from steam_assets.sources import source_named
from steam_assets.sources.json_body import seconds
from steam_assets.sources.source import InvalidResponse
from steam_assets.spark.cleaning import classify

SOURCE = source_named("reviews")
WEEK = SOURCE.cadence.window("2023-09-19")
IN, END = seconds(WEEK.start), seconds(WEEK.end)
BEFORE = seconds(WEEK.start - timedelta(days=400))


def page(written: Sequence[object]) -> bytes:
    """A page of reviews written at those times (Unix seconds), whose counts are of all time."""
    reviews: list[dict[str, Any]] = [
        REVIEW | {"recommendationid": str(number), "timestamp_created": moment, "timestamp_updated": END}
        for number, moment in enumerate(written)
    ]
    counts = {"num_reviews": len(reviews), "total_reviews": 5000, "total_positive": 5000}
    return json.dumps({"response": {"query_summary": counts, "reviews": reviews, "cursor": "c"}}).encode()


@pytest.mark.parametrize("request_name", ["first_page", "page", "summary_week_filtered"])
@pytest.mark.parametrize(
    "written", [[IN] + [BEFORE] * 99, [IN] * 94 + [END] * 6, [IN] * 3 + [IN - 1] * 2, [BEFORE]], ids=len
)
def test_a_page_with_many_reviews_of_other_weeks_is_refused(written: list[int], request_name: str) -> None:
    """Its counts, which are then not the week's either, are refused with it."""
    with pytest.raises(InvalidResponse, match="the dates were ignored"):
        SOURCE.count(WEEK, request_name, page(written))
    assert SOURCE.count(WEEK, "summary_lifetime_all", page(written)) == {"review_summary": 1}


@pytest.mark.spark
def test_a_single_review_of_another_week_is_quarantined(spark: SparkSession) -> None:
    """A week is from Tuesday 00:00 UTC to the next; a review without a time has a reason of its own."""
    written = [IN, END - 1, END, None, *[IN] * 40, IN - 1]
    rows = classify(SOURCE.tables[0], raw_frame(spark, envelopes(SOURCE, WEEK.key, page(written))[:1])).collect()
    found = {int(row["recommendation_id"]): row["problem"] for row in rows if row["problem"]}
    other = "broken rule: written_in_the_week"
    assert found == {2: other, 3: "no `created_at`", len(written) - 1: other}
