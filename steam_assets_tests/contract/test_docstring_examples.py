"""The examples in the docstrings of ``exploded`` and ``shaped`` are true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answered import FETCHED, CannedClient, raw_frame
from pyspark.sql import SparkSession

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources.json_body import exploded, shaped
from steam_assets.sources.source import Column, Fetched, Request
from steam_assets.sources.steam import STEAM_API

PLAYERS = Column("players", "bigint", "Players in the game.", "players")


@pytest.mark.spark
def test_the_examples_of_exploded_and_shaped(spark: SparkSession) -> None:
    """A good element, one whose id cannot be read, a count below zero, and one without a count."""
    body = b'{"day": "7", "games": [{"id": "10", "players": 5}, {"id": "x"}, {"id": 12, "players": -5}, {"id": 13}]}'
    response = CannedClient(lambda _: body).fetch(Request(STEAM_API, "games", "/", {}, len))
    envelope = Envelope.from_response(
        Fetched(response, {"games": 4}),
        source="games",
        partition_key=f"{FETCHED:%Y-%m-%d}",
        batch_id="0" * 32,
        sequence=0,
    )
    entries = exploded(
        raw_frame(spark, [envelope]),
        shape="day string, games array<{item}>",
        array="{whole}.games",
        item="id bigint, players bigint",
        keep={"day": "{whole}.day"},
    )
    good, odd, below, _ = entries.collect()
    assert (good["day"], good["entry"]["id"], good["entry"]["players"], good["problem"]) == ("7", 10, 5, None)
    assert (odd["problem"], odd["item"]) == ("`id` is not a whole number", '{"id":"x"}')
    assert below["problem"] is None

    for column, instead, missing in ((PLAYERS, None, None), (replace(PLAYERS, nullable=False), 0, "no `players`")):
        good, _, below, without = shaped(entries, [column], {"players": "entry.players"}).collect()
        assert (good["players"], good["changes"]) == (5, [])
        assert below["players"] == instead and "players" in below["changes"][0]
        assert without["problem"] == missing
