"""The ledger: what was cleaned and what was backed up, a record a table and partition.

Belongs here: the records and where they rest. Does not belong here: making the counts (cleaning.py, clean_backup.py).

A record is written after its commit. It answers what a table cannot: an empty partition was cleaned and had nothing,
against one that never was; and from which raw bytes it came.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from steam_assets.lake.store import Store, StoredObject


class CleanRecord(BaseModel):
    """Counts of one partition of one clean table: ``items = clean + quarantined + duplicates``.

    ``raw_digest`` is the digest of the raw manifest it was made from; ``snapshot_id`` the Iceberg commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    partition_key: str
    raw_digest: str
    items: int
    clean: int
    quarantined: int
    duplicates: int
    snapshot_id: int
    committed_at: AwareDatetime


class BackupRecord(BaseModel):
    """A verified copy of a partition: rows and order-free content digest, read back from the backup and equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    partition_key: str
    rows: int
    content_digest: str
    verified_at: AwareDatetime
    clean: CleanRecord

    @classmethod
    def of(cls, clean: CleanRecord, rows: int, content_digest: str, verified_at: datetime) -> BackupRecord:
        return cls(
            table=clean.table,
            partition_key=clean.partition_key,
            rows=rows,
            content_digest=content_digest,
            verified_at=verified_at,
            clean=clean,
        )


class Ledger:
    """Records of one root: ``CleanRecord`` under the clean root, ``BackupRecord`` under the clean backup root."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, record: CleanRecord | BackupRecord) -> None:
        self._store.write(self._key(record.table, record.partition_key), record.model_dump_json().encode())

    def clean(self, table: str, partition_key: str) -> CleanRecord | None:
        found = self._read(table, partition_key)
        return None if found is None else CleanRecord.model_validate_json(found)

    def backup(self, table: str, partition_key: str) -> BackupRecord | None:
        found = self._read(table, partition_key)
        return None if found is None else BackupRecord.model_validate_json(found)

    def partitions(self, table: str) -> Iterator[str]:
        """Keys of the partitions on record, oldest first."""
        yield from (key for key, _ in self.written(table))

    def written(self, table: str) -> Iterator[tuple[str, StoredObject]]:
        """Each partition on record with its record as listed: a new commit is a new ``etag`` and ``modified``."""
        for stored in self._store.list(f"ledger/{table}/"):
            yield stored.key.rsplit("/", 1)[1].removesuffix(".json"), stored

    def forget(self, table: str, partition_key: str) -> None:
        self._store.delete(self._key(table, partition_key))

    def _read(self, table: str, partition_key: str) -> bytes | None:
        key = self._key(table, partition_key)
        return self._store.read(key) if self._store.stat(key) else None

    @staticmethod
    def _key(table: str, partition_key: str) -> str:
        return f"ledger/{table}/{partition_key}.json"
