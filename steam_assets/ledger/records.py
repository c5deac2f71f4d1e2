"""The ledger: what each partition of a table holds, where it came from, and what is backed up.

Belongs here: the records. Does not belong here: storing them (iceberg_table.py commits a record together with its
rows), making the counts (spark/cleaning.py, ingestion/landing.py).

A record holds what rows cannot show: whether an empty partition was cleaned or never processed, which responses it came
from, and the content digest that its rows, and every copy of them, must always have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from steam_assets.ledger.content import EMPTY, Content, Stored
from steam_assets.settings import RootName, Settings

RECORD = "steam.partition."
"""Prefix of the table properties that hold the ledger's records, by partition key."""
CLEARED = "steam.cleared."
"""Prefix of the table properties that record what housekeeping removed."""

M = TypeVar("M", bound=BaseModel)


class Ledger(Protocol):
    """Where records are read from: a ``Lake``, or the files of one (ledger_files.py)."""

    @property
    def settings(self) -> Settings: ...

    def properties(self, root: RootName, table: str) -> Mapping[str, str]:
        """The properties of a table as last committed; empty if it was never created."""
        ...


def prefix_of(model: type[BaseModel]) -> str:
    """The prefix of the properties that hold records of a kind."""
    return CLEARED if model is Cleared else RECORD


def records(properties: Mapping[str, str], model: type[M]) -> dict[str, M]:
    """The records of a kind among a table's properties, by partition key, oldest first."""
    prefix = prefix_of(model)
    keys = sorted(name.removeprefix(prefix) for name in properties if name.startswith(prefix))
    return {key: model.model_validate_json(properties[prefix + key]) for key in keys}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OffsetRange(_Record):
    """Offsets ``[start, end)`` of a Kafka partition; commit markers and other batches may be between its records."""

    partition: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Receipt(_Record):
    """What the topic holds of one batch: enough to land it repeatedly from the same offsets.

    ``records`` counts envelopes, ``items`` the items of each clean table. ``cluster_id`` detects a re-created cluster.
    ``digest`` is that of the values which the product published, whose items it had counted itself; None if the batch
    was found in the topic, where anyone may have published it.
    """

    source: str
    partition_key: str
    batch_id: str
    cluster_id: str
    topic: str
    ranges: tuple[OffsetRange, ...]
    records: int = Field(ge=0)
    items: dict[str, int]
    digest: str | None = None


class Batch(_Record):
    """A batch in a raw table. ``receipt`` is None for an import, which did not come through Kafka.

    ``fetched``, ``published`` and ``landed`` count envelopes. If they differ, ``dead_letters`` explains it: it counts
    the records set aside, both the batch's own invalid ones and foreign ones between them. ``items`` counts items of
    each clean table; ``content`` is that of the batch's rows, and ``sha256s`` are the digests of the files that were
    written with them and read back. ``fetched_at`` is the time of its last response.
    ``excluded`` is why cleaning leaves the batch out, though its rows stay; such a batch may never have been landed.
    """

    batch_id: str
    receipt: Receipt | None
    fetched: int
    published: int
    landed: int
    items: dict[str, int]
    content: Content
    sha256s: tuple[str, ...] = ()
    size: int = 0
    fetched_at: AwareDatetime | None = None
    landed_at: AwareDatetime
    dead_letters: int = 0
    provenance: str = "live"
    excluded: str | None = None

    @classmethod
    def without_kafka(
        cls,
        batch_id: str,
        stored: Stored,
        items: Mapping[str, int],
        *,
        size: int = 0,
        landed_at: datetime,
        fetched_at: datetime | None = None,
        provenance: str = "live",
    ) -> Batch:
        """A batch that did not come through a topic: all its counts are equal. Its ``size`` is in bytes."""
        rows = stored.content.rows
        return cls(
            batch_id=batch_id,
            receipt=None,
            fetched=rows,
            published=rows,
            landed=rows,
            items=dict(items),
            content=stored.content,
            sha256s=stored.sha256s,
            size=size,
            fetched_at=fetched_at,
            landed_at=landed_at,
            provenance=provenance,
        )


