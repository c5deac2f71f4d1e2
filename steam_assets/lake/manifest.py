"""The manifest of a raw partition: the commit record that says which files belong to it and what they hold.

Belongs here: its fields and its own digest. Does not belong here: reading and writing it (raw_store.py).

The manifest is written last. A raw file that no manifest names does not exist for readers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field


class OffsetRange(BaseModel):
    """Offsets ``[start, end)`` of one Kafka partition. Commit markers and other batches may lie between its records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Receipt(BaseModel):
    """What the topic holds of one batch: enough to land it, again and again, from the same offsets.

    ``records`` envelopes with ``items`` of each clean table. ``topic_id`` and ``cluster_id`` tell a re-created topic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    partition_key: str
    batch_id: str
    cluster_id: str
    topic: str
    ranges: tuple[OffsetRange, ...]
    records: int = Field(ge=0)
    items: dict[str, int]


class RawFile(BaseModel):
    """A gzip JSON Lines file: ``key`` within the raw root, SHA-256 and bytes as stored, envelopes in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    sha256: str
    size: int
    records: int


class LandedBatch(BaseModel):
    """A batch in the raw store. ``receipt`` is None for an import, which did not come through Kafka.

    ``fetched``, ``published`` and ``landed`` count envelopes. They are equal, or ``dead_letters`` says why: it counts
    the records set aside on the way, the batch's own that are no envelope, and others between them. ``items`` counts
    items of each clean table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str
    receipt: Receipt | None
    files: tuple[RawFile, ...]
    fetched: int
    published: int
    landed: int
    items: dict[str, int]
    dead_letters: int = 0
    provenance: str = "live"


class Manifest(BaseModel):
    """All batches of one raw partition, oldest first, and the digest of this very record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    source: str
    partition_key: str
    batches: tuple[LandedBatch, ...]
    digest: str = ""

    @property
    def files(self) -> tuple[RawFile, ...]:
        return tuple(file for batch in self.batches for file in batch.files)

    @property
    def items(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for batch in self.batches:
            for table, count in batch.items.items():
                totals[table] = totals.get(table, 0) + count
        return totals

    def sealed(self) -> Manifest:
        """This manifest with its digest filled in: SHA-256 of its JSON with an empty digest."""
        bare = self.model_copy(update={"digest": ""})
        return bare.model_copy(update={"digest": hashlib.sha256(bare.model_dump_json().encode()).hexdigest()})

    @property
    def intact(self) -> bool:
        return self.digest == self.sealed().digest

    def with_batch(self, batch: LandedBatch) -> Manifest:
        """This manifest with ``batch`` in it once: landing a batch again replaces its entry in place."""
        known = {entry.batch_id: entry for entry in self.batches} | {batch.batch_id: batch}
        return self.model_copy(update={"batches": tuple(known.values())}).sealed()

    @classmethod
    def of(cls, source: str, partition_key: str, batches: Iterable[LandedBatch]) -> Manifest:
        return cls(source=source, partition_key=partition_key, batches=tuple(batches)).sealed()
