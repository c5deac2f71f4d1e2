"""Publish a batch atomically: either all of its envelopes become visible in the topic, or none.

Belongs here: the transaction of one batch. Does not belong here: where envelopes come from, reading them back
(consumer.py), topics (connection.py).

The producer is idempotent and transactional. The transactional id is derived from the source's partition, so that a
newer run of the same partition fences an older one that is still alive. Records are packed into Kafka protocol batches
here, which is much cheaper than sending them one by one and returns each batch's offset.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from steam_assets.failpoints import failpoint
from steam_assets.kafka.batch_digest import BatchDigest
from steam_assets.kafka.connection import (
    CLOSE_DEADLINE_SECONDS,
    CONTACT_DEADLINE_SECONDS,
    MAX_RECORD_BYTES,
    KafkaLoop,
    KafkaUnavailable,
    administration,
    cluster_id_of,
    connection,
    kafka_loop,
    started,
    stopped,
    topic_of,
    unavailable,
)
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter, key_of
from steam_assets.ledger.records import OffsetRange, Receipt
from steam_assets.settings import Settings
from steam_assets.sources.source import Source

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_VALUE_BYTES = MAX_RECORD_BYTES - 16 * 1024
"""The rest is reserved for the headers."""
BATCH_BYTES = 512 * 1024
UNACKNOWLEDGED_BATCHES = 16
"""Batches (8 MiB in total, or as many large records) in flight at most; this limits memory."""
HAND_OVER_RECORDS = 256
HAND_OVER_BYTES = 4 * 1024 * 1024
SHORTEST_TRANSACTION_SECONDS = 30
LONGEST_TRANSACTION_SECONDS = 900
"""Kafka's own default limit (transaction.max.timeout.ms)."""
RECORDS_PER_SECOND_AT_WORST = 200


class PublishFailed(Exception):
    """The batch is not visible in the topic and never will be."""


class RecordTooLarge(PublishFailed):
    """An envelope exceeds the maximum record size."""


class WrongBatch(PublishFailed):
    """The envelopes do not match the announced batch: wrong number, gap in the sequence, or another batch's."""


class CommitUnanswered(Exception):
    """Kafka stopped responding during the commit: the batch is visible either completely or not at all."""


class Fenced(PublishFailed):
    """A newer run publishes the same partition; this run's batch was aborted."""


class TransactionExpired(PublishFailed):
    """Kafka aborted the transaction because it was open too long: this process was paused."""


KafkaRecord = tuple[bytes, bytes, list[tuple[str, bytes | None]]]
"""Key, value, headers."""


@dataclass
class _Sent:
    """Where the batch's records were stored, per Kafka partition: first and last offset + 1."""

    ranges: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, partition: int, first: int, count: int) -> None:
        known = self.ranges.get(partition)
        self.ranges[partition] = (known[0] if known else first, first + count)


def publish(
    settings: Settings,
    source: Source,
    envelopes: Iterable[Envelope],
    *,
    total: int,
    batch_id: str,
    partition_key: str,
    deadline: float = CONTACT_DEADLINE_SECONDS,
) -> Receipt:
    """Publish ``total`` envelopes, whose sequence counts from 0, as one batch; return the receipt.

    The caller vouches for the envelopes' counts: a batch landed by this receipt is not counted again.
    Envelopes are streamed and never all held in memory. ``deadline`` is how long Kafka may make no progress, in
    seconds. If the machine sleeps for longer than a transaction may take, the batch is published once more, unless
    ``envelopes`` is an iterator, which cannot be restarted. Raises RecordTooLarge, WrongBatch, Fenced,
    TransactionExpired, PublishFailed, KafkaUnavailable: then nothing of the batch is visible, and neither after an
    error raised by ``envelopes``. Raises CommitUnanswered if Kafka stops responding during the commit: then the batch
    is visible completely or not at all, and find_batches() shows which.
    """
    named = {"total": total, "batch_id": batch_id, "partition_key": partition_key, "deadline": deadline}
    attempt = partial(_publish, settings, source, envelopes, **named)
    try:
        return attempt()
    except TransactionExpired as expired:
        if isinstance(envelopes, Iterator):
            raise
        log.warning("%s Publishing the batch once more.", expired)
        return attempt()


