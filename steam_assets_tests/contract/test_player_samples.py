"""Players through the day: a sample's requests, its rows, and two samples of the same count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from answered import FETCHED, CannedClient, raw_frame
from pyspark.sql import SparkSession

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import source_named
from steam_assets.sources.source import Fetched, FetchRequest, NotYet, Rejected, Request
from steam_assets.spark.cleaning import classify

SOURCE = source_named("player_samples")
KEY = "2026-11-23"
MIDNIGHT = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
APPS = {10: 77, 20: None}
"""Watched apps not on the chart: players, or None if Steam does not know the app."""


def sample(counted: int, *watched: int) -> list[Fetched]:
    """A sample of a chart of three games, counted at that second of the day."""

    def answer(request: Request[Any]) -> bytes:
        if request.name == "app":
            players = APPS[int(request.params["appid"])]
            known: dict[str, int] = {"result": 42} if players is None else {"player_count": players, "result": 1}
            return json.dumps({"response": known}).encode()
        assert "data_request" not in json.loads(request.params["input_json"]), "a sample needs no names"
        ranks = [
            {"rank": n, "appid": 100 * n, "concurrent_in_game": 9 - n, "peak_in_game": 20 - n} for n in range(1, 4)
        ]
        return json.dumps({"response": {"last_update": MIDNIGHT + counted, "ranks": ranks}}).encode()

    return list(SOURCE.extract(CannedClient(answer), FetchRequest(SOURCE.cadence.window(KEY), FETCHED, watched)))


def test_a_watched_app_is_requested_unless_it_is_charted() -> None:
    """One that Steam does not know has neither an item nor a problem."""
    chart, known, unknown = sample(60, 100, 10, 300, 20)
    assert [one.response.request.app_id for one in (chart, known, unknown)] == [None, 10, 20]
    assert [one.items[SOURCE.name] for one in (chart, known, unknown)] == [3, 1, 0]
    assert not any(isinstance(one.response, Rejected) for one in (chart, known, unknown))


def test_yesterdays_count_is_never_todays_sample() -> None:
    """Just after midnight Steam still returns yesterday's count, so the request is repeated a little later."""
    with pytest.raises(NotYet, match="from before 2026-11-23 began"):
        sample(-120)


@pytest.mark.spark
def test_two_samples_of_the_same_count_are_one_and_each_hour_has_its_own(spark: SparkSession) -> None:
    """Two samples within Steam's five minutes, and one an hour later.

    A watched app has the time of its own response.
    """
    batches = [sample(600, 10), sample(600), sample(4200)]
    made = [
        Envelope.from_response(one, source=SOURCE.name, partition_key=KEY, batch_id=f"{number}" * 32, sequence=n)
        for number, batch in enumerate(batches)
        for n, one in enumerate(batch)
    ]
    rows = classify(SOURCE.tables[0], raw_frame(spark, made)).collect()
    assert sorted(row["state"] for row in rows) == ["clean"] * 7 + ["duplicate"] * 3
    clean = [row for row in rows if row["state"] == "clean"]
    assert {row["rank"] for row in clean if row["app_id"] == 100} == {1}
    assert len({row["sampled_at"] for row in clean if row["app_id"] == 100}) == 2
    (watched,) = [row for row in clean if row["app_id"] == 10]
    assert (watched["players_now"], watched["rank"], watched["players_peak"]) == (77, None, None)
    assert watched["sampled_at"] == watched["fetched_at"]
