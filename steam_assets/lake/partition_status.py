"""Where a partition stands: what of it is raw, backed up, clean, and backed up again, with its counts.

Belongs here: the comparison of manifests and ledgers. Does not belong here: reading the data itself back
(raw_backup.py, clean_backup.py verify), printing (commands/).
"""

from __future__ import annotations

from dataclasses import dataclass

from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import BackupRecord, CleanRecord
from steam_assets.lake.manifest import Manifest
from steam_assets.lake.raw_housekeeping import was_cleared
from steam_assets.sources.source import Source, Table


@dataclass(frozen=True)
class TableStatus:
    """One clean table's part of a partition. ``record`` and ``backup`` are None where the stage never ran."""

    table: str
    record: CleanRecord | None
    backup: BackupRecord | None
    current: bool
    backed_up: bool


@dataclass(frozen=True)
class PartitionStatus:
    """A partition through all stages. A stage is current if it was made from what the stage before holds now.

    ``cleared``: housekeeping took it out of the primaries, and the backups have all of it.
    """

    source: str
    partition_key: str
    manifest: Manifest | None
    raw_whole: bool
    raw_backed_up: bool
    tables: tuple[TableStatus, ...]
    cleared: bool = False

    @property
    def up_to_date(self) -> bool:
        return self.raw_whole and self.raw_backed_up and all(t.current and t.backed_up for t in self.tables)

    @property
    def settled(self) -> bool:
        """Nothing is left to do: it is up to date, or cleared on purpose."""
        return self.up_to_date or self.cleared

    @property
    def answers(self) -> int:
        """Envelopes landed, over all batches."""
        return sum(batch.landed for batch in self.manifest.batches) if self.manifest else 0

    def published(self, table: str) -> int:
        """Items of a table that were fetched and published; an import's were neither, and count as landed."""
        batches = self.manifest.batches if self.manifest else ()
        return sum((b.receipt.items if b.receipt else b.items).get(table, 0) for b in batches)

    def landed(self, table: str) -> int:
        """Items of a table that were read back from Kafka and landed."""
        return self.manifest.items.get(table, 0) if self.manifest else 0


def partition_status(lake: Lake, source: Source, partition_key: str) -> PartitionStatus:
    """Compare the manifests and ledgers of one partition; reads a few small objects, no data."""
    manifest = lake.raw.manifest(source.name, partition_key)
    copy = lake.raw_backup.manifest(source.name, partition_key)
    origin = manifest or copy
    tables = tuple(_table_status(lake, table, partition_key, origin) for table in source.tables)
    in_backup_only = copy is not None and all(t.record is None and t.backup is not None for t in tables)
    return PartitionStatus(
        source=source.name,
        partition_key=partition_key,
        manifest=origin,
        raw_whole=lake.raw.is_whole(source.name, partition_key),
        raw_backed_up=origin is not None and copy is not None and _holds(copy, origin),
        tables=tables,
        cleared=in_backup_only and was_cleared(lake.raw, source.name, partition_key),
    )


def _holds(copy: Manifest, origin: Manifest) -> bool:
    # A backup keeps batches that the primary has lost, so the manifests need not be equal.
    held = {(file.key, file.sha256) for file in copy.files}
    return all((file.key, file.sha256) in held for file in origin.files)


def _table_status(lake: Lake, table: Table, partition_key: str, origin: Manifest | None) -> TableStatus:
    record = lake.ledger.clean(table.name, partition_key)
    backup = lake.backup_ledger.backup(table.name, partition_key)
    return TableStatus(
        table=table.name,
        record=record,
        backup=backup,
        current=record is not None and origin is not None and record.raw_digest == origin.digest,
        backed_up=record is not None and backup is not None and backup.clean == record,
    )
