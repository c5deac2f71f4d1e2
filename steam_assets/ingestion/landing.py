"""From Kafka to raw files: a batch's records, written as they are, under names their offsets give.

Belongs here: landing of one batch, setting aside what is none. Does not belong here: reading Kafka
(consumer.py), files and manifests (lake/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from steam_assets.ingestion.consumer import LostRecords, Poison, Record, dead_letter, read_batch
from steam_assets.lake.manifest import LandedBatch, RawFile, Receipt
from steam_assets.lake.raw_store import RawStore, raw_file_name
from steam_assets.settings import Settings
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import Source

NO_PARTITION = "0000-00-00"
"""The quarantine's folder of records whose headers name no partition of the source."""


class WrongPeriod(Exception):
    """Records of a batch were fetched when its partition could not be asked about; nothing was committed."""


def land(settings: Settings, raw: RawStore, source: Source, receipt: Receipt) -> LandedBatch:
    """Write the batch's raw files and give what the manifest has to say of it. The manifest is the caller's to commit.

    Landing again writes the same bytes under the same names. Raises LostRecords if the topic no longer holds all of the
    batch, or not the items its receipt tells; WrongPeriod if an answer cannot be of the partition's window. Records
    that are no envelope go to the dead-letter topic and to quarantine, and are counted.
    """
    return _Landing(settings, raw, source, receipt).run()


def set_aside(
    settings: Settings, raw: RawStore, source: str, poison: Poison, partition_key: str = NO_PARTITION
) -> bool:
    """Send a record that is no envelope to the dead-letter topic, and put it into the source's quarantine.

    False, and nothing is done, if that was done before with the record of this topic, Kafka partition and offset.
    Raises KafkaUnavailable; the topics must be there.
    """
    value = poison.value or b""
    name = f"{poison.topic}+{poison.partition}+{poison.offset:020d}.poison"
    if raw.in_quarantine(source, partition_key, name, value):
        return False
    # The quarantine comes last: where it stands, the dead letter was sent.
    dead_letter(settings, source, poison)
    raw.quarantine(source, partition_key, name, value, {"reason": poison.reason})
    return True


@dataclass
class _Landing:
    settings: Settings
    raw: RawStore
    source: Source
    receipt: Receipt
    items: Counter[str] = field(default_factory=Counter)
    poisons: list[Poison] = field(default_factory=list)

    def run(self) -> LandedBatch:
        records = read_batch(self.settings, self.receipt, on_poison=self.poisons.append)
        files = [self._write(partition, group) for partition, group in groupby(records, key=lambda r: r.partition)]
        for poison in self.poisons:
            key = self.receipt.partition_key if poison.of_batch else NO_PARTITION
            set_aside(self.settings, self.raw, self.receipt.source, poison, key)
        landed = sum(file.records for file in files)
        spoiled = sum(poison.of_batch for poison in self.poisons)
        if not spoiled and +self.items != +Counter(self.receipt.items):
            raise LostRecords(
                f"{self.receipt.source} {self.receipt.partition_key}: {dict(self.receipt.items)} items were published "
                f"and {dict(self.items)} came out of {self.receipt.topic}"
            )
        return LandedBatch(
            batch_id=self.receipt.batch_id,
            receipt=self.receipt,
            files=tuple(files),
            fetched=self.receipt.records,
            published=self.receipt.records,
            landed=landed,
            items=dict(self.items),
            dead_letters=len(self.poisons),
        )

    def _write(self, kafka_partition: int, records: Iterable[Record]) -> RawFile:
        start = next(r.start for r in self.receipt.ranges if r.partition == kafka_partition)
        name = raw_file_name(self.receipt.topic, kafka_partition, start)

        def lines() -> Iterator[bytes]:
            for record in records:
                self._check_moment(record)
                self.items.update(record.items)
                yield record.value

        return self.raw.write_file(self.receipt.source, self.receipt.partition_key, name, lines())

    @cached_property
    def _window(self) -> Window:
        return self.source.cadence.window(self.receipt.partition_key)

    def _check_moment(self, record: Record) -> None:
        window = self._window
        if record.fetched_at is not None and not self.source.history.belongs(window, record.fetched_at):
            raise WrongPeriod(
                f"{self.source.name} {window.key}: the record at {self.receipt.topic}/{record.partition} offset "
                f"{record.offset} was fetched at {record.fetched_at:%Y-%m-%d %H:%M} UTC, which that partition cannot "
                "be of. Whoever published it used a wrong key; run the partition with `refetch` to ask the source"
            )
