"""Read batches back: exactly the records of a receipt, or the complete batches that a topic holds.

Belongs here: reads by offset, validation of the records. Does not belong here: files (landing.py), sending batches
(producer.py).

Reads are ``read_committed``, by assignment and seek: no consumer group whose loss could lose data, and no ``latest``.
Every wait is bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from pydantic import ValidationError

from steam_assets.kafka.batch_digest import BatchDigest
from steam_assets.kafka.connection import topic_of
from steam_assets.kafka.damage import DamagedRange
from steam_assets.kafka.dead_letters import Poison, ignore_poison
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import BadHeaders, RecordHeaders, read_headers
from steam_assets.kafka.topic_reader import Message, RangeGone, TopicReader, topic_reader
from steam_assets.ledger.records import OffsetRange, Receipt
from steam_assets.settings import Settings
from steam_assets.sources.json_body import LAST_SECOND
from steam_assets.sources.source import Source

_Identity: TypeAlias = tuple[str, str, str]


class LostRecords(Exception):
    """The topic does not hold what a receipt states, or no longer does."""


class Record(NamedTuple):
    """A record of the batch: where it is, its envelope, which is None for poison, and its value."""

    topic: str
    partition: int
    offset: int
    sequence: int
    envelope: Envelope | None
    value: bytes
    sha256: bytes

    def spoiled(self, reason: str) -> Poison:
        """The record as poison of its batch."""
        return Poison(self.topic, self.partition, self.offset, reason, self.value, of_batch=True)


def read_batch(
    settings: Settings, receipt: Receipt, on_poison: Callable[[Poison], None] = ignore_poison
) -> Iterator[Record]:
    """Read the records of one batch, by Kafka partition and offset, the same on each read.

    Records between them are skipped if they belong to another batch, and passed to ``on_poison`` if they are not valid
    envelopes. The SHA-256 of each value is compared with its header, and every sequence number from 0 must occur once;
    at the end all values are compared with the receipt's digest, if it has one.
    Raises LostRecords, naming what is missing (retention, re-created topic, changed bytes, damaged ranges), and
    KafkaUnavailable.
    """
    damaged: list[DamagedRange] = []
    with topic_reader(settings, receipt.topic, damaged.append) as reader:
        if reader.cluster_id != receipt.cluster_id:
            raise LostRecords(
                f"{_of(receipt)} was published to Kafka cluster {receipt.cluster_id}, "
                f"but {settings.kafka_address} is cluster {reader.cluster_id}"
            )
        seen, digest = bytearray(receipt.records), BatchDigest()
        for message in _messages(reader, receipt):
            record = _classify(message, receipt, on_poison)
            if record is not None:
                _mark(seen, receipt, record)
                digest.add(record.sha256)
                if record.envelope:
                    yield record
    missing = [sequence for sequence, count in enumerate(seen) if not count]
    if missing:
        cause = f"; Kafka's log is damaged at {', '.join(map(str, damaged))}" if damaged else ""
        raise LostRecords(
            f"{_of(receipt)}: {len(missing)} of {receipt.records} records are not in {receipt.topic} "
            f"{_offsets(receipt)}, the first with sequence {missing[0]}{cause}; fetch it again or restore the raw "
            "backup"
        )
    if receipt.digest not in (None, str(digest)):
        raise LostRecords(
            f"{_of(receipt)}: the records in {receipt.topic} {_offsets(receipt)} are not those that were published; "
            "fetch it again or restore the raw backup"
        )


def _messages(reader: TopicReader, receipt: Receipt) -> Iterator[Message]:
    try:
        for wanted in sorted(receipt.ranges, key=lambda wanted: wanted.partition):
            yield from reader.messages(wanted.partition, wanted.start, wanted.end)
    except RangeGone as error:
        raise LostRecords(
            f"{_of(receipt)} was at {receipt.topic} {_offsets(receipt)} and is lost: {error}; "
            "fetch it again or restore the raw backup"
        ) from error


def _classify(message: Message, receipt: Receipt, on_poison: Callable[[Poison], None]) -> Record | None:
    """The message as a record of the batch (without an envelope if it is poison of the batch), or None."""
    try:
        headers = read_headers(message.headers)
    except BadHeaders as error:
        on_poison(_poison(message, str(error)))
        return None
    if headers.batch_id != receipt.batch_id:
        return None
    if (headers.source, headers.partition_key) != (receipt.source, receipt.partition_key):
        on_poison(_poison(message, f"it has the batch id of {_of(receipt)}, but its headers name another partition"))
        return None
    value = message.value or b""
    sha256 = hashlib.sha256(value)
    if headers.sha256 not in (None, sha256.hexdigest()):
        raise LostRecords(
            f"{_of(receipt)}: the bytes at {message.topic}/{message.partition} offset {message.offset} differ from "
            "those published (SHA-256 mismatch)"
        )
    envelope = _decode(value, headers)
    if isinstance(envelope, str):
        on_poison(_poison(message, envelope, of_batch=True))
        envelope = None
    return Record(message.topic, message.partition, message.offset, headers.sequence, envelope, value, sha256.digest())


def _mark(seen: bytearray, receipt: Receipt, record: Record) -> None:
    sequence = record.sequence
    if sequence >= len(seen) or seen[sequence]:
        raise LostRecords(
            f"{_of(receipt)}: sequence {sequence} at {receipt.topic}/{record.partition} offset {record.offset} "
            f"{'occurs twice' if sequence < len(seen) else f'is beyond its {receipt.records} records'}"
        )
    seen[sequence] = 1


def _decode(value: bytes, headers: RecordHeaders) -> Envelope | str:
    """The envelope that the headers announce, or the reason why the value is not that envelope."""
    if b"\n" in value:
        return "a line break within the envelope's line"
    try:
        envelope = Envelope.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"not an envelope: {'.'.join(map(str, first['loc']))} {first['msg']}"
    named = (envelope.source, envelope.partition_key, envelope.batch_id, envelope.sequence)
    if named != (headers.source, headers.partition_key, headers.batch_id, headers.sequence):
        return "headers and envelope name different batches"
    if headers.items not in (None, envelope.items):
        return f"its header counts the items {dict(headers.items or {})}, its envelope {envelope.items}"
    return envelope


def _poison(message: Message, reason: str, *, of_batch: bool = False) -> Poison:
    return Poison(message.topic, message.partition, message.offset, reason, message.value, of_batch)


def find_batches(
    settings: Settings,
    source: Source,
    partition_keys: Collection[str] | None = None,
    from_offsets: Mapping[int, int] | None = None,
    on_poison: Callable[[Poison], None] = ignore_poison,
) -> list[Receipt]:
    """The complete batches in the source's topic, oldest first, as receipts built from the headers.

    Incomplete batches are left out, also for damaged records. ``partition_keys`` None means all partitions;
    ``from_offsets`` is where to start in each Kafka partition (default: its beginning). Records without our headers
    are passed to ``on_poison``. Returns an empty list if the topic does not exist. Raises KafkaUnavailable.
    """
    found: dict[_Identity, _Batch] = {}
    with topic_reader(settings, topic_of(settings, source)) as reader:
        for message in reader.everything(from_offsets or {}):
            try:
                headers = _headers_of(source, message)
            except BadHeaders as error:
                on_poison(_poison(message, str(error)))
                continue
            if partition_keys is None or headers.partition_key in partition_keys:
                _collect(found, headers, message)
        return [batch.receipt(topic_of(settings, source), reader.cluster_id) for batch in found.values() if batch.whole]


@dataclass(frozen=True)
class TopicScan:
    """New content of a topic: complete and incomplete batches, and the current end.

    ``ends`` are offsets by Kafka partition, read at one time. ``unfinished`` maps a batch id to the time (UTC) of its
    newest record, as the topic has it. ``damaged`` are ranges that were skipped: their records are lost.
    """

    cluster_id: str
    ends: Mapping[int, int]
    batches: tuple[Receipt, ...] = ()
    unfinished: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    damaged: tuple[DamagedRange, ...] = ()


def scan_topic(
    settings: Settings,
    source: Source,
    cluster: str,
    from_offsets: Mapping[int, int],
    on_poison: Callable[[Poison], None] = ignore_poison,
) -> TopicScan:
    """Scan the source's topic from ``from_offsets`` (default: its beginning) to its current end.

    The offsets are used only if the cluster id is ``cluster`` and they are within the topic; otherwise the topic was
    re-created, and all of it is new. Foreign records are passed to ``on_poison``. Raises KafkaUnavailable; RangeGone if
    retention deletes records during the scan.
    """
    topic = topic_of(settings, source)
    found: dict[_Identity, _Batch] = {}
    latest: dict[_Identity, int] = {}
    damaged: list[DamagedRange] = []
    with topic_reader(settings, topic, damaged.append) as reader:
        ends = reader.end_offsets()
        remade = reader.cluster_id != cluster or any(from_offsets.get(part, 0) > end for part, end in ends.items())
        for message in reader.everything({} if remade else from_offsets):
            if message.offset >= ends.get(message.partition, 0):
                continue
            try:
                headers = _headers_of(source, message)
            except BadHeaders as error:
                on_poison(_poison(message, str(error)))
                continue
            _collect(found, headers, message)
            batch = _identity(headers)
            latest[batch] = max(message.timestamp, latest.get(batch, 0))
        return TopicScan(
            cluster_id=reader.cluster_id,
            ends=ends,
            batches=tuple(batch.receipt(topic, reader.cluster_id) for batch in found.values() if batch.whole),
            damaged=tuple(damaged),
            unfinished={
                batch.first.batch_id: _moment(latest[identity]) for identity, batch in found.items() if not batch.whole
            },
        )


def _moment(milliseconds: int) -> datetime:
    """A record's time; a producer may send any time, if the topic accepts times from producers."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), LAST_SECOND * 1000) / 1000, UTC)


