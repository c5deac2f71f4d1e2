"""What a run fetched and could not publish is published by the next run, also if it can no longer be fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steam_assets.extraction.extract import extract
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.spool import Spool
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import Origin, RawResolver, Resolved, held, spool_folder
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest, Source
from steam_assets_tests.deployment import Deployment, deployment_in

pytestmark = pytest.mark.kafka

DAY = "2026-11-17"
NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)
NEXT_DAY = NOON + timedelta(days=1)
FACTS, SAMPLES = source_named("store_facts"), source_named("player_samples")
APPS = (730, 570, 440)


@pytest.fixture
def deployment(tmp_path: Path, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Deployment]:
    yield deployment_in(tmp_path, None, simulator, broker.address)
    simulator.clear_now()


def spooled(deployment: Deployment, source: Source, moment: datetime, apps: Sequence[int] = ()) -> Spool:
    """What a run leaves that fetched the day's partition at that moment and lost Kafka before it could publish."""
    deployment.at(moment)
    options = deployment.settings.options_of(source)
    fetch_request = FetchRequest(source.cadence.window(DAY), moment, apps, options)
    with HttpClient(deployment.settings, deployment.clock) as client:
        return extract(source, fetch_request, client, spool_folder(deployment.settings))


def resolve(deployment: Deployment, source: Source, moment: datetime, apps: Sequence[int] = ()) -> Resolved:
    deployment.at(moment)
    resolved = RawResolver(deployment.lake, deployment.clock).resolve_raw(source, DAY, lambda: apps)
    for receipt in resolved.receipts:
        landed = land(deployment.lake, source, receipt, moment)
        commit_batch(deployment.lake.raw(source), DAY, landed.batch, landed.files)
    return resolved


def ids(resolved: Resolved) -> list[str]:
    return [receipt.batch_id for receipt in resolved.receipts]


def test_apps_fetched_on_their_day_are_published_after_it(deployment: Deployment) -> None:
    """The next day's charts list other apps, and the service no longer has that day: nothing is requested."""
    spool = spooled(deployment, FACTS, NOON, APPS)
    assert held(deployment.lake, [FACTS]) == {FACTS.name: {DAY}}, "a schedule that missed the day requests it"
    asked = len(deployment.simulator.requests)
    late = resolve(deployment, FACTS, NEXT_DAY, (10,))
    assert (late.origin, ids(late)) == (Origin.SOURCE, [spool.batch_id])
    assert late.receipts[0].items == spool.items
    assert len(deployment.simulator.requests) == asked
    assert resolve(deployment, FACTS, NEXT_DAY) == Resolved(Origin.PRESENT)


def test_a_spooled_sample_is_published_before_the_one_now_due(deployment: Deployment) -> None:
    spool = spooled(deployment, SAMPLES, NOON)
    both = resolve(deployment, SAMPLES, NOON + timedelta(hours=1))
    assert len(both.receipts) == 2
    assert ids(both)[0] == spool.batch_id


def test_the_last_sample_of_a_day_is_published_after_it(deployment: Deployment) -> None:
    """The day already has a sample, so nothing else would show that one is missing."""
    resolve(deployment, SAMPLES, NOON)
    spool = spooled(deployment, SAMPLES, NOON + timedelta(hours=11))
    asked = len(deployment.simulator.requests)
    assert ids(resolve(deployment, SAMPLES, NEXT_DAY)) == [spool.batch_id]
    assert resolve(deployment, SAMPLES, NEXT_DAY) == Resolved(Origin.PRESENT)
    assert len(deployment.simulator.requests) == asked
