"""Read one topic's committed records by offset, with bounded waits.

Belongs here: assignment, seeking, detecting the end of a range, distinguishing lost records from late ones, passing
over damaged ones. Does not belong here: what records mean (consumer.py), where damage ends (damage.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from steam_assets.kafka.connection import (
    CONTACT_DEADLINE_SECONDS,
    RETRY_PAUSE_SECONDS,
    KafkaLoop,
    KafkaUnavailable,
    administration,
    cluster_id_of,
    connection,
    kafka_loop,
    started,
    stopped,
    unavailable,
)
from steam_assets.kafka.damage import (
    FETCH_WAIT_MS,
    ONE_BATCH_BYTES,
    BatchInspector,
    Damaged,
    DamagedRange,
    is_damage,
)
from steam_assets.settings import Settings

T = TypeVar("T")
Message: TypeAlias = "ConsumerRecord[bytes, bytes]"

log = logging.getLogger(__name__)

POLL_MS = 200

FETCH_BYTES = 4 * 1024 * 1024
"""Compressed bytes to fetch from a Kafka partition at a time; a larger record is still returned whole."""
SHORT_TOPIC_SECONDS = 3.0
"""How long a topic may appear to end before the range does; a new leader learns its end with a delay."""
HELD_UP_SECONDS = 2.0
"""How long the reader pauses behind an open transaction before it fetches again."""
OPEN_TRANSACTION_SECONDS = 960.0
"""How long another producer's open transaction may block us; Kafka aborts each after at most 900 s."""


class RangeGone(Exception):
    """Offsets are not in the topic: deleted by retention, or from before the topic was re-created."""


class _Fetched(NamedTuple):
    """Records, the next position, and whether an open transaction blocked the last fetch."""

    batch: list[Message]
    position: int
    held_up: bool


