"""From Kafka to raw tables: a batch's envelopes, a row each, with the offsets they came from.

Belongs here: landing of one batch, setting aside what is no envelope. Does not belong here: reading Kafka
(consumer.py), files and commits (lake/raw_tables.py).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from steam_assets.kafka.consumer import LostRecords, Poison, Record, dead_letter, read_batch
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, kept_aside, put_aside, write_batch
from steam_assets.ledger.records import Batch, Receipt
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import Source

NO_PARTITION = "0000-00-00"
"""The partition of records whose headers name none of the source's."""


class WrongPeriod(Exception):
    """Records of a batch were fetched when its partition could not be asked about; nothing was committed."""


@dataclass(frozen=True)
class LandedBatch:
    """A batch whose rows are written and not yet visible: ``files`` are to be committed with what the ledger says."""

    batch: Batch
    files: Sequence[str]


def land(lake: Lake, source: Source, receipt: Receipt, now: datetime) -> LandedBatch:
    """Write the batch's rows. The commit, which makes them visible, is the caller's.

    Raises LostRecords if the topic no longer holds all of the batch, or not the items that its receipt names;
    WrongPeriod if an answer cannot be of the partition's window. Records that are no envelope go to the dead-letter
    topic and are set aside, and are counted. Landing again writes the same rows, of which a commit takes one set.
    """
    return _Landing(lake, source, receipt).run(now)


def set_aside(
    lake: Lake, source: Source, poisons: Sequence[Poison], now: datetime, partition_key: str = NO_PARTITION
) -> int:
    """Send records that are no envelope to the dead-letter topic, and keep them in the source's table of such.

    Those that were kept before, by topic, Kafka partition and offset, are left alone; the number of new ones. Raises
    KafkaUnavailable; the topics must be there.
    """
    known = kept_aside(lake.set_aside(source), partition_key)
    new = [poison for poison in poisons if aside_id(poison) not in known]
    for poison in new:
        # What is kept comes last: where it stands, the dead letter was sent.
        dead_letter(lake.settings, source.name, poison)
    return put_aside(lake.set_aside(source), source.name, partition_key, [_aside(poison) for poison in new], now)


def aside_id(poison: Poison) -> str:
    return _aside(poison).id


def envelope_row(envelope: Envelope, topic: str | None, partition: int | None, offset: int | None) -> dict[str, Any]:
    """An envelope as a row of a raw table; where it came from is null for an import."""
    return vars(envelope) | {"topic": topic, "kafka_partition": partition, "kafka_offset": offset}


def _aside(poison: Poison) -> Aside:
    name = f"{poison.topic}+{poison.partition}+{poison.offset:020d}"
    return Aside(name, poison.value or b"", poison.reason)


@dataclass
class _Landing:
    lake: Lake
    source: Source
    receipt: Receipt
    items: Counter[str] = field(default_factory=Counter)
    landed: int = 0
    newest: datetime | None = None
    poisons: list[Poison] = field(default_factory=list)

    def run(self, now: datetime) -> LandedBatch:
        receipt = self.receipt
        written = write_batch(self.lake.raw(self.source), receipt.batch_id, self._rows())
        for of_batch, key in ((True, receipt.partition_key), (False, NO_PARTITION)):
            set_aside(self.lake, self.source, [p for p in self.poisons if p.of_batch is of_batch], now, key)
        spoiled = sum(poison.of_batch for poison in self.poisons)
        if not spoiled and +self.items != +Counter(receipt.items):
            raise LostRecords(
                f"{receipt.source} {receipt.partition_key}: {dict(receipt.items)} items were published "
                f"and {dict(self.items)} came out of {receipt.topic}"
            )
        batch = Batch(
            batch_id=receipt.batch_id,
            receipt=receipt,
            fetched=receipt.records,
            published=receipt.records,
            landed=self.landed,
            items=dict(self.items),
            content=written.content,
            size=written.size,
            fetched_at=self.newest,
            landed_at=now,
            dead_letters=len(self.poisons),
        )
        return LandedBatch(batch, written.files)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for record in read_batch(self.lake.settings, self.receipt, on_poison=self.poisons.append):
            envelope = record.envelope
            if envelope is not None:
                self._check(record, envelope)
                self.items.update(envelope.items)
                self.landed += 1
                self.newest = max(self.newest or envelope.fetched_at, envelope.fetched_at)
                yield envelope_row(envelope, self.receipt.topic, record.partition, record.offset)

    @cached_property
    def _window(self) -> Window:
        return self.source.cadence.window(self.receipt.partition_key)

    def _check(self, record: Record, envelope: Envelope) -> None:
        window = self._window
        where = f"{self.source.name} {window.key}: the record at {self.receipt.topic}/{record.partition} offset"
        if not self.source.history.belongs(window, envelope.fetched_at):
            raise WrongPeriod(
                f"{where} {record.offset} was fetched at {envelope.fetched_at:%Y-%m-%d %H:%M} UTC, which that "
                "partition cannot be of. Whoever published it used a wrong key; ask the source by `steam-assets run "
                f"{self.source.name} --from {window.key} --refetch`"
            )
        if hashlib.sha256(envelope.body.encode()).hexdigest() != envelope.sha256:
            raise LostRecords(f"{where} {record.offset} holds another body than its SHA-256 names")
