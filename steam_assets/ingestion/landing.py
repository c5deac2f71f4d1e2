"""From Kafka to raw tables: one row per envelope of a batch, with the offset it came from.

Belongs here: landing one batch, counting its items again, setting aside invalid records. Does not belong here: reading
Kafka (consumer.py), files and commits (lake/raw_tables.py).

An envelope found in the topic may be another producer's, so nothing that it states is believed: cleaning would refuse a
partition forever if one of its counts were wrong. A batch whose receipt has a digest is the product's own.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from steam_assets.clock import CLOCKS_DIFFER
from steam_assets.kafka.consumer import LostRecords, Record, read_batch
from steam_assets.kafka.dead_letters import Poison, dead_letter
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, kept_aside, put_aside, write_batch
from steam_assets.ledger.records import Batch, Receipt
from steam_assets.sources.cadence import Window
from steam_assets.sources.escapes import is_plain
from steam_assets.sources.json_body import NOTES_HEADER
from steam_assets.sources.source import InvalidResponse, Source

NOTHING_USABLE = "none of its records is a valid envelope"
NO_PARTITION = "0000-00-00"
"""The partition key for records whose headers name no partition of the source."""


class WrongPeriod(Exception):
    """Records of a batch were fetched outside the time in which its partition is available; nothing was committed."""


@dataclass(frozen=True)
class LandedBatch:
    """A batch whose rows are written but not yet visible; ``files`` are to be committed together with its record."""

    batch: Batch
    files: Sequence[str]


def land(lake: Lake, source: Source, receipt: Receipt, now: datetime) -> LandedBatch:
    """Write the batch's rows; the caller commits them, which makes them visible. ``now`` is aware.

    Raises LostRecords if the topic no longer holds the whole batch, or other items than its receipt counts;
    WrongPeriod if a response cannot belong to the partition's window. Records that are not valid envelopes, have an
    unknown request, or count other items than their body has, are sent to the dead-letter topic, set aside and counted.
    Landing again writes the same rows; a commit keeps one copy of them. A batch without a usable record is excluded
    from its partition.
    """
    return _Landing(lake, source, receipt, now).run()


def set_aside(
    lake: Lake, source: Source, poisons: Sequence[Poison], now: datetime, partition_key: str = NO_PARTITION
) -> int:
    """Send poison records to the dead-letter topic and store them in the source's set-aside table.

    Records already stored (same topic, Kafka partition and offset) are skipped. Returns the number of new ones. The
    topics must exist. Raises KafkaUnavailable.
    """
    known = kept_aside(lake.set_aside(source), partition_key)
    new = [poison for poison in poisons if aside_id(poison) not in known]
    for poison in new:
        # Stored after sending: a stored record proves that its dead letter was sent.
        dead_letter(lake.settings, source.name, poison)
    return put_aside(lake.set_aside(source), source.name, partition_key, [_aside(poison) for poison in new], now)


def aside_id(poison: Poison) -> str:
    return _aside(poison).id


def envelope_row(envelope: Envelope, topic: str | None, partition: int | None, offset: int | None) -> dict[str, object]:
    """An envelope as a row of a raw table; topic, partition and offset are null for an import."""
    place = {"topic": topic, "kafka_partition": partition, "kafka_offset": offset}
    return vars(envelope) | {"plain": is_plain(envelope.body)} | place


def _aside(poison: Poison) -> Aside:
    name = f"{poison.topic}+{poison.partition}+{poison.offset:020d}"
    return Aside(name, poison.value or b"", poison.reason)


@dataclass
class _Landing:
    lake: Lake
    source: Source
    receipt: Receipt
    now: datetime
    items: Counter[str] = field(default_factory=Counter)
    landed: int = 0
    newest: datetime | None = None
    poisons: list[Poison] = field(default_factory=list)

    def run(self) -> LandedBatch:
        receipt, now = self.receipt, self.now
        written = write_batch(self.lake.raw(self.source), receipt.batch_id, self._rows())
        for of_batch, key in ((True, receipt.partition_key), (False, NO_PARTITION)):
            set_aside(self.lake, self.source, [p for p in self.poisons if p.of_batch is of_batch], now, key)
        spoiled = sum(poison.of_batch for poison in self.poisons)
        if not spoiled and +self.items != +Counter(receipt.items):
            raise LostRecords(
                f"{receipt.source} {receipt.partition_key}: {dict(receipt.items)} items were published "
                f"but {dict(self.items)} were read from {receipt.topic}"
            )
        batch = Batch(
            batch_id=receipt.batch_id,
            # Landed again, from the topic, the batch has the same record.
            receipt=receipt.model_copy(update={"digest": None}),
            fetched=receipt.records,
            published=receipt.records,
            landed=self.landed,
            items=dict(self.items),
            content=written.stored.content,
            sha256s=written.stored.sha256s,
            size=written.size,
            fetched_at=self.newest,
            landed_at=now,
            dead_letters=len(self.poisons),
            excluded=NOTHING_USABLE if receipt.records and not self.landed else None,
        )
        return LandedBatch(batch, written.files)

    def _rows(self) -> Iterator[dict[str, object]]:
        for record in read_batch(self.lake.settings, self.receipt, on_poison=self.poisons.append):
            envelope = record.envelope
            if envelope is not None:
                body = envelope.body.encode()
                self._check(record, envelope, body)
                if self.receipt.digest is None and (problem := self._false_claim(envelope, body)):
                    self.poisons.append(record.spoiled(problem))
                    continue
                self.items.update(envelope.items)
                self.landed += 1
                self.newest = max(self.newest or envelope.fetched_at, envelope.fetched_at)
                yield envelope_row(envelope, self.receipt.topic, record.partition, record.offset)

    def _false_claim(self, envelope: Envelope, body: bytes) -> str | None:
        """Why the envelope cannot be the source's, or its items are not those of its body; None if all is true."""
        if not self.source.sends(envelope.request):
            return f"no request of {self.source.name} is named {envelope.request[:80]!r}"
        if NOTES_HEADER in envelope.headers:
            return f"it has the header {NOTES_HEADER}, which only an import has"
        if envelope.problem is not None:
            return self._miscounted_rejected(envelope)
        try:
            found = self.source.count(self._window, envelope.request, body)
        except InvalidResponse as error:
            return f"its body is not a valid response, and it states no problem: {error}"
        if +Counter(found) == +Counter(envelope.items):
            return None
        return f"it counts the items {envelope.items}, but its body has {dict(found)}"

    def _miscounted_rejected(self, envelope: Envelope) -> str | None:
        if not (self.source.about_apps and envelope.app_id):
            return f"it states a problem, but responses of {self.source.name} must be valid"
        allowed = [Counter[str](), *(Counter({table.name: 1}) for table in self.source.tables[:1])]
        wrong = +Counter(envelope.items) not in allowed
        return f"it counts the items {envelope.items} of an invalid response" if wrong else None

    @cached_property
    def _window(self) -> Window:
        return self.source.cadence.window(self.receipt.partition_key)

    @property
    def _way_out(self) -> str:
        return (
            f"Exclude its batch: steam-assets exclude {self.source.name} --partition {self.receipt.partition_key} "
            f"--batch {self.receipt.batch_id}"
        )

    def _check(self, record: Record, envelope: Envelope, body: bytes) -> None:
        fetched = envelope.fetched_at
        if not self.source.history.belongs(self._window, fetched):
            raise WrongPeriod(
                f"{self._described(record, fetched)}, so it cannot belong to that partition; its producer used the "
                f"wrong key. {self._way_out}"
            )
        if fetched > self.now + CLOCKS_DIFFER:
            raise WrongPeriod(
                f"{self._described(record, fetched)}, which is in the future: it would remain the newest forever. "
                f"{self._way_out}"
            )
        if hashlib.sha256(body).hexdigest() != envelope.sha256:
            raise LostRecords(f"{self._place(record)} has a body that does not match its SHA-256")

    def _described(self, record: Record, fetched: datetime) -> str:
        return f"{self._place(record)} was fetched at {fetched.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _place(self, record: Record) -> str:
        where = f"{self.receipt.topic}/{record.partition} offset {record.offset}"
        return f"{self.source.name} {self._window.key}: the record at {where}"
