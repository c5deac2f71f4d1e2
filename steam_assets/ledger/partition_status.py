"""The status of a partition through the stages raw, raw backup, clean and clean backup, with its counts.

Belongs here: comparing the ledger's records. Does not belong here: reading the data itself (``verify`` of backup.py),
printing (commands/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from steam_assets.ledger.records import BackupRecord, CleanRecord, Cleared, Ledger, RawRecord, covers, records
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import Source, Table


@dataclass(frozen=True)
class TableStatus:
    """One clean table's part of a partition. ``record`` and ``backup`` are None if the stage never ran."""

    table: str
    record: CleanRecord | None
    backup: BackupRecord[CleanRecord] | None
    current: bool
    backed_up: bool


@dataclass(frozen=True)
class PartitionStatus:
    """A partition through all stages. A stage is current if it was built from what the previous stage holds now.

    ``raw`` is the primary's record, or the backup's if only that has it. ``cleared``: housekeeping removed it from the
    primaries, and the backups have all of it.
    """

    source: str
    partition_key: str
    raw: RawRecord | None
    raw_present: bool
    raw_backed_up: bool
    tables: tuple[TableStatus, ...]
    cleared: bool = False

    @property
    def up_to_date(self) -> bool:
        return self.raw_present and self.raw_backed_up and all(t.current and t.backed_up for t in self.tables)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: it is up to date, or was cleared on purpose."""
        return self.up_to_date or self.cleared

    @property
    def answers(self) -> int:
        """Envelopes landed, over all batches that are not excluded."""
        return sum(batch.landed for batch in self.raw.included) if self.raw else 0

    def published(self, table: str) -> int:
        """Items of a table that were fetched and published; for an import, the landed items."""
        batches = self.raw.included if self.raw else ()
        return sum((b.receipt.items if b.receipt else b.items).get(table, 0) for b in batches)

    def landed(self, table: str) -> int:
        """Items of a table that were read back from Kafka and landed."""
        return self.raw.items.get(table, 0) if self.raw else 0


@dataclass(frozen=True)
class SourceLedger:
    """All ledger records of a source, read once: a table's metadata has those of all its partitions."""

    source: Source
    raw: Mapping[str, RawRecord]
    raw_backup: Mapping[str, BackupRecord[RawRecord]]
    cleared: Mapping[str, Cleared]
    clean: Mapping[str, Mapping[str, CleanRecord]]
    clean_backup: Mapping[str, Mapping[str, BackupRecord[CleanRecord]]]

    @classmethod
    def of(cls, lake: Ledger, source: Source) -> SourceLedger:
        raw, names = lake.properties("raw", source.name), [table.name for table in source.tables]
        return cls(
            source=source,
            raw=records(raw, RawRecord),
            raw_backup=records(lake.properties("raw-backup", source.name), BackupRecord[RawRecord]),
            cleared=records(raw, Cleared),
            clean={name: records(lake.properties("clean", name), CleanRecord) for name in names},
            clean_backup={
                name: records(lake.properties("clean-backup", name), BackupRecord[CleanRecord]) for name in names
            },
        )

    @property
    def keys(self) -> list[str]:
        """Partitions with any data, or that must have some in a backup, oldest first.

        If one has only clean data, its raw data was lost; if it is only marked as cleared, its backup was.
        """
        clean = [key for records in (*self.clean.values(), *self.clean_backup.values()) for key in records]
        return sorted({*self.raw, *self.raw_backup, *self.cleared, *clean})

    def expected(self, now: datetime) -> Iterable[Window]:
        """The periods from the first partition to the newest one, or the newest that is due at ``now`` (aware)."""
        keys, due = self.keys, self.source.newest_due(now)
        return self.source.cadence.between(keys[0], max(keys[-1], due.key)) if keys else ()

    def landed(self, key: str) -> set[str]:
        """Ids of a partition's batches; for one that housekeeping cleared, those in its backup."""
        record = self.raw.get(key)
        if record is None and key in self.cleared and key in self.raw_backup:
            record = self.raw_backup[key].of
        return record.batch_ids if record else set()

    def status(self, key: str) -> PartitionStatus:
        """The partition's status, from its records only; no data is read."""
        copy = self.raw_backup.get(key)
        origin = self.raw.get(key) or (copy.of if copy else None)
        tables = tuple(self._table(table, key, origin) for table in self.source.tables)
        in_backup_only = copy is not None and all(t.record is None and t.backup is not None for t in tables)
        return PartitionStatus(
            source=self.source.name,
            partition_key=key,
            raw=origin,
            raw_present=key in self.raw and bool(self.raw[key].included),
            raw_backed_up=origin is not None and covers(copy, origin),
            tables=tables,
            cleared=in_backup_only and key in self.cleared,
        )

    def _table(self, table: Table, key: str, origin: RawRecord | None) -> TableStatus:
        record, backup = self.clean[table.name].get(key), self.clean_backup[table.name].get(key)
        return TableStatus(
            table=table.name,
            record=record,
            backup=backup,
            current=record is not None and origin is not None and record.raw_digest == origin.digest,
            backed_up=record is not None and covers(backup, record),
        )
