"""Read batches back: exactly the records of a receipt, or the complete batches that a topic holds.

Belongs here: reads by offset, validation of the records. Does not belong here: files (landing.py), sending batches
(producer.py).

Reads are ``read_committed``, by assignment and seek: no consumer group whose loss could lose data, and no ``latest``.
Every wait is bounded.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
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

LENGTH = hashlib.sha256().digest_size
UNSEEN = bytes(LENGTH)


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
    envelopes. The SHA-256 of each value is compared with its header, and every sequence number from 0 must occur; one
    that occurs again with the same value is skipped. At the end all values are compared with the receipt's digest, if
    it has one.
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
        seen, digest = _Seen(receipt), BatchDigest()
        for message in _messages(reader, receipt):
            record = _classify(message, receipt, on_poison)
            if record is not None and seen.is_new(record):
                digest.add(record.sha256)
                if record.envelope:
                    yield record
    if missing := seen.missing:
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


class _Seen:
    """The SHA-256 of each record of a batch that was read, by sequence."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._digests = bytearray(receipt.records * LENGTH)

    def is_new(self, record: Record) -> bool:
        """Note a record; false if it occurs again, sent twice by its producer. Raises LostRecords if it cannot be."""
        receipt, sequence = self._receipt, record.sequence
        known = self._at(sequence)
        if sequence >= receipt.records or known not in (UNSEEN, record.sha256):
            raise LostRecords(
                f"{_of(receipt)}: sequence {sequence} at {receipt.topic}/{record.partition} offset {record.offset} "
                + ("occurs twice, with different values" if known else f"is beyond its {receipt.records} records")
            )
        self._digests[sequence * LENGTH : (sequence + 1) * LENGTH] = record.sha256
        return known == UNSEEN

    @property
    def missing(self) -> list[int]:
        """The sequences that were not read."""
        return [sequence for sequence in range(self._receipt.records) if self._at(sequence) == UNSEEN]

    def _at(self, sequence: int) -> bytes:
        return bytes(self._digests[sequence * LENGTH : (sequence + 1) * LENGTH])


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


class Unfinished(NamedTuple):
    """An incomplete batch; ``seen`` is the time (UTC) of its newest record, as the topic has it."""

    batch_id: str
    partition_key: str
    seen: datetime


@dataclass(frozen=True)
class TopicScan:
    """New content of a topic: complete and incomplete batches, and the current end.

    ``ends`` are offsets by Kafka partition, read at one time. ``damaged`` are ranges that were skipped: their records
    are lost.
    """

    cluster_id: str
    ends: Mapping[int, int]
    batches: tuple[Receipt, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
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
            unfinished=tuple(
                Unfinished(batch.first.batch_id, batch.first.partition_key, _moment(latest[identity]))
                for identity, batch in found.items()
                if not batch.whole
            ),
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
    items, value = headers.items, message.value or b""
    if items is None:
        # The headers of an undecodable record still name its batch, which would never be complete without it.
        envelope = _decode(value, headers)
        items = {} if isinstance(envelope, str) else envelope.items
    sha256 = headers.sha256 or hashlib.sha256(value).hexdigest()
    batch = found.setdefault(_identity(headers), _Batch(headers))
    placed = _Placed(message.offset, sha256, _shared(tuple(items.items())))
    batch.parts.setdefault(message.partition, _Part()).add(headers, placed)


@lru_cache(maxsize=1024)
def _shared(items: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """The same object for equal ones: a topic may have millions of records with equal counts."""
    return items


@dataclass
class _Batch:
    """A batch being assembled. If it was published twice with different content, the newest publication counts."""

    first: RecordHeaders
    parts: dict[int, _Part] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        totals = {part.total for part in self.parts.values()}
        sequences = [sequence for part in self.parts.values() for sequence in part.records]
        return totals == {len(sequences)} and len(set(sequences)) == len(sequences) == max(sequences) + 1

    def receipt(self, topic: str, cluster: str) -> Receipt:
        items: Counter[str] = Counter()
        for part in self.parts.values():
            for placed in part.records.values():
                items.update(dict(placed.items))
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
            records=sum(len(part.records) for part in self.parts.values()),
            items=dict(items),
        )


class _Placed(NamedTuple):
    offset: int
    sha256: str
    items: tuple[tuple[str, int], ...]


@dataclass
class _Part:
    """A batch's records in one Kafka partition: by sequence, each where it occurs last, in the order of offsets.

    A producer that is not idempotent may send records again, and out of order. If a sequence comes with other content
    or another total, the batch was published again, and what came up to its earlier occurrence counts no longer.
    """

    total: int = 0
    records: OrderedDict[int, _Placed] = field(default_factory=OrderedDict[int, _Placed])

    def add(self, headers: RecordHeaders, placed: _Placed) -> None:
        if headers.total != self.total:
            self.records.clear()
        self.total = headers.total
        earlier = self.records.get(headers.sequence)
        if earlier and earlier.sha256 == placed.sha256:
            del self.records[headers.sequence]
        elif earlier:
            while headers.sequence in self.records:
                self.records.popitem(last=False)
        self.records[headers.sequence] = placed

    @property
    def start(self) -> int:
        return next(iter(self.records.values())).offset

    @property
    def end(self) -> int:
        return next(reversed(self.records.values())).offset + 1


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
