"""From Kafka to raw files: a batch's records, written as they are, under names their offsets give.

Belongs here: landing of one batch. Does not belong here: reading Kafka (consumer.py), files and manifests (lake/).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby

from steam_assets.ingestion.consumer import Poison, Record, dead_letter, read_batch
from steam_assets.lake.manifest import LandedBatch, RawFile, Receipt
from steam_assets.lake.raw_store import RawStore
from steam_assets.settings import Settings


def land(settings: Settings, raw: RawStore, receipt: Receipt) -> LandedBatch:
    """Write the batch's raw files and give what the manifest has to say of it. The manifest is the caller's to commit.

    Landing again writes the same bytes under the same names. Raises LostRecords if the topic no longer holds all of the
    batch. Records of others that cannot be decoded go to the dead-letter topic and to quarantine, and are counted.
    """
    poisons: list[Poison] = []
    files: list[RawFile] = []
    records = read_batch(settings, receipt, on_poison=poisons.append)
    for kafka_partition, group in groupby(records, key=lambda record: record.partition):
        files.append(_write_file(raw, receipt, kafka_partition, group))
    for poison in poisons:
        _set_aside(settings, raw, receipt, poison)
    landed = sum(file.records for file in files)
    return LandedBatch(
        batch_id=receipt.batch_id,
        receipt=receipt,
        files=tuple(files),
        fetched=receipt.records,
        published=receipt.records,
        landed=landed,
        items=receipt.items,
        dead_letters=len(poisons),
    )


def _write_file(raw: RawStore, receipt: Receipt, kafka_partition: int, records: Iterable[Record]) -> RawFile:
    start = next(r.start for r in receipt.ranges if r.partition == kafka_partition)
    name = f"{receipt.topic}+{kafka_partition}+{start:020d}.jsonl.gz"

    def lines() -> Iterator[bytes]:
        for record in records:
            yield record.value

    return raw.write_file(receipt.source, receipt.partition_key, name, lines())


def _set_aside(settings: Settings, raw: RawStore, receipt: Receipt, poison: Poison) -> None:
    name = f"{receipt.topic}+{poison.partition}+{poison.offset:020d}.poison"
    reason = {"reason": poison.reason, "sha256": hashlib.sha256(poison.value or b"").hexdigest()}
    if raw.quarantine(receipt.source, receipt.partition_key, name, poison.value or b"", reason):
        dead_letter(settings, receipt.source, poison)
