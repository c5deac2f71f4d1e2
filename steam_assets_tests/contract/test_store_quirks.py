"""Quirks of the store and of player counts lose no good row, from extraction to cleaning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from answered import raw_frame
from pyspark.sql import Row, SparkSession

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.insights.player_hours import hourly
from steam_assets.kafka.envelope import Envelope
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.catalogue import NOT_SOLD_IN
from steam_assets.simulator.faults import Drift
from steam_assets.sources import source_named
from steam_assets.sources.source import Fetched, FetchRequest
from steam_assets.spark.cleaning import classify

pytestmark = pytest.mark.spark

NOW = datetime(2026, 11, 18, 13, 7, tzinfo=UTC)
PAID, FREE, NOBODY = 413150, 730, 999_999_999
(HIDDEN,) = (app for app, country in NOT_SOLD_IN.items() if country == "US")
SUMMER_TIME_ENDS = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""It is 02:30 in Berlin, and again an hour later."""


@pytest.fixture
def sim(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.faults.clear()
    simulator.clear_now()


def fetched(sim: Simulator, name: str, now: datetime, *apps: int) -> list[Fetched]:
    sim.set_now(now)
    source = source_named(name)
    with HttpClient(served_by(Settings(), sim.url, 500.0), Clock(now)) as client:
        return list(source.extract(client, FetchRequest(source.cadence.containing(now), now, apps)))


def rows(spark: SparkSession, name: str, table: int, *batches: list[Fetched]) -> list[Row]:
    source = source_named(name)
    made = [
        Envelope.from_response(
            one,
            source=name,
            partition_key=source.cadence.containing(one.response.fetched_at).key,
            batch_id=f"{number}" * 32,
            sequence=place,
        )
        for number, batch in enumerate(batches)
        for place, one in enumerate(batch)
    ]
    return classify(source.tables[table], raw_frame(spark, made)).collect()


def test_an_app_that_is_gone_or_hidden_is_a_fact_and_does_not_affect_others(
    spark: SparkSession, sim: Simulator
) -> None:
    batch = fetched(sim, "store_facts", NOW, FREE, PAID, HIDDEN, NOBODY)
    facts = {row["app_id"]: row for row in rows(spark, "store_facts", 0, batch)}
    assert {app: (row["state"], row["in_store"]) for app, row in facts.items()} == {
        FREE: ("clean", True),
        PAID: ("clean", True),
        HIDDEN: ("clean", False),
        NOBODY: ("clean", False),
    }
    assert facts[NOBODY]["name"] is None and facts[HIDDEN]["name"]
    tags = rows(spark, "store_facts", 1, batch)
    assert {row["state"] for row in tags} == {"clean"} and {row["app_id"] for row in tags} <= {FREE, PAID}


@pytest.mark.parametrize(("written", "currency"), [('"5,99€"', "EUR"), ('"¤ 5.99"', None)])
def test_a_price_in_another_currency_has_that_currency(
    spark: SparkSession, sim: Simulator, written: str, currency: str | None
) -> None:
    """If one app's price is in another currency, the row is kept and a euro is not taken for a dollar."""
    sim.faults.add(Drift(path="/IStoreBrowseService", field="formatted_final_price", literal=written))
    prices = rows(spark, "store_facts", 2, fetched(sim, "store_facts", NOW, PAID))
    assert prices and {(row["state"], row["currency"]) for row in prices} == {("clean", currency)}


def test_the_hour_that_local_clocks_show_twice_is_two_samples_of_two_hours(spark: SparkSession, sim: Simulator) -> None:
    moments = (SUMMER_TIME_ENDS, SUMMER_TIME_ENDS + timedelta(hours=1))
    batches = [fetched(sim, "player_samples", moment, NOBODY) for moment in moments]
    found = [row for row in rows(spark, "player_samples", 0, *batches) if row["app_id"] == FREE]
    assert [row["state"] for row in found] == ["clean", "clean"]
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    try:
        frame = spark.createDataFrame(
            [(NOW.date(), FREE, moment, 5) for moment in moments],
            "day date, app_id bigint, sampled_at timestamp, players_now bigint",
        )
        assert sorted((row["hour"], row["samples"]) for row in hourly(frame).collect()) == [(0, 1), (1, 1)]
    finally:
        spark.conf.set("spark.sql.session.timeZone", str(zone))


def test_a_watched_app_that_steam_does_not_know_gives_no_item_and_stops_nothing(sim: Simulator) -> None:
    """It returns HTTP 404; the chart and the other watched apps are kept."""
    batch = fetched(sim, "player_samples", NOW, NOBODY, 2767030, 700330)
    counts = [sum(one.items.values()) for one in batch]
    assert counts[0] == 12
    assert counts[1:].count(0) >= 1