def _publish(
    settings: Settings,
    source: Source,
    envelopes: Iterable[Envelope],
    *,
    total: int,
    batch_id: str,
    partition_key: str,
    deadline: float,
) -> Receipt:
    writer = HeaderWriter(source=source.name, partition_key=partition_key, batch_id=batch_id, total=total)
    items, digest = dict[str, int](), BatchDigest()
    topic = topic_of(settings, source)
    with kafka_loop() as loop:
        batch = _Transaction(settings, topic, f"{topic}.{partition_key}", total, deadline)
        cluster = loop.run(batch.begin())
        try:
            _send_all(loop, batch, _records(envelopes, writer, items, digest))
            loop.run(batch.commit())
        except BaseException as error:
            loop.run(batch.abandon())
            # A process that slept hits its own deadline before it receives Kafka's rejection.
            if isinstance(error, KafkaUnavailable) and batch.expired:
                raise batch.expiry() from error
            raise
        failpoint("publish:after_commit")
        loop.run(batch.close())
    return Receipt(
        source=source.name,
        partition_key=partition_key,
        batch_id=batch_id,
        cluster_id=cluster,
        topic=topic,
        ranges=tuple(
            OffsetRange(partition=partition, start=start, end=end)
            for partition, (start, end) in sorted(batch.sent.ranges.items())
        ),
        records=total,
        items=items,
        digest=str(digest),
    )


def _send_all(loop: KafkaLoop, batch: _Transaction, records: Iterator[KafkaRecord]) -> None:
    failpoint("publish:before_send")
    in_flight: Future[None] | None = None
    try:
        while chunk := _next_chunk(records):
            # One chunk is compressed and sent while the next is encoded.
            if in_flight is not None:
                loop.result(in_flight)
            in_flight = loop.submit(batch.send(chunk))
        if in_flight is not None:
            loop.result(in_flight)
    except BaseException:
        if in_flight is not None:
            in_flight.cancel()
        raise
    loop.run(batch.flush())
    failpoint("publish:after_send")


def _next_chunk(records: Iterator[KafkaRecord]) -> list[KafkaRecord]:
    chunk, size = list[KafkaRecord](), 0
    for record in islice(records, HAND_OVER_RECORDS):
        chunk.append(record)
        size += len(record[1])
        if size >= HAND_OVER_BYTES:
            break
    return chunk


def _records(
    envelopes: Iterable[Envelope], batch: HeaderWriter, items: dict[str, int], digest: BatchDigest
) -> Iterator[KafkaRecord]:
    """Convert the envelopes to records and validate them; adds to ``items`` and ``digest``."""
    count, total = 0, batch.total
    for envelope in envelopes:
        if not batch.announces(envelope, count):
            raise WrongBatch(
                f"envelope {count} of {total} is {envelope.source} {envelope.partition_key} {envelope.batch_id} "
                f"sequence {envelope.sequence}, but batch {batch} was announced. Nothing was published."
            )
        count += 1
        value = envelope.to_bytes()
        if len(value) > MAX_VALUE_BYTES:
            raise RecordTooLarge(
                f"envelope {envelope.sequence} ({envelope.request}, app {envelope.app_id}) has {len(value)} bytes, "
                f"but a record may have {MAX_VALUE_BYTES}; nothing was published. Request smaller pages."
            )
        for table, number in envelope.items.items():
            items[table] = items.get(table, 0) + number
        sha256 = hashlib.sha256(value)
        digest.add(sha256.digest())
        yield key_of(envelope), value, batch.headers(envelope, sha256.hexdigest())
    if count != total:
        raise WrongBatch(f"{total} envelopes were announced, but {count} were given; nothing was published")


