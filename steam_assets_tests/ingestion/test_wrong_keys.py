"""Messages under a wrong key: one batch ID for two partitions, and responses that cannot belong to their partition."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from steam_assets.ingestion.landing import WrongPeriod, land
from steam_assets.kafka.connection import ensure_topics
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.producer import publish
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets_tests.kafka.kafka_batches import KEY, envelopes, new_batch_id, new_source, publish_new

pytestmark = pytest.mark.kafka

NEXT_DAY = "2026-11-04"
NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, broker: EmbeddedBroker) -> Settings:
    return Settings(home=tmp_path, kafka_bootstrap_servers=broker.address)


def test_one_batch_id_for_two_partitions_is_two_batches(settings: Settings) -> None:
    """A producer that reuses an ID does not move one day's messages to another day."""
    source, batch_id = new_source(), new_batch_id()
    ensure_topics(settings, source)
    for key in (KEY, NEXT_DAY):
        sent = envelopes(source, batch_id, [100] * 4, partition_key=key)
        publish(settings, source, sent, total=4, batch_id=batch_id, partition_key=key)
    found = {receipt.partition_key: receipt for receipt in find_batches(settings, source)}
    assert set(found) == {KEY, NEXT_DAY}
    assert all(receipt.records == 4 for receipt in found.values())
    assert land(Lake(settings), source, found[KEY], NOW).batch.landed == 4


def test_a_live_response_of_another_day_is_not_landed(settings: Settings) -> None:
    """Fetched on the 3rd, published under the 4th: there is an error message and no ledger record."""
    source = new_source()
    ensure_topics(settings, source)
    receipt, _ = publish_new(settings, source, [100], partition_key=NEXT_DAY)
    lake = Lake(settings)
    with pytest.raises(WrongPeriod, match="fetched at 2026-11-03"):
        land(lake, source, receipt, NOW)
    assert lake.raw(source).record(RawRecord, NEXT_DAY) is None