class RawRecord(_Record):
    """All batches of one raw partition, oldest first; those that are excluded are stored, but not cleaned."""

    kind: Literal["raw"] = "raw"
    table: str
    partition_key: str
    batches: tuple[Batch, ...] = ()

    @property
    def content(self) -> Content:
        return reduce(Content.__add__, (batch.content for batch in self.batches), EMPTY)

    @property
    def sha256s(self) -> tuple[str, ...]:
        return tuple(sha256 for batch in self.batches for sha256 in batch.sha256s)

    @property
    def digest(self) -> str:
        """The digest that a clean partition built from this one refers to."""
        return reduce(Content.__add__, (batch.content for batch in self.included), EMPTY).digest

    @property
    def included(self) -> tuple[Batch, ...]:
        """The batches that cleaning reads."""
        return tuple(batch for batch in self.batches if batch.excluded is None)

    @property
    def excluded(self) -> dict[str, str]:
        """Why batches are excluded, by their ids."""
        return {batch.batch_id: batch.excluded for batch in self.batches if batch.excluded is not None}

    @property
    def items(self) -> dict[str, int]:
        tables = sorted({table for batch in self.included for table in batch.items})
        return {table: sum(batch.items.get(table, 0) for batch in self.included) for table in tables}

    @property
    def batch_ids(self) -> set[str]:
        return {batch.batch_id for batch in self.batches}

    def with_batches(self, batches: tuple[Batch, ...]) -> Self:
        """This record with ``batches`` added; those it already has stay unchanged."""
        known = self.batch_ids
        return self.model_copy(update={"batches": self.batches + tuple(b for b in batches if b.batch_id not in known)})

    def marked_as(self, other: RawRecord) -> Self:
        """This record, with the exclusions of ``other`` for batches that both have."""
        marks = {batch.batch_id: batch.excluded for batch in other.batches}
        marked = (b.model_copy(update={"excluded": marks.get(b.batch_id, b.excluded)}) for b in self.batches)
        return self.model_copy(update={"batches": tuple(marked)})


class CleanRecord(_Record):
    """Counts of one partition of one clean table: ``items = clean + quarantined + duplicates``.

    ``raw_digest`` is the digest of the raw record it was built from; ``snapshot_id`` the Iceberg snapshot of its rows;
    ``sha256s`` are the digests of the files that were written with them and read back.
    ``reviewer_key`` is the fingerprint of the key that its pseudonyms were made with; None in a table without any.
    """

    kind: Literal["clean"] = "clean"
    table: str
    partition_key: str
    raw_digest: str
    items: int
    clean: int
    quarantined: int
    duplicates: int
    content: Content
    sha256s: tuple[str, ...] = ()
    snapshot_id: int
    committed_at: AwareDatetime
    reviewer_key: str | None = None


PartitionRecord: TypeAlias = RawRecord | CleanRecord
R = TypeVar("R", bound=RawRecord | CleanRecord)
R_co = TypeVar("R_co", bound=RawRecord | CleanRecord, covariant=True)


class BackupRecord(_Record, Generic[R_co]):
    """A verified copy: ``of`` is the record of the copied rows, which were read back from the backup and were equal.

    ``files`` are the SHA-256 digests of the partition's files by name, so that any later change is detected.
    """

    of: R_co
    files: dict[str, str]
    verified_at: AwareDatetime


class Cleared(_Record):
    """What housekeeping removed from a primary; the backup had ``of`` at that time."""

    of: RawRecord | CleanRecord = Field(discriminator="kind")
    backup: str
    at: AwareDatetime


def covers(held: BackupRecord[PartitionRecord] | None, record: PartitionRecord) -> bool:
    """Whether the backup's record has everything that the primary's has."""
    return held is not None and has_all(held.of, record)


def has_all(copy: PartitionRecord, record: PartitionRecord) -> bool:
    """Whether ``copy`` has everything that ``record`` has, with the same content and the same batches excluded."""
    if isinstance(copy, RawRecord) and isinstance(record, RawRecord):
        copied = {batch.batch_id: (batch.content, batch.excluded) for batch in copy.batches}
        return all(copied.get(batch.batch_id) == (batch.content, batch.excluded) for batch in record.batches)
    if isinstance(copy, CleanRecord) and isinstance(record, CleanRecord):
        return copy.content == record.content and copy.raw_digest == record.raw_digest
    return False