def _headers_of(source: Source, message: Message) -> RecordHeaders:
    headers = read_headers(message.headers)
    if headers.source != source.name:
        raise BadHeaders(f"header source is {headers.source!r}")
    return headers


def _identity(headers: RecordHeaders) -> _Identity:
    """The identity of a batch; the id alone is not enough, as another producer may reuse it for two partitions."""
    return headers.batch_id, headers.source, headers.partition_key


def _collect(found: dict[_Identity, _Batch], headers: RecordHeaders, message: Message) -> None:
    items = headers.items
    if items is None:
        # The headers of an undecodable record still name its batch, which would never be complete without it.
        envelope = _decode(message.value or b"", headers)
        items = {} if isinstance(envelope, str) else envelope.items
    found.setdefault(_identity(headers), _Batch(headers)).add(headers, message.partition, message.offset, items)


@dataclass
class _Batch:
    """A batch being assembled. If it was published twice, the newest publication counts."""

    first: RecordHeaders
    parts: dict[int, _Part] = field(default_factory=dict)

    def add(self, headers: RecordHeaders, partition: int, offset: int, items: Mapping[str, int]) -> None:
        part = self.parts.get(partition)
        if part is None or headers.sequence <= part.last_sequence:
            # Within a Kafka partition a batch's sequence only increases, so a decrease means it was published again.
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
    """For each Kafka partition of the source's topic, the lowest offset that the next visible record can have.

    Empty if the topic does not exist. Raises KafkaUnavailable.
    """
    with topic_reader(settings, topic_of(settings, source)) as reader:
        return reader.end_offsets()


def _of(receipt: Receipt) -> str:
    return f"batch {receipt.batch_id} of {receipt.source} {receipt.partition_key}"


def _offsets(receipt: Receipt) -> str:
    return ", ".join(f"{part.partition}:[{part.start}, {part.end})" for part in receipt.ranges)
