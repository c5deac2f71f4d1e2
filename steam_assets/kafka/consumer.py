"""Reading batches back: exactly the records of a receipt, and which whole batches a topic holds.

Belongs here: reads by offset and what is wrong with what was read. Does not belong here: files (landing.py), sending
batches (producer.py).

Reads are ``read_committed``, by assignment and seek: there is no consumer group whose loss could lose data, and no
``latest``. Every wait is bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from steam_assets.kafka.connection import (
    CONTACT_DEADLINE_SECONDS,
    MAX_MESSAGE_BYTES,
    connection,
    dead_letter_topic_of,
    kafka_loop,
    started,
    stopped,
    topic_of,
    unavailable,
)
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import BadHeaders, RecordHeaders, read_headers
from steam_assets.kafka.topic_reader import Message, RangeGone, TopicReader, topic_reader
from steam_assets.ledger.records import OffsetRange, Receipt
from steam_assets.settings import Settings
from steam_assets.sources.source import Source

_Identity: TypeAlias = tuple[str, str, str]


class LostRecords(Exception):
    """The topic no longer holds, or never held, what a receipt says it holds."""


class Record(NamedTuple):
    """A record of the batch: where it lies, and its envelope; None if it is poison."""

    partition: int
    offset: int
    sequence: int
    envelope: Envelope | None


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that is no envelope: ``value`` is what it holds, None for a tombstone.

    ``of_batch`` says that its headers name the batch being read: it is one of the receipt's records.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    value: bytes | None
    of_batch: bool = False


def ignore_poison(_poison: Poison) -> None:
    """For callers to whom only the envelopes matter."""


def read_batch(
    settings: Settings, receipt: Receipt, on_poison: Callable[[Poison], None] = ignore_poison
) -> Iterator[Record]:
    """The records of one batch, by Kafka partition and offset, the same at each reading.

    What lies between them is skipped if it is another batch's, and given to ``on_poison`` if it is no envelope. The
    SHA-256 of each value is compared with its header's. At the end every sequence number from 0 has been seen once.
    Raises LostRecords, naming what is missing (retention, a topic made anew, changed bytes), and KafkaUnavailable.
    """
    with topic_reader(settings, receipt.topic) as reader:
        if reader.cluster_id != receipt.cluster_id:
            raise LostRecords(
                f"{_of(receipt)} was published to Kafka cluster {receipt.cluster_id}, "
                f"and {settings.kafka_address} is cluster {reader.cluster_id}"
            )
        seen = bytearray(receipt.records)
        for message in _messages(reader, receipt):
            record = _sort(message, receipt, on_poison)
            if record is not None:
                _mark(seen, receipt, record)
                if record.envelope:
                    yield record
    missing = [sequence for sequence, count in enumerate(seen) if not count]
    if missing:
        raise LostRecords(
            f"{_of(receipt)}: {len(missing)} of {receipt.records} records are not in {receipt.topic} "
            f"{_offsets(receipt)}, the first with sequence {missing[0]}; ask the source or the raw backup again"
        )


def _messages(reader: TopicReader, receipt: Receipt) -> Iterator[Message]:
    try:
        for wanted in sorted(receipt.ranges, key=lambda wanted: wanted.partition):
            yield from reader.messages(wanted.partition, wanted.start, wanted.end)
    except RangeGone as error:
        raise LostRecords(
            f"{_of(receipt)} was at {receipt.topic} {_offsets(receipt)} and is lost there: {error}; "
            "ask the source or the raw backup again"
        ) from error


def _sort(message: Message, receipt: Receipt, on_poison: Callable[[Poison], None]) -> Record | None:
    """The message as a record of the batch (without a value if it is poison of the batch), or None."""
    try:
        headers = read_headers(message.headers)
    except BadHeaders as error:
        on_poison(_poison(message, str(error)))
        return None
    if headers.batch_id != receipt.batch_id:
        return None
    if (headers.source, headers.partition_key) != (receipt.source, receipt.partition_key):
        on_poison(_poison(message, f"its batch is {_of(receipt)}'s, and its headers name another partition"))
        return None
    value = message.value or b""
    if headers.sha256 is not None and hashlib.sha256(value).hexdigest() != headers.sha256:
        raise LostRecords(
            f"{_of(receipt)}: the bytes at {message.topic}/{message.partition} offset {message.offset} are not those "
            "that were published (SHA-256 differs)"
        )
    envelope = _decode(value, headers)
    if isinstance(envelope, str):
        on_poison(_poison(message, envelope, of_batch=True))
        return Record(message.partition, message.offset, headers.sequence, None)
    return Record(message.partition, message.offset, headers.sequence, envelope)


def _mark(seen: bytearray, receipt: Receipt, record: Record) -> None:
    sequence = record.sequence
    if sequence >= len(seen) or seen[sequence]:
        raise LostRecords(
            f"{_of(receipt)}: sequence {sequence} at {receipt.topic}/{record.partition} offset {record.offset} "
            f"{'comes twice' if sequence < len(seen) else f'is beyond its {receipt.records} records'}"
        )
    seen[sequence] = 1


def _decode(value: bytes, headers: RecordHeaders) -> Envelope | str:
    """The envelope that the headers announce, or why the value is not it."""
    if b"\n" in value:
        return "a line break within the envelope's line"
    try:
        envelope = Envelope.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"no envelope: {'.'.join(map(str, first['loc']))} {first['msg']}"
    named = (envelope.source, envelope.partition_key, envelope.batch_id, envelope.sequence)
    if named != (headers.source, headers.partition_key, headers.batch_id, headers.sequence):
        return "headers and envelope name different batches"
    return envelope


def _poison(message: Message, reason: str, *, of_batch: bool = False) -> Poison:
    return Poison(message.topic, message.partition, message.offset, reason, message.value, of_batch)


def find_batches(
    settings: Settings,
    source: Source,
    partition_key: str | None = None,
    from_offsets: Mapping[int, int] | None = None,
    on_poison: Callable[[Poison], None] = ignore_poison,
) -> list[Receipt]:
    """The whole batches that the source's topic holds, oldest first: their receipts, made from the headers.

    Batches of which records are missing are left out. ``partition_key`` None is all of them; ``from_offsets`` says
    where to begin in a Kafka partition (default: its beginning). Records without our headers go to ``on_poison``.
    A topic that is not there holds none. Raises KafkaUnavailable.
    """
    found: dict[_Identity, _Batch] = {}
    with topic_reader(settings, topic_of(settings, source)) as reader:
        for message in reader.everything(from_offsets or {}):
            try:
                headers = _headers_of(source, message)
            except BadHeaders as error:
                on_poison(_poison(message, str(error)))
                continue
            if partition_key in (None, headers.partition_key):
                _collect(found, headers, message)
        return [batch.receipt(topic_of(settings, source), reader.cluster_id) for batch in found.values() if batch.whole]


@dataclass(frozen=True)
class TopicScan:
    """What came into a topic: whole batches, those of which records are still missing, and where it ends now.

    ``ends`` are offsets by Kafka partition, at one moment. ``unfinished`` maps a batch id to the time (UTC) of its
    newest record; ``foreign`` counts records without our headers or of another source.
    """

    cluster_id: str
    ends: Mapping[int, int]
    batches: tuple[Receipt, ...] = ()
    unfinished: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    foreign: int = 0


def scan_topic(
    settings: Settings,
    source: Source,
    cluster: str,
    from_offsets: Mapping[int, int],
    on_poison: Callable[[Poison], None] = ignore_poison,
) -> TopicScan:
    """What the source's topic holds from ``from_offsets`` on (default: its beginning) and up to now.

    The offsets count only if they are of ``cluster``, and not beyond the topic's end: else the topic was made anew,
    and all of it is new. Foreign records go to ``on_poison``. Raises KafkaUnavailable; RangeGone if retention deletes
    what is being read.
    """
    topic = topic_of(settings, source)
    found: dict[_Identity, _Batch] = {}
    latest: dict[_Identity, int] = {}
    foreign = 0
    with topic_reader(settings, topic) as reader:
        ends = reader.end_offsets()
        remade = reader.cluster_id != cluster or any(from_offsets.get(part, 0) > end for part, end in ends.items())
        for message in reader.everything({} if remade else from_offsets):
            if message.offset >= ends.get(message.partition, 0):
                continue
            try:
                headers = _headers_of(source, message)
            except BadHeaders as error:
                foreign += 1
                on_poison(_poison(message, str(error)))
                continue
            _collect(found, headers, message)
            batch = _identity(headers)
            latest[batch] = max(message.timestamp, latest.get(batch, 0))
        return TopicScan(
            cluster_id=reader.cluster_id,
            ends=ends,
            batches=tuple(batch.receipt(topic, reader.cluster_id) for batch in found.values() if batch.whole),
            unfinished={
                batch.first.batch_id: datetime.fromtimestamp(latest[identity] / 1000, UTC)
                for identity, batch in found.items()
                if not batch.whole
            },
            foreign=foreign,
        )


def _headers_of(source: Source, message: Message) -> RecordHeaders:
    headers = read_headers(message.headers)
    if headers.source != source.name:
        raise BadHeaders(f"header source is {headers.source!r}")
    return headers


def _identity(headers: RecordHeaders) -> _Identity:
    """What makes a batch one: nobody keeps another producer from using an id for two partitions."""
    return headers.batch_id, headers.source, headers.partition_key


def _collect(found: dict[_Identity, _Batch], headers: RecordHeaders, message: Message) -> None:
    items = headers.items
    if items is None:
        # Of what cannot be decoded the headers still say which batch it is of; without it that would never be whole.
        envelope = _decode(message.value or b"", headers)
        items = {} if isinstance(envelope, str) else envelope.items
    found.setdefault(_identity(headers), _Batch(headers)).add(headers, message.partition, message.offset, items)


@dataclass
class _Batch:
    """A batch as it is put together. Of one that was published twice, the newest publication counts."""

    first: RecordHeaders
    parts: dict[int, _Part] = field(default_factory=dict)

    def add(self, headers: RecordHeaders, partition: int, offset: int, items: Mapping[str, int]) -> None:
        part = self.parts.get(partition)
        if part is None or headers.sequence <= part.last_sequence:
            # A batch's sequence only rises within a Kafka partition: it begins anew where it was published again.
            part = self.parts[partition] = _Part(offset)
        part.add(headers, offset, items)

    @property
    def whole(self) -> bool:
        totals = {part.total for part in self.parts.values()}
        sequences = [sequence for part in self.parts.values() for sequence in part.sequences]
        return totals == {len(sequences)} and len(set(sequences)) == len(sequences) == max(sequences) + 1

    def receipt(self, topic: str, cluster: str) -> Receipt:
        items: dict[str, int] = {}
        for part in self.parts.values():
            for table, count in part.items.items():
                items[table] = items.get(table, 0) + count
        return Receipt(
            source=self.first.source,
            partition_key=self.first.partition_key,
            batch_id=self.first.batch_id,
            cluster_id=cluster,
            topic=topic,
            ranges=tuple(
                OffsetRange(partition=partition, start=part.start, end=part.end)
                for partition, part in sorted(self.parts.items())
            ),
            records=sum(len(part.sequences) for part in self.parts.values()),
            items=items,
        )


@dataclass
class _Part:
    start: int
    end: int = 0
    total: int = 0
    last_sequence: int = -1
    sequences: list[int] = field(default_factory=list)
    items: dict[str, int] = field(default_factory=dict)

    def add(self, headers: RecordHeaders, offset: int, items: Mapping[str, int]) -> None:
        self.end = offset + 1
        self.total = headers.total
        self.last_sequence = headers.sequence
        self.sequences.append(headers.sequence)
        for table, count in items.items():
            self.items[table] = self.items.get(table, 0) + count


def end_offsets(settings: Settings, source: Source) -> dict[int, int]:
    """For each Kafka partition of the source's topic, the offset that the next visible record can have at least.

    Empty if the topic is not there. Raises KafkaUnavailable.
    """
    with topic_reader(settings, topic_of(settings, source)) as reader:
        return reader.end_offsets()


def dead_letter(settings: Settings, source: str, poison: Poison, reason: str | None = None) -> None:
    """Send a poison record to its topic's dead-letter topic, with where it came from and why in the headers.

    ``source`` is the source's name. Sending the same one again is harmless. Raises KafkaUnavailable.
    """
    headers = [
        ("source", source.encode()),
        ("original_topic", poison.topic.encode()),
        ("original_partition", str(poison.partition).encode()),
        ("original_offset", str(poison.offset).encode()),
        ("reason", (reason or poison.reason).encode()),
    ]
    doing = f"sending to {dead_letter_topic_of(poison.topic)}"
    key = f"{poison.partition}:{poison.offset}".encode()

    async def send() -> None:
        # The poison may be as large as the topic lets it be, which is a little more than our own records.
        make = partial(
            AIOKafkaProducer,
            **connection(settings),
            enable_idempotence=True,
            compression_type="zstd",
            max_request_size=MAX_MESSAGE_BYTES,
        )
        producer = await started(settings, make, doing, CONTACT_DEADLINE_SECONDS)
        try:
            await asyncio.wait_for(
                producer.send_and_wait(dead_letter_topic_of(poison.topic), poison.value, key=key, headers=headers),
                CONTACT_DEADLINE_SECONDS,
            )
        except (KafkaError, OSError, TimeoutError) as error:
            raise unavailable(settings, doing, error) from error
        finally:
            await stopped(producer)

    with kafka_loop() as loop:
        loop.run(send())


def _of(receipt: Receipt) -> str:
    return f"batch {receipt.batch_id} of {receipt.source} {receipt.partition_key}"


def _offsets(receipt: Receipt) -> str:
    return ", ".join(f"{part.partition}:[{part.start}, {part.end})" for part in receipt.ranges)
