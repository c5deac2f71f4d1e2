"""A damaged message in Kafka's log is distinguished from an unavailable broker, and costs only its own batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import pytest
from kafka_batches import as_found, new_source, publish_new, read_all
from segment_files import PLACES, StoredBatch, damage, segment, stored_batches

from steam_assets.kafka.connection import CONTACT_DEADLINE_SECONDS, KafkaUnavailable, ensure_topics, topic_of
from steam_assets.kafka.consumer import LostRecords, find_batches, scan_topic
from steam_assets.kafka.damage import DamagedRange
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.topic_reader import SHORT_TOPIC_SECONDS, topic_reader
from steam_assets.ledger.records import Receipt
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.sources.source import Source
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.waiting import in_time

pytestmark = [pytest.mark.fault, pytest.mark.kafka]

MARKER = 1
"""The offset taken by a transaction's end marker."""
DAYS = ["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "2026-11-07"]


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Settings:
    return Settings.model_validate({"kafka_bootstrap_servers": broker.address, "kafka_topic_partitions": 1})


def published(settings: Settings, source: Source) -> Mapping[str, Receipt]:
    """One batch per day."""
    ensure_topics(settings, source)
    return {day: publish_new(settings, source, [300] * 40, partition_key=day)[0] for day in DAYS}


def holding(broker: EmbeddedBroker, settings: Settings, source: Source, receipt: Receipt) -> StoredBatch:
    """The broker's record batch of a small published batch."""
    (part,) = receipt.ranges
    found = stored_batches(segment(broker.folder, topic_of(settings, source)))
    (stored,) = [batch for batch in found if (batch.start, batch.end) == (part.start, part.end)]
    return stored


@pytest.mark.parametrize("place", rest_nightly(PLACES))
def test_damage_anywhere_in_a_batch_loses_only_that_batch(
    broker: EmbeddedBroker, settings: Settings, place: str
) -> None:
    """The other batches are read and the damaged offsets are named, faster than the timeout for a broker."""
    source = new_source()
    receipts = published(settings, source)
    bad = receipts[DAYS[2]]
    stored = holding(broker, settings, source, bad)
    offset, flipped = PLACES[place]
    damage(segment(broker.folder, topic_of(settings, source)), stored.place + offset, flipped)
    began = time.monotonic()
    scan = scan_topic(settings, source, "", {})
    spent = time.monotonic() - began
    intact = [receipt for day, receipt in receipts.items() if day != DAYS[2]]
    assert in_time(spent, CONTACT_DEADLINE_SECONDS)
    if not scan.damaged:
        assert place == "format", "the client ignores this byte and reads the messages unchanged"
        assert list(scan.batches) == as_found(*receipts.values())
        return
    assert list(scan.batches) == as_found(*intact)
    (found,) = scan.damaged
    assert stored.start <= found.start < found.end <= stored.end + MARKER
    assert find_batches(settings, source, DAYS[3]) == as_found(receipts[DAYS[3]])
    with pytest.raises(LostRecords, match="damaged at") as lost:
        read_all(settings, bad)
    assert f"damaged at {found.topic}/{found.partition} offsets" in str(lost.value)


def test_an_unreachable_broker_is_not_reported_as_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message that may still exist is skipped."""
    monkeypatch.setattr("steam_assets.kafka.topic_reader.CONTACT_DEADLINE_SECONDS", 2 * SHORT_TOPIC_SECONDS)
    source = new_source()
    damaged: list[DamagedRange] = []
    with EmbeddedBroker(tmp_path, free_port()) as own:
        settings = Settings.model_validate({"kafka_bootstrap_servers": own.address, "kafka_topic_partitions": 1})
        receipts = published(settings, source)
        with topic_reader(settings, topic_of(settings, source), damaged.append) as reader:
            messages = reader.everything({})
            first = next(messages)
            own.kill()
            with pytest.raises(KafkaUnavailable, match="did not respond"):
                # Fetched messages are still returned; then the broker is missing.
                deque(chain([first], messages, reader.everything({})), maxlen=0)
        assert damaged == []
        own.start()
        assert find_batches(settings, source) == as_found(*receipts.values())


def test_damage_between_large_batches_loses_only_the_damaged_ones(broker: EmbeddedBroker, settings: Settings) -> None:
    """A batch spans many Kafka record batches. With two damaged, those before, between and after are read in order."""
    source = new_source()
    ensure_topics(settings, source)
    receipt, sent = publish_new(settings, source, [120_000] * 60)
    path = segment(broker.folder, topic_of(settings, source))
    stored = [*stored_batches(path)]
    assert len(stored) > 4
    for bad in (stored[1], stored[3]):
        damage(path, bad.place + bad.size // 2, 1)
    damaged: list[DamagedRange] = []
    with topic_reader(settings, receipt.topic, damaged.append) as reader:
        read = [message.offset for message in reader.everything({})]
    lost = {offset for one in damaged for offset in range(one.start, one.end)}
    truly = {offset for bad in (stored[1], stored[3]) for offset in range(bad.start, bad.end)}
    assert truly <= lost
    assert read == [offset for offset in range(len(sent)) if offset not in lost]