class TopicReader:
    """A consumer of one topic. ``cluster_id`` is its cluster's; ``partitions`` is empty if the topic does not exist.

    ``messages`` and ``everything`` yield aiokafka's ConsumerRecord, only committed ones, by partition and offset. They
    pass over damaged records, after reporting their range to ``on_damage``.
    """

    def __init__(
        self, settings: Settings, loop: KafkaLoop, topic: str, on_damage: Callable[[DamagedRange], None]
    ) -> None:
        self._on_damage = on_damage
        self._settings = settings
        self._loop = loop
        self._topic = topic
        self._doing = f"reading {topic}"
        self._consumer: AIOKafkaConsumer | None = None
        self._by_batch: AIOKafkaConsumer | None = None
        self._client: AIOKafkaClient | None = None
        self._suspected: set[tuple[TopicPartition, int]] = set()
        self.cluster_id, self.partitions = self._run(self._describe())

    async def _describe(self) -> tuple[str, list[int]]:
        async with administration(self._settings, self._doing) as client:
            while True:
                (topic,) = await client.describe_topics([self._topic])
                if topic["error_code"] in (NoError.errno, UnknownTopicOrPartitionError.errno):
                    break
                # A leader is being elected.
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            return await cluster_id_of(client), sorted(part["partition"] for part in topic["partitions"])

    def messages(self, partition: int, start: int, end: int) -> Iterator[Message]:
        """The records at offsets ``[start, end)`` of a partition. Raises RangeGone, KafkaUnavailable."""
        if partition not in self.partitions:
            raise RangeGone(f"{self._topic} has no partition {partition}")
        at, by_batch_until = TopicPartition(self._topic, partition), start
        while start < end:
            # A fetch of several batches fails as a whole if one is damaged, so those before it are fetched singly.
            one_batch = start < by_batch_until
            stop = by_batch_until if one_batch else end
            try:
                yield from self._intact(at, start, stop, one_batch=one_batch)
                start = stop
            except Damaged as damage:
                start = damage.offset
                by_batch_until = self._damaged_from(at, start, stop)
                if by_batch_until == start:
                    start = self._pass_over(at, start, stop)

    def _intact(self, at: TopicPartition, start: int, end: int, *, one_batch: bool) -> Iterator[Message]:
        """The records of a range, up to damage. Raises Damaged, with the offset of the first record not yielded."""
        consumer = self._run(self._assign(at, start, one_batch=one_batch))
        progress = time.monotonic()
        upcoming = self._begin_fetch(consumer, at, start)
        try:
            while True:
                batch, position, held_up = self._end_fetch(upcoming, at, start)
                if start <= position < end:
                    # The next records are decoded while the caller is busy with these.
                    upcoming = self._begin_fetch(consumer, at, position)
                for message in batch:
                    self._check_gap(at, start, min(message.offset, end))
                    if message.offset >= end:
                        return
                    yield message
                    start = message.offset + 1
                if not start <= position < end:
                    self._check_gap(at, start, end)
                    return
                start = position
                if batch:
                    progress = time.monotonic()
                else:
                    self._check_silence(consumer, at, start, end, time.monotonic() - progress, held_up)
        finally:
            upcoming.cancel()

    def _check_gap(self, at: TopicPartition, start: int, end: int) -> None:
        """Raise Damaged if records of a range were skipped without a valid reason.

        The client skips transaction markers (one offset each), aborted batches and, silently, batches whose offset or
        size has changed.
        """
        if end > start + 1 and self._inspect(at, lambda one: one.damaged_from(start, end)) < end:
            raise Damaged(start)

    def _damaged_from(self, at: TopicPartition, offset: int, end: int) -> int:
        """The offset where damage begins; an offset suspected twice is damaged, whatever its bytes look like."""
        if (at, offset) in self._suspected:
            return offset
        self._suspected.add((at, offset))
        return self._inspect(at, lambda one: one.damaged_from(offset, end))

    def _pass_over(self, at: TopicPartition, start: int, end: int) -> int:
        """Report a damaged range; return its end."""
        intact = self._inspect(at, lambda one: one.intact_after(start, end))
        self._on_damage(DamagedRange(at.topic, at.partition, start, intact))
        return intact

    def _inspect(self, at: TopicPartition, ask: Callable[[BatchInspector], Coroutine[object, None, T]]) -> T:
        async def inspected() -> T:
            if self._client is None:
                self._client = AIOKafkaClient(**connection(self._settings))
                await self._client.bootstrap()
            return await ask(BatchInspector(self._client, at))

        return self._result(self._loop.submit(inspected()))

    def everything(self, from_offsets: Mapping[int, int]) -> Iterator[Message]:
        """All records from ``from_offsets`` (default: the beginning) to the current end, by partition."""
        ends = self.end_offsets()
        begins = self._run(self._offsets("beginning_offsets")) if ends else {}
        for partition, end in ends.items():
            # Offsets below the beginning are gone; callers that need to know that compare the offsets themselves.
            start = max(from_offsets.get(partition, 0), begins[partition])
            if start < end:
                yield from self.messages(partition, start, end)

    def end_offsets(self) -> dict[int, int]:
        """For each partition, the end of what is visible (the last stable offset)."""
        return self._run(self._offsets("end_offsets")) if self.partitions else {}

    def close(self) -> None:
        for consumer in (self._consumer, self._by_batch):
            if consumer is not None:
                self._loop.run(stopped(consumer))
        if self._client is not None:
            self._loop.run(self._client.close())

    async def _offsets(self, which: str) -> dict[int, int]:
        consumer = await self._connected()
        found = await getattr(consumer, which)([TopicPartition(self._topic, part) for part in self.partitions])
        return {at.partition: offset for at, offset in sorted(found.items())}

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._started(FETCH_BYTES)
        return self._consumer

    async def _batch_consumer(self) -> AIOKafkaConsumer:
        if self._by_batch is None:
            self._by_batch = await self._started(ONE_BATCH_BYTES)
        return self._by_batch

    async def _started(self, fetch_bytes: int) -> AIOKafkaConsumer:
        make = partial(
            AIOKafkaConsumer,
            **connection(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            group_id=None,
            max_partition_fetch_bytes=fetch_bytes,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        return await started(self._settings, make, self._doing, CONTACT_DEADLINE_SECONDS)

    async def _assign(self, at: TopicPartition, start: int, *, one_batch: bool) -> AIOKafkaConsumer:
        consumer = await (self._batch_consumer() if one_batch else self._connected())
        consumer.assign([at])
        consumer.seek(at, start)
        return consumer

    def _begin_fetch(self, consumer: AIOKafkaConsumer, at: TopicPartition, start: int) -> Future[_Fetched]:
        async def fetch() -> _Fetched:
            try:
                batch = (await consumer.getmany(at, timeout_ms=POLL_MS)).get(at, [])
            except Exception as error:
                if not is_damage(error):
                    raise
                position = await consumer.position(at)
                # What was skipped before the damage, such as a marker, need not be read again.
                if isinstance(error, RecordTooLargeError) or position <= start:
                    raise Damaged(start) from error
                return _Fetched([], position, False)
            position = await consumer.position(at)
            held_up = not batch and _ends_before(consumer, at, position)
            if held_up:
                await _keep_still(consumer, at, position)
            return _Fetched(batch, position, held_up)

        return self._loop.submit(asyncio.wait_for(fetch(), 2 * CONTACT_DEADLINE_SECONDS))

    def _end_fetch(self, upcoming: Future[_Fetched], at: TopicPartition, start: int) -> _Fetched:
        try:
            return self._result(upcoming)
        except OffsetOutOfRangeError as error:
            begin = self._run(self._offsets("beginning_offsets"))[at.partition]
            raise RangeGone(
                f"{at.topic}/{at.partition} begins at offset {begin}, but offset {start} was requested: "
                + ("retention has deleted it" if begin > start else "the topic was re-created")
            ) from error

    def _check_silence(
        self, consumer: AIOKafkaConsumer, at: TopicPartition, position: int, end: int, silent: float, held_up: bool
    ) -> None:
        """Raise if a range has been silent too long. Open transactions are given more time."""
        if silent < SHORT_TOPIC_SECONDS:
            return
        high = consumer.highwater(at)
        polled = consumer.last_poll_timestamp(at)
        fresh = polled is not None and time.time() * 1000 - polled < SHORT_TOPIC_SECONDS * 1000
        if fresh and high is not None and high < end:
            raise RangeGone(f"{at.topic}/{at.partition} ends at offset {high}, before {end}: the topic was re-created")
        if (at, position) not in self._suspected:
            with suppress(KafkaUnavailable):
                if not self._inspect(at, lambda one: one.is_intact(position)):
                    raise Damaged(position)
        held_up = held_up or (fresh and _ends_before(consumer, at, end))
        if silent > (OPEN_TRANSACTION_SECONDS if held_up else CONTACT_DEADLINE_SECONDS):
            raise unavailable(self._settings, self._doing)

    def _run(self, work: Coroutine[object, None, T]) -> T:
        return self._result(self._loop.submit(asyncio.wait_for(work, 2 * CONTACT_DEADLINE_SECONDS)))

    def _result(self, future: Future[T]) -> T:
        try:
            return self._loop.result(future)
        except OffsetOutOfRangeError:
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            raise unavailable(self._settings, self._doing, error) from error


async def _keep_still(consumer: AIOKafkaConsumer, at: TopicPartition, position: int) -> None:
    """Wait briefly for the transaction before ``position`` to end. Raises KafkaError if Kafka does not respond.

    A fetch behind it returns immediately without records, so polling would use a full core in reader and broker.
    """
    deadline = time.monotonic() + HELD_UP_SECONDS
    consumer.pause(at)
    try:
        while time.monotonic() < deadline and (await consumer.end_offsets([at]))[at] < position:
            await asyncio.sleep(POLL_MS / 1000)
    finally:
        consumer.resume(at)


def _ends_before(consumer: AIOKafkaConsumer, at: TopicPartition, offset: int) -> bool:
    """Whether, as of the last fetch, an open transaction hides the records before ``offset``."""
    stable = consumer.last_stable_offset(at)
    return stable is not None and stable < offset


def log_damage(damage: DamagedRange) -> None:
    log.info("%s is damaged; its records are skipped", damage)


@contextmanager
def topic_reader(
    settings: Settings, topic: str, on_damage: Callable[[DamagedRange], None] = log_damage
) -> Generator[TopicReader]:
    """A reader of ``topic``, closed on exit. Raises KafkaUnavailable."""
    with kafka_loop() as loop:
        reader = TopicReader(settings, loop, topic, on_damage)
        try:
            yield reader
        finally:
            reader.close()
