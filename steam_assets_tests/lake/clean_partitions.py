"""Clean partitions for tests of this room: rows, their backup and the records of both.

Belongs here: what a cleaning and a backup leave. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession

from steam_assets.lake import clean_backup
from steam_assets.lake.clean_backup import Content
from steam_assets.lake.clean_tables import clean_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import BackupRecord, CleanRecord
from steam_assets.sources.source import Table

NOW = datetime(2026, 11, 18, tzinfo=UTC)


def put_in_place(
    lake: Lake, session: SparkSession, table: Table, rows: DataFrame, counts: Mapping[str, int]
) -> dict[str, Content]:
    """Write ``rows``, of which each key of ``counts`` has so many, and back them up; what the backup holds."""
    ledger, backup_ledger = lake.ledger, lake.backup_ledger
    snapshot = clean_table(session, table).overwrite(rows, [*counts])
    backed_up = clean_backup.back_up(session, table, counts)
    for key, content in backed_up.items():
        record = CleanRecord(
            table=table.name,
            partition_key=key,
            raw_digest="0" * 64,
            items=counts[key],
            clean=counts[key],
            quarantined=0,
            duplicates=0,
            snapshot_id=snapshot,
            committed_at=NOW,
        )
        ledger.write(record)
        backup_ledger.write(BackupRecord.of(record, content.rows, content.digest, NOW))
    return backed_up
