"""The examples in the docstrings of ``exploded``, ``within`` and ``shaped`` are correct."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from answered import FETCHED, CannedClient, raw_frame
from pyspark.sql import SparkSession

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources.json_body import ITEM_TEXT, count_within, exploded, shaped, within
from steam_assets.sources.source import Column, Fetched, Request, Table
from steam_assets.sources.steam import STEAM_API

PLAYERS = Column("players", "bigint", "Players in the game.", "players")


def games(*columns: Column, rules: Mapping[str, str] | None = None) -> Table:
    return Table("games", "Made up.", columns, ("id",), lambda raw: raw, rules or {})


def envelope(body: bytes) -> Envelope:
    response = CannedClient(lambda _: body).fetch(Request(STEAM_API, "games", "/", {}, len))
    key = f"{FETCHED:%Y-%m-%d}"
    return Envelope.from_response(
        Fetched(response, {"games": 4}), source="games", partition_key=key, batch_id="0" * 32, sequence=0
    )


@pytest.mark.spark
def test_the_examples_of_exploded_and_shaped(spark: SparkSession) -> None:
    """A valid element, one with an unreadable ID, one with a negative count, and one without a count."""
    body = b'{"day": "7", "games": [{"id": "10", "players": 5}, {"id": "x"}, {"id": 12, "players": -5}, {"id": 13}]}'
    entries = exploded(
        raw_frame(spark, [envelope(body)]),
        shape="day string, games array<{item}>",
        array="{whole}.games",
        item="id bigint, players bigint",
        keep={"day": "{whole}.day"},
    )
    good, odd, below, _ = entries.selectExpr("*", f"{ITEM_TEXT} AS item_text").collect()
    assert (good["day"], good["entry"]["id"], good["entry"]["players"], good["problem"]) == ("7", 10, 5, None)
    assert (odd["problem"], odd["item_text"]) == ("`id` is not a whole number", '{"id":"x"}')
    assert below["problem"] is None

    for column, instead, missing in ((PLAYERS, None, None), (replace(PLAYERS, nullable=False), 0, "no `players`")):
        good, _, below, without = shaped(entries, games(column)).collect()
        assert (good["players"], good["changes"]) == (5, [])
        assert below["players"] == instead and "players" in below["changes"][0]
        assert without["problem"] == missing
        assert good["item"] is None
    _, _, _, broken = shaped(entries, games(PLAYERS, rules={"played": "players is not null"})).collect()
    assert (broken["problem"], broken["item"]) == ("broken rule: played", '{"id":13}')


@pytest.mark.spark
def test_the_example_of_within_and_any_other_list_are_counted_alike_in_python(spark: SparkSession) -> None:
    """Covers the example's items, and items and lists of every other JSON type, alone and mixed."""
    odd: list[object] = [None, True, 0, 1.5, "", "x", [], {}, [1], [[]], ["x"], [{}], [{"a": []}], {"a": 1}, [None, 7]]
    items: list[object] = [
        {"id": "10", "tags": [{"tagid": 5}, None]},
        {"id": "11"},
        {"id": "12", "tags": 7},
        *({"id": str(100 + n), "tags": value} for n, value in enumerate(odd)),
        *({"id": str(200 + n), "tags": [{"tagid": value}]} for n, value in enumerate(odd)),
        *({"id": value, "tags": [{"tagid": 1}, {}]} for value in odd),
        *odd,
    ]
    bodies = [json.dumps({"games": listed}).encode() for listed in ([*items], *([item] for item in items))]
    envelopes = [envelope(body).model_copy(update={"sequence": n}) for n, body in enumerate(bodies)]
    item = "id string, tags array<struct<tagid: string>>"
    entries = exploded(raw_frame(spark, envelopes), shape="games array<{item}>", array="{whole}.games", item=item)
    rows = within(entries, "tags").selectExpr("*", f"{ITEM_TEXT} AS item_text").collect()

    example = [row for row in rows if row["sequence"] == 0][:3]
    assert [(row["entry"] and row["entry"]["id"], row["problem"]) for row in example] == [
        ("10", None),
        ("10", "not a JSON object"),
        (example[2]["entry"] and "12", "a field is not of the agreed shape"),
    ]
    assert example[0]["element"]["tagid"] == "5"
    assert all(row["item_text"] for row in rows)
    found = Counter(row["sequence"] for row in rows)
    counted = [count_within(item, "tags") for item in items]
    differing = {
        n: (item, found[n], mine)
        for n, (item, mine) in enumerate(zip(items, counted, strict=True), 1)
        if found[n] != mine
    }
    assert not differing
    assert found[0] == sum(counted)
