"""A lake with the ledger of many partitions and no rows, which is all that status reads.

Belongs here: building it. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import BackupRecord, Batch, CleanRecord, PartitionRecord, RawRecord, Receipt
from steam_assets.settings import Settings
from steam_assets.sources import source_named

SOURCE = source_named("most_played")
DAYS = [str(date(2026, 11, 18) - timedelta(days=days)) for days in range(9, -1, -1)]
"""Partitions, oldest first."""


def build_ledger(home: Path, now: datetime, keys: Sequence[str] = DAYS) -> Lake:
    """Create a lake in which each of the source's ``keys`` is raw, clean and backed up according to its ledger."""
    lake = Lake(Settings(home=home))
    (table,) = SOURCE.tables
    raw, clean = [_raw(key, now) for key in keys], [_clean(table.name, _raw(key, now), now) for key in keys]
    _commit(lake.raw(SOURCE), raw)
    _commit(lake.raw_backup(SOURCE), [BackupRecord[RawRecord](of=one, files={}, verified_at=now) for one in raw])
    _commit(lake.clean(table), clean)
    twins = lake.clean_twins(SOURCE, table)
    _commit(twins.backup, [BackupRecord[CleanRecord](of=one, files={}, verified_at=now) for one in clean])
    return lake


def _commit(
    table: IcebergTable, records: Sequence[PartitionRecord | BackupRecord[RawRecord] | BackupRecord[CleanRecord]]
) -> None:
    keys = {(one.of if isinstance(one, BackupRecord) else one).partition_key: one for one in records}
    table.commit(keys)


def _raw(key: str, now: datetime) -> RawRecord:
    name, items = SOURCE.name, {table.name: 100 for table in SOURCE.tables}
    receipt = Receipt(
        source=name, partition_key=key, batch_id=key, cluster_id="c" * 22, topic=f"steam.{name}.v1", ranges=(),
        records=1, items=items,
    )  # fmt: skip
    batch = Batch(
        batch_id=key, receipt=receipt, fetched=1, published=1, landed=1, items=items,
        content=_content(key), fetched_at=now, landed_at=now,
    )  # fmt: skip
    return RawRecord(table=name, partition_key=key, batches=(batch,))


def _clean(table: str, raw: RawRecord, now: datetime) -> CleanRecord:
    return CleanRecord(
        table=table, partition_key=raw.partition_key, raw_digest=raw.digest, items=100, clean=100, quarantined=0,
        duplicates=0, content=_content(raw.partition_key), snapshot_id=1, committed_at=now.astimezone(UTC),
    )  # fmt: skip


def _content(key: str) -> Content:
    return Content(rows=100, digest=f"{int(key.replace('-', ''))}-1")