class _Transaction:
    """The transaction of one batch, within the event loop."""

    def __init__(self, settings: Settings, topic: str, transactional_id: str, total: int, deadline: float) -> None:
        self.sent = _Sent()
        self._settings = settings
        self._topic = topic
        self._transactional_id = transactional_id
        self._timeout = min(
            SHORTEST_TRANSACTION_SECONDS + total // RECORDS_PER_SECOND_AT_WORST, LONGEST_TRANSACTION_SECONDS
        )
        self._deadline = deadline
        self._doing = f"publishing to {topic}"
        self._open: dict[int, BatchBuilder] = {}
        self._waiting: deque[tuple[int, int, asyncio.Future[RecordMetadata]]] = deque()
        self._partitions: list[int] = []
        self._partition_of = DefaultPartitioner()
        self._producer: AIOKafkaProducer | None = None
        self._begun = time.time()

    @property
    def expired(self) -> bool:
        """Whether the transaction has been open for longer than Kafka allows."""
        # By the wall clock, like Kafka: the monotonic clock stops while a laptop sleeps.
        return time.time() - self._begun > self._timeout

    def expiry(self) -> TransactionExpired:
        return TransactionExpired(
            f"this process paused for longer than transaction.timeout.ms ({self._timeout} s), as when a laptop sleeps, "
            f"or another run publishes the same partition ({self._transactional_id}); nothing of this batch is "
            "visible. Run it again, after that other run if there is one."
        )

    async def begin(self) -> str:
        """Connect, fence older runs and open the transaction; return the cluster id."""
        until = time.monotonic() + self._deadline
        async with administration(self._settings, self._doing, self._deadline) as client:
            cluster = await cluster_id_of(client)
        self._producer = await started(
            self._settings, self._make_producer, self._doing, max(1.0, until - time.monotonic())
        )
        try:
            known = await self._guarded(self._producer.partitions_for(self._topic))
            self._partitions = sorted(known)
            await self._guarded(self._producer.begin_transaction())
            self._begun = time.time()
        except BaseException:
            await self.close()
            raise
        return cluster

    def _make_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **connection(self._settings),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=self._timeout * 1000,
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
        )

    @property
    def _client(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("call begin() first")
        return self._producer

    async def send(self, records: list[KafkaRecord]) -> None:
        for key, value, headers in records:
            partition = self._partition_of(key, self._partitions, self._partitions)
            builder = self._open.get(partition)
            if builder is None or builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                if builder is not None:
                    await self._hand_over(partition)
                builder = self._open[partition] = self._client.create_batch()
                builder.append(timestamp=None, key=key, value=value, headers=headers)

    async def flush(self) -> None:
        """Wait until Kafka has acknowledged every record, so that all offsets are known."""
        for partition in list(self._open):
            await self._hand_over(partition)
        await self._drain()

    async def _drain(self) -> None:
        while self._waiting:
            await self._acknowledged()

    async def commit(self) -> None:
        try:
            await self._guarded(self._client.commit_transaction())
        except KafkaUnavailable as error:
            raise CommitUnanswered(
                f"{error}. The batch was being committed: find_batches() shows whether {self._topic} has it."
            ) from error

    async def abandon(self) -> None:
        """Abort, if possible. If not, the transaction times out; it stays invisible either way."""
        for *_, delivery in self._waiting:
            delivery.cancel()
        # AssertionError: by aiokafka's own state the transaction cannot be aborted (fenced, or being committed).
        with suppress(KafkaError, OSError, TimeoutError, AssertionError):
            await asyncio.wait_for(self._client.abort_transaction(), min(self._deadline, CLOSE_DEADLINE_SECONDS))
        await self.close()

    async def close(self) -> None:
        if self._producer is not None:
            await stopped(self._producer)

    async def _hand_over(self, partition: int) -> None:
        while len(self._waiting) >= UNACKNOWLEDGED_BATCHES:
            await self._acknowledged()
        builder = self._open.pop(partition)
        count = builder.record_count()
        try:
            delivery = await self._guarded(self._client.send_batch(builder, self._topic, partition=partition))
        except IllegalOperation:
            # The transaction ended with a failure, which the records sent before it report.
            await self._drain()
            raise
        # If the batch is aborted, nothing may await this future, and asyncio warns about unretrieved exceptions.
        delivery.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.append((partition, count, delivery))

    async def _acknowledged(self) -> None:
        partition, count, delivery = self._waiting[0]
        stored = await self._guarded(asyncio.shield(delivery))
        self._waiting.popleft()
        if stored.offset < 0:
            raise PublishFailed(f"Kafka returned no offset for the records sent to {self._topic}/{partition}")
        self.sent.add(partition, stored.offset, count)

    async def _guarded(self, step: Awaitable[T]) -> T:
        """The result of a protocol step, with its failures as our own exceptions."""
        try:
            return await asyncio.wait_for(step, self._deadline)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            if self.expired:
                raise self.expiry() from error
            raise Fenced(
                f"another run publishes the same partition ({self._transactional_id}); nothing of this batch is "
                "visible. Let the other run finish."
            ) from error
        except (TimeoutError, KafkaConnectionError, OSError) as error:
            raise unavailable(self._settings, self._doing, error) from error
        except MessageSizeTooLargeError as error:
            raise RecordTooLarge(
                f"Kafka rejects a record as too large; raise max.message.bytes of {self._topic}. Nothing was published"
            ) from error
        except KafkaError as error:
            if self.expired:
                raise self.expiry() from error
            raise PublishFailed(f"{self._doing} failed ({error!r}); nothing of this batch is visible") from error
