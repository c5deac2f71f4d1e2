"""Batches through a real broker: all or nothing, identical on each read, and never lost silently."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from kafka_batches import ITEMS, KEY, as_found, envelopes, envelopes_of, new_batch_id, new_source, publish_new, read_all

from steam_assets.kafka.connection import (
    KafkaUnavailable,
    TopicUnusable,
    connection,
    dead_letter_topic_of,
    ensure_topics,
    topic_of,
)
from steam_assets.kafka.consumer import LostRecords, end_offsets, find_batches
from steam_assets.kafka.dead_letters import Poison, dead_letter
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter
from steam_assets.kafka.producer import Fenced, RecordTooLarge, WrongBatch, publish
from steam_assets.kafka.topic_reader import topic_reader
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.sources.source import Source

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Settings:
    return Settings.model_validate({"kafka_bootstrap_servers": broker.address})


@pytest.fixture
def source(settings: Settings) -> Source:
    made = new_source()
    ensure_topics(settings, made)
    return made


def administer(settings: Settings, what: str, *arguments: Any) -> Any:
    async def ask() -> Any:
        client = AIOKafkaAdminClient(**connection(settings))
        await client.start()
        try:
            return await getattr(client, what)(*arguments)
        finally:
            await client.close()

    return asyncio.run(ask())


def send_foreign(
    settings: Settings, topic: str, value: bytes | None, headers: list[tuple[str, bytes]], partition: int = 0
) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(**connection(settings))
        await producer.start()
        await producer.send_and_wait(topic, value, key=b"k", headers=headers, partition=partition)
        await producer.stop()

    asyncio.run(send())


def test_a_thousand_envelopes_of_all_sizes_come_back_byte_for_byte(settings: Settings, source: Source) -> None:
    sizes = [(n * 37) % 4000 for n in range(998)] + [200_000, 5_000_000]
    receipt, sent = publish_new(settings, source, sizes)
    records, poisons = read_all(settings, receipt)
    assert envelopes_of(records) == sent
    assert not poisons
    assert receipt.records == 1000
    assert receipt.items == {"clean": 2000, "summary": 1000}
    assert [(record.partition, record.offset) for record in records] == sorted(
        (record.partition, record.offset) for record in records
    )


def test_reading_again_gives_the_same_records_in_the_same_order(settings: Settings, source: Source) -> None:
    receipt, _ = publish_new(settings, source, [100] * 50)
    assert read_all(settings, receipt) == read_all(settings, receipt)


def test_a_topic_rebuilds_the_receipts_of_its_batches(settings: Settings, source: Source) -> None:
    first, _ = publish_new(settings, source, [100] * 20)
    second, _ = publish_new(settings, source, [100] * 30, partition_key="2026-11-04")
    assert find_batches(settings, source) == as_found(first, second)
    assert find_batches(settings, source, ["2026-11-04"]) == as_found(second)
    after_first = {part.partition: part.end for part in first.ranges}
    assert find_batches(settings, source, from_offsets=after_first) == as_found(second)
    assert find_batches(settings, source, from_offsets=end_offsets(settings, source)) == []


def test_a_batch_published_again_under_its_own_id_is_found_once(settings: Settings, source: Source) -> None:
    batch_id = new_batch_id()
    receipts = [
        publish(
            settings,
            source,
            envelopes(source, batch_id, [50] * 40),
            total=40,
            batch_id=batch_id,
            partition_key=KEY,
        )
        for _ in range(2)
    ]
    assert find_batches(settings, source) == as_found(receipts[1])
    assert len(read_all(settings, receipts[0])[0]) == len(read_all(settings, receipts[1])[0]) == 40


def fail(envelope: Envelope) -> list[Envelope]:
    raise OSError("spool unreadable")


FAULTS: dict[str, Callable[[Envelope], list[Envelope]]] = {
    "source fails": fail,
    "too large": lambda envelope: [envelope.model_copy(update={"body": "x" * (33 * 1024 * 1024)})],
    "twice": lambda envelope: [envelope, envelope],
    "gap": lambda envelope: [],
    "other partition": lambda envelope: [envelope.model_copy(update={"partition_key": "2026-11-04"})],
}


@pytest.mark.parametrize(("fault", "total"), [*((fault, 600) for fault in FAULTS), ("", 601), ("", 599)])
def test_a_batch_that_fails_leaves_nothing_visible(settings: Settings, source: Source, fault: str, total: int) -> None:
    batch_id = new_batch_id()

    def faulty() -> Iterator[Envelope]:
        # Many messages have been sent before the fault.
        for envelope in envelopes(source, batch_id, [3000] * 600):
            yield from FAULTS[fault](envelope) if fault and envelope.sequence == 500 else [envelope]

    with pytest.raises((OSError, RecordTooLarge, WrongBatch)):
        publish(settings, source, faulty(), total=total, batch_id=batch_id, partition_key=KEY)
    assert find_batches(settings, source) == []
    # No transaction stays open: the next batch is readable at once.
    receipt, sent = publish_new(settings, source, [100] * 10)
    assert len(read_all(settings, receipt)[0]) == len(sent)


def test_a_newer_run_of_the_same_partition_fences_the_older(settings: Settings, source: Source) -> None:
    newer: list[Any] = []
    old_id = new_batch_id()

    def overtaken() -> Iterator[Envelope]:
        for envelope in envelopes(source, old_id, [3000] * 1500):
            if envelope.sequence == 1000:
                newer.append(publish_new(settings, source, [10] * 5)[0])
            yield envelope

    with pytest.raises(Fenced, match="another run"):
        publish(settings, source, overtaken(), total=1500, batch_id=old_id, partition_key=KEY)
    assert find_batches(settings, source) == as_found(*newer)


def test_batches_published_at_once_from_threads_do_not_mix(settings: Settings, source: Source) -> None:
    keys = [f"2026-11-{day:02}" for day in range(1, 7)]
    with ThreadPoolExecutor(3) as pool:
        published = list(pool.map(lambda key: publish_new(settings, source, [500] * 200, partition_key=key), keys))
    for receipt, sent in published:
        records, poisons = read_all(settings, receipt)
        assert envelopes_of(records) == sent
        assert not poisons


def test_publishing_works_within_a_running_event_loop(settings: Settings, source: Source) -> None:
    async def notebook() -> int:
        receipt, _ = publish_new(settings, source, [10] * 3)
        return len(read_all(settings, receipt)[0])

    assert asyncio.run(notebook()) == 3


def test_poison_between_our_records_is_reported_and_the_batch_still_whole(settings: Settings, source: Source) -> None:
    first, _ = publish_new(settings, source, [10] * 60)
    payload = b"__import__('os').system('true')"
    send_foreign(settings, topic_of(settings, source), payload, [])
    send_foreign(settings, topic_of(settings, source), None, [("source", b"\xff")])
    second, _ = publish_new(settings, source, [10] * 60)
    spanning = second.model_copy(
        update={
            "ranges": tuple(
                part.model_copy(update={"start": start.start})
                for part, start in zip(second.ranges, first.ranges, strict=True)
            )
        }
    )
    records, poisons = read_all(settings, spanning)
    assert len(records) == 60
    assert [(poison.value, poison.of_batch) for poison in poisons] == [(payload, False), (None, False)]
    assert "source" in poisons[0].reason
    found: list[Poison] = []
    assert find_batches(settings, source, on_poison=found.append) == as_found(first, second)
    assert found == poisons


def test_a_foreign_batch_with_our_headers_is_found_and_its_bad_value_set_aside(
    settings: Settings, source: Source
) -> None:
    batch_id = new_batch_id()
    values = [envelope.to_bytes() for envelope in envelopes(source, batch_id, [10] * 3)]
    values[1] = b'{"schema_version": 99}'
    for sequence, value in enumerate(values):
        headers = {"source": source.name, "partition_key": KEY, "batch_id": batch_id}
        numbers = {"sequence": str(sequence), "total": "3", "items": json.dumps(ITEMS)}
        send_foreign(
            settings,
            topic_of(settings, source),
            value,
            [(name, text.encode()) for name, text in (headers | numbers).items()],
        )
    (receipt,) = find_batches(settings, source)
    records, poisons = read_all(settings, receipt)
    assert [record.sequence for record in records] == [0, 2]
    assert [(poison.value, poison.of_batch) for poison in poisons] == [(values[1], True)]


def test_a_dead_letter_says_where_it_came_from(settings: Settings, source: Source) -> None:
    dead_letter(settings, source.name, Poison(topic_of(settings, source), 1, 17, "not an envelope", b"junk"))
    with topic_reader(settings, dead_letter_topic_of(topic_of(settings, source))) as reader:
        (message,) = reader.everything({})
    assert message.value == b"junk"
    assert dict(message.headers) == {
        "source": source.name.encode(),
        "original_topic": topic_of(settings, source).encode(),
        "original_partition": b"1",
        "original_offset": b"17",
        "reason": b"not an envelope",
    }


def test_records_deleted_by_retention_are_loss_that_names_topic_and_partition(
    settings: Settings, source: Source
) -> None:
    receipt, _ = publish_new(settings, source, [10] * 30)
    part = receipt.ranges[0]
    at = TopicPartition(topic_of(settings, source), part.partition)
    administer(settings, "delete_records", {at: RecordsToDelete(before_offset=part.end)})
    with pytest.raises(LostRecords) as caught:
        read_all(settings, receipt)
    for named in (topic_of(settings, source), KEY, f"begins at offset {part.end}", "retention"):
        assert named in str(caught.value)
    assert find_batches(settings, source) == []


def test_a_topic_that_was_recreated_is_reported_as_loss(settings: Settings, source: Source) -> None:
    receipt, _ = publish_new(settings, source, [10] * 30)
    administer(settings, "delete_topics", [topic_of(settings, source)])
    with pytest.raises(LostRecords, match="has no partition"):
        read_all(settings, receipt)
    ensure_topics(settings, source)
    with pytest.raises(LostRecords, match="re-created"):
        read_all(settings, receipt)


def test_a_topic_that_was_recreated_and_refilled_is_reported_as_loss(settings: Settings, source: Source) -> None:
    receipt, _ = publish_new(settings, source, [10] * 30)
    administer(settings, "delete_topics", [topic_of(settings, source)])
    ensure_topics(settings, source)
    publish_new(settings, source, [10] * 30)
    with pytest.raises(LostRecords, match="30 of 30 records are not in"):
        read_all(settings, receipt)


def test_other_records_of_the_same_name_at_the_same_offsets_are_reported_as_loss(
    settings: Settings, source: Source
) -> None:
    """Each is intact by its own headers, and only the receipt tells that the batch is another."""
    batch_id = new_batch_id()
    named = {"total": 30, "batch_id": batch_id, "partition_key": KEY}
    receipt = publish(settings, source, envelopes(source, batch_id, [10] * 30), **named)
    administer(settings, "delete_topics", [topic_of(settings, source)])
    ensure_topics(settings, source)
    other = publish(settings, source, envelopes(source, batch_id, [*[10] * 29, 11]), **named)
    assert as_found(other) == as_found(receipt)
    with pytest.raises(LostRecords, match="not those that were published"):
        read_all(settings, receipt)


def test_a_receipt_of_another_cluster_is_reported_as_loss(settings: Settings, source: Source) -> None:
    receipt, _ = publish_new(settings, source, [10] * 3)
    with pytest.raises(LostRecords, match="cluster elsewhere"):
        read_all(settings, receipt.model_copy(update={"cluster_id": "elsewhere"}))


def test_a_topic_that_would_lose_records_is_refused(settings: Settings) -> None:
    source = new_source()
    compacted = NewTopic(
        topic_of(settings, source), 1, 1, topic_configs={"cleanup.policy": "compact", "retention.ms": "1000"}
    )
    administer(settings, "create_topics", [compacted])
    with pytest.raises(TopicUnusable, match=r"cleanup.policy is compact.*retention.ms is 1000"):
        ensure_topics(settings, source)


def test_a_topic_grows_with_the_setting(settings: Settings, source: Source) -> None:
    ensure_topics(settings.model_copy(update={"kafka_topic_partitions": 5}), source)
    assert set(end_offsets(settings, source)) == {0, 1, 2, 3, 4}


def test_a_missing_broker_is_reported_within_the_deadline(tmp_path: Path) -> None:
    nobody = Settings.model_validate({"embedded_kafka_port": free_port(), "kafka_bootstrap_servers": ""})
    source = new_source()
    with pytest.raises(KafkaUnavailable, match="STEAM_EMBEDDED_KAFKA_PORT"):
        publish(nobody, source, iter(()), total=0, batch_id=new_batch_id(), partition_key=KEY, deadline=2)


@pytest.mark.parametrize(
    "order",
    [[0, 1, 2, 3, 4, 5, 3, 4, 5], [0, 1, 2, 0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2, 3, 4, 5], [0, 3, 4, 5, 1, 2]],
    ids=["the last ones", "the first ones", "the last ones first", "in another order"],
)
def test_records_that_a_producer_sent_twice_are_read_once(settings: Settings, source: Source, order: list[int]) -> None:
    """A producer without idempotence sends a request again if its acknowledgement was lost."""
    sent = list(envelopes(source, new_batch_id(), [50 + n for n in range(6)]))
    send_in_order(settings, source, sent, order)
    (receipt,) = find_batches(settings, source)
    records, poisons = read_all(settings, receipt)
    assert (receipt.records, receipt.items) == (6, {name: 6 * n for name, n in ITEMS.items()})
    assert sorted((one for one in envelopes_of(records) if one), key=lambda one: one.sequence) == sent
    assert not poisons


def test_a_record_sent_again_with_another_content_makes_the_batch_incomplete(
    settings: Settings, source: Source
) -> None:
    """It may be a new publication of the batch, which has not arrived completely."""
    sent = list(envelopes(source, new_batch_id(), [50, 60, 70]))
    other = list(envelopes(source, sent[0].batch_id, [51, 61, 71]))
    send_in_order(settings, source, [*sent, *other], [0, 1, 2, 4, 5])
    assert find_batches(settings, source) == []
    send_in_order(settings, source, [*sent, *other], [3, 4, 5])
    (receipt,) = find_batches(settings, source)
    assert envelopes_of(read_all(settings, receipt)[0]) == other


def send_in_order(settings: Settings, source: Source, envelopes: list[Envelope], order: list[int]) -> None:
    """Send envelopes of a batch to one Kafka partition, as a producer without transactions."""
    first = envelopes[0]
    total = 1 + max(one.sequence for one in envelopes)
    writer = HeaderWriter(source=source.name, partition_key=KEY, batch_id=first.batch_id, total=total)

    async def send() -> None:
        async with AIOKafkaProducer(**connection(settings)) as producer:
            for value, one in ((envelopes[place].to_bytes(), envelopes[place]) for place in order):
                headers: Any = writer.headers(one, hashlib.sha256(value).hexdigest())
                await producer.send_and_wait(topic_of(settings, source), value, partition=0, headers=headers)

    asyncio.run(send())
