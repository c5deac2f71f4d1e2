r"""Characters written as escapes (``\u00e9``) are read; those that no text can have are replaced, and that is noted."""

from __future__ import annotations

import json

import pytest
from answered import envelopes, numbered, raw_frame
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steam_assets.sources import source_named
from steam_assets.sources.escapes import REPLACED

pytestmark = pytest.mark.spark

SENT = {
    "plain é 😀": ("plain é 😀", False),
    r"caf\u00e9": ("café", False),
    r"\ud83d\ude00 \uD83D\uDE00": ("😀 😀", False),
    r"half \ud83d": ("half \ufffd", True),
    r"half \uDE00": ("half \ufffd", True),
    r"nothing \u0000": ("nothing \ufffd", True),
    r"sent \ufffd": ("sent \ufffd", True),
    r"sent \uFFFD": ("sent \ufffd", True),
    "sent \ufffd": ("sent \ufffd", True),
    r"typed \\ud83d \\ufffd \\u0000": (r"typed \ud83d \ufffd \u0000", False),
}
"""Texts as sent, as cleaned, and whether it is noted that a character is missing."""

REVIEW = {
    "recommendationid": "1",
    "author": {"steamid": "76561198079303540"},
    "review": "TEXT",
    "timestamp_created": 1733632819,
    "timestamp_updated": 1733632819,
}
PAGE = json.dumps({"response": {"query_summary": {"num_reviews": 1}, "reviews": [REVIEW], "cursor": "*"}})


def test_characters_that_were_not_sent_are_replaced_and_noted(spark: SparkSession) -> None:
    """With what landing noted about each body, and without it: the note only saves time."""
    source = source_named("reviews")
    bodies = [PAGE.replace("TEXT", sent).encode() for sent in SENT]
    raw = raw_frame(spark, numbered([envelopes(source, "2024-12-03", body)[:1] for body in bodies]))
    assert [row["plain"] for row in raw.orderBy("sequence").collect()] == [True] * 2 + [False] * 8
    for frame in (raw, raw.withColumn("plain", F.lit(None).cast("boolean"))):
        found = source.tables[0].items(frame).orderBy("sequence").collect()
        assert [(row["text"], REPLACED in row["changes"]) for row in found] == list(SENT.values())
