"""The ledger: what each partition of a table holds, where it came from, and what of it is backed up.

Belongs here: the records. Does not belong here: keeping them (iceberg_table.py commits a record together with the rows
it speaks of), making the counts (spark/cleaning.py, ingestion/landing.py).

A record answers what rows cannot: an empty partition was cleaned and had nothing, against one that never was; from
which answers it came; and the content digest that its rows, and every copy of them, must have for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from steam_assets.ledger.content import EMPTY, Content
from steam_assets.settings import RootName, Settings

RECORD = "steam.partition."
"""Properties of a table that begin so hold the ledger's records, by partition key."""
CLEARED = "steam.cleared."
"""And these what housekeeping took out."""

M = TypeVar("M", bound=BaseModel)


class Ledger(Protocol):
    """Where records are read: a ``Lake``, or the files of one (ledger_files.py)."""

    @property
    def settings(self) -> Settings: ...

    def properties(self, root: RootName, table: str) -> Mapping[str, str]:
        """The properties of a table as it was last committed; none if it was never made."""
        ...


def prefix_of(model: type[BaseModel]) -> str:
    """How the names of the properties begin that hold records of a kind."""
    return CLEARED if model is Cleared else RECORD


def records(properties: Mapping[str, str], model: type[M]) -> dict[str, M]:
    """The records of a kind among a table's properties, by partition key, oldest first."""
    prefix = prefix_of(model)
    keys = sorted(name.removeprefix(prefix) for name in properties if name.startswith(prefix))
    return {key: model.model_validate_json(properties[prefix + key]) for key in keys}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OffsetRange(_Record):
    """Offsets ``[start, end)`` of one Kafka partition. Commit markers and other batches may lie between its records."""

    partition: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Receipt(_Record):
    """What the topic holds of one batch: enough to land it, again and again, from the same offsets.

    ``records`` envelopes with ``items`` of each clean table. ``cluster_id`` tells a re-created Kafka.
    """

    source: str
    partition_key: str
    batch_id: str
    cluster_id: str
    topic: str
    ranges: tuple[OffsetRange, ...]
    records: int = Field(ge=0)
    items: dict[str, int]


class Batch(_Record):
    """A batch in a raw table. ``receipt`` is None for an import, which did not come through Kafka.

    ``fetched``, ``published`` and ``landed`` count envelopes. They are equal, or ``dead_letters`` says why: it counts
    the records set aside on the way, the batch's own that are no envelope, and others between them. ``items`` counts
    items of each clean table; ``content`` is that of the batch's rows. ``fetched_at`` is when its last answer came.
    """

    batch_id: str
    receipt: Receipt | None
    fetched: int
    published: int
    landed: int
    items: dict[str, int]
    content: Content
    size: int = 0
    fetched_at: AwareDatetime | None = None
    landed_at: AwareDatetime
    dead_letters: int = 0
    provenance: str = "live"

    @classmethod
    def without_kafka(cls, batch_id: str, content: Content, size: int, items: Mapping[str, int], **more: Any) -> Batch:
        """A batch that no topic carried: what was landed of it was fetched and published. ``size`` is in bytes."""
        counts = dict.fromkeys(("fetched", "published", "landed"), content.rows)
        own = {"receipt": None, "items": dict(items), "content": content, "size": size}
        return cls(batch_id=batch_id, **counts, **own, **more)


class RawRecord(_Record):
    """All batches of one raw partition, oldest first."""

    kind: Literal["raw"] = "raw"
    table: str
    partition_key: str
    batches: tuple[Batch, ...] = ()

    @property
    def content(self) -> Content:
        return reduce(Content.__add__, (batch.content for batch in self.batches), EMPTY)

    @property
    def digest(self) -> str:
        """What a clean partition that was made from this one refers to."""
        return self.content.digest

    @property
    def items(self) -> dict[str, int]:
        tables = sorted({table for batch in self.batches for table in batch.items})
        return {table: sum(batch.items.get(table, 0) for batch in self.batches) for table in tables}

    @property
    def batch_ids(self) -> set[str]:
        return {batch.batch_id for batch in self.batches}

    def with_batches(self, batches: tuple[Batch, ...]) -> Self:
        """This record with ``batches`` in it once each; one that is there already stays as it is."""
        known = self.batch_ids
        return self.model_copy(update={"batches": self.batches + tuple(b for b in batches if b.batch_id not in known)})


class CleanRecord(_Record):
    """Counts of one partition of one clean table: ``items = clean + quarantined + duplicates``.

    ``raw_digest`` is the digest of the raw record it was made from; ``snapshot_id`` the Iceberg snapshot of its rows.
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
    snapshot_id: int
    committed_at: AwareDatetime


PartitionRecord: TypeAlias = RawRecord | CleanRecord
R = TypeVar("R", bound=RawRecord | CleanRecord)
R_co = TypeVar("R_co", bound=RawRecord | CleanRecord, covariant=True)


class BackupRecord(_Record, Generic[R_co]):
    """A verified copy: ``of`` is the record of the rows that were copied, read back from the backup and equal.

    ``files`` are the SHA-256 of the partition's files by name: whatever byte of one changes later is found.
    """

    of: R_co
    files: dict[str, str]
    verified_at: AwareDatetime


class Cleared(_Record):
    """What housekeeping took out of a primary; the backup had ``of`` at that moment."""

    of: RawRecord | CleanRecord = Field(discriminator="kind")
    backup: str
    at: AwareDatetime


def covers(held: BackupRecord[PartitionRecord] | None, record: PartitionRecord) -> bool:
    """Whether the backup's record has all that the primary's has."""
    return held is not None and has_all(held.of, record)


def has_all(copy: PartitionRecord, record: PartitionRecord) -> bool:
    """Whether ``copy`` has all that ``record`` has, and of the same content."""
    if isinstance(copy, RawRecord) and isinstance(record, RawRecord):
        copied = {batch.batch_id: batch.content for batch in copy.batches}
        return all(copied.get(batch.batch_id) == batch.content for batch in record.batches)
    if isinstance(copy, CleanRecord) and isinstance(record, CleanRecord):
        return copy.content == record.content and copy.raw_digest == record.raw_digest
    return False
