"""Malformed responses in parsing and cleaning: none is fatal, and no item is lost."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.ingestion.landing import envelope_row
from steam_assets.kafka.envelope import Envelope
from steam_assets.ledger.records import CleanRecord
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES
from steam_assets.sources.source import FetchRequest, Source
from steam_assets_tests.contract.answered import FETCHED, SMALL, envelopes, numbered
from steam_assets_tests.deployment import Deployment
from steam_assets_tests.lake.raw_landing import batch_id, land_rows
from steam_assets_tests.soak.conftest import Soak
from steam_assets_tests.soak.malformed_bodies import malformed

WHOLE, SHORT = 10_000, 40
ANSWERS = 3


def answers_of(source: Source, simulator: Simulator) -> dict[str, list[bytes]]:
    """The simulator's response bodies to a source's first requests, by request name."""
    window, options = source.cadence.newest(FETCHED), source.options.model_validate(SMALL)
    found: dict[str, list[bytes]] = {}
    with HttpClient(served_by(Settings(), simulator.url, 500.0), Clock(FETCHED)) as client:
        for answer in islice(source.extract(client, FetchRequest(window, FETCHED, (730,), options)), ANSWERS):
            found.setdefault(answer.response.request.name, []).append(answer.response.body)
    return found


def extracted(source: Source, good: dict[str, list[bytes]], number: int, seeded: int) -> list[Envelope]:
    """The envelopes of ``number`` extractions with one malformed response each, except those that it ended."""
    batches: list[list[Envelope]] = []
    key = source.cadence.newest(FETCHED).key
    plain = {name: bodies[0] for name, bodies in good.items()}

    @seed(seeded)
    @settings(max_examples=number, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
    @given(choice=st.sampled_from(list(good)).flatmap(lambda name: st.tuples(st.just(name), malformed(good[name]))))
    def extract(choice: tuple[str, bytes]) -> None:
        name, body = choice
        batches.append(envelopes(source, key, body, others=plain | {name: body}))

    extract()
    return [one.model_copy(update={"batch_id": batch_id(1)}) for one in numbered(batches)]


@pytest.mark.slow
@pytest.mark.spark
def test_no_malformed_body_is_fatal_and_no_item_is_lost(
    soak: Soak, deployment: Deployment, simulator: Simulator
) -> None:
    """In CI, only one source is tested."""
    sources = SOURCES if soak.is_long else soak.random.sample(SOURCES, 1)
    bodies = soak.number(WHOLE, SHORT) // len(sources) + 1
    items = clean = quarantined = duplicates = 0
    deployment.at(FETCHED)
    for source in soak.each("sources of malformed bodies", sources):
        key = source.cadence.newest(FETCHED).key
        made = extracted(source, answers_of(source, simulator), bodies, soak.seed)
        land_rows(deployment.lake, source, key, [envelope_row(one, None, None, None) for one in made], number=1)
        deployment.run(source, key, stages=(Stage.CLEAN,))
        for table in source.tables:
            record = deployment.lake.clean(table).record(CleanRecord, key)
            assert record is not None
            assert record.clean + record.quarantined + record.duplicates == record.items
            assert record.items == sum(envelope.items.get(table.name, 0) for envelope in made)
            items, clean = items + record.items, clean + record.clean
            quarantined, duplicates = quarantined + record.quarantined, duplicates + record.duplicates
    assert items
    soak.found(
        "Malformed bodies through parsing and cleaning",
        f"{bodies * len(sources):,} bodies with {items:,} items: {clean:,} clean, {quarantined:,} quarantined, "
        f"{duplicates:,} duplicates, none lost; no run failed",
    )
