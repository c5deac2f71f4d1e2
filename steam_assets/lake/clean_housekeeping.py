"""Clearing old partitions of clean tables that their backup holds, and sweeping what Iceberg leaves behind.

Belongs here: clean tables. Does not belong here: raw files (raw_housekeeping.py), any change of a backup's rows.

Nothing is deleted that the backup does not hold: right before, the rows of both sides are read and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from pyspark.sql import SparkSession

from steam_assets.crash_points import reached
from steam_assets.lake.clean_backup import EMPTY, Content, content, verify
from steam_assets.lake.clean_tables import ChangedMeanwhile, clean_table, quarantine_table
from steam_assets.lake.commit_conflicts import until_committed
from steam_assets.lake.lake import Lake
from steam_assets.lake.lease import Lease
from steam_assets.lake.ledger import BackupRecord
from steam_assets.sources.source import Source, Table

ORPHANS_KEPT = timedelta(days=3)
"""A file younger than this may belong to a commit that is under way; Iceberg's own default."""


@dataclass(frozen=True)
class CleanCandidate:
    """A clean partition that was looked at: whether it would be cleared, why or why not, and its rows."""

    source: Source
    table: Table
    partition_key: str
    rows: int
    clear: bool
    reason: str


@dataclass(frozen=True)
class CleanOutcome:
    """What became of a candidate."""

    source: str
    table: str
    partition_key: str
    cleared: bool
    rows: int
    reason: str


def plan(lake: Lake, sources: Sequence[Source], older_than: datetime) -> list[CleanCandidate]:
    """Every clean partition of the sources, oldest first, and whether ``apply`` would try to clear it."""
    return [
        _candidate(lake, source, table, key, older_than)
        for source in sources
        for table in source.tables
        for key in lake.ledger.partitions(table.name)
    ]


def _candidate(lake: Lake, source: Source, table: Table, key: str, older_than: datetime) -> CleanCandidate:
    record, backup = lake.ledger.clean(table.name, key), lake.backup_ledger.backup(table.name, key)
    reason = None
    if datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC) >= older_than:
        reason = f"not older than {older_than:%Y-%m-%d}"
    elif backup is None:
        reason = "not in the backup; back it up first"
    elif backup.clean != record:
        reason = "the backup is of an earlier version; back it up again"
    kept = f"older than {older_than:%Y-%m-%d} and in the backup, whose rows are read before deleting"
    return CleanCandidate(source, table, key, record.clean if record else 0, reason is None, reason or kept)


def apply(spark: SparkSession, lake: Lake, candidates: Sequence[CleanCandidate], held: Lease) -> list[CleanOutcome]:
    """Clear what ``plan`` would clear: of each table all partitions whose backup verifies, in one commit.

    ``held`` is the housekeeping lease; LeaseLost if this run was too slow for it. A run that dies between the commit
    and the ledger is finished by the next.
    """
    outcomes: list[CleanOutcome] = []
    by_table: dict[str, list[CleanCandidate]] = {}
    for candidate in candidates:
        if candidate.clear:
            by_table.setdefault(candidate.table.name, []).append(candidate)
    for group in by_table.values():
        held.renew()
        outcomes += _clear(spark, lake, group)
    return outcomes


def _clear(spark: SparkSession, lake: Lake, group: Sequence[CleanCandidate]) -> list[CleanOutcome]:
    table, keys = group[0].table, [c.partition_key for c in group]
    backups = {key: b for key in keys if (b := lake.backup_ledger.backup(table.name, key)) is not None}
    seen = clean_table(spark, table).snapshot_id()
    refused = _refusals(spark, table, backups)
    cleared = [key for key in keys if key in backups and key not in refused]
    try:
        _delete(spark, lake, table, cleared, seen)
    except ChangedMeanwhile as error:
        refused |= dict.fromkeys(cleared, str(error))
        cleared = []
    return [
        CleanOutcome(c.source.name, table.name, key, key in cleared, c.rows, refused.get(key, "cleared"))
        for key, c in zip(keys, group, strict=True)
    ]


def _delete(spark: SparkSession, lake: Lake, table: Table, keys: Sequence[str], unchanged_since: int) -> None:
    if not keys:
        return
    clean_table(spark, table).delete(keys, unchanged_since)
    reached("clean_housekeeping:after_delete")
    for key in keys:
        backup = lake.backup_ledger.backup(table.name, key)
        # Who has cleaned it again since the delete has written a record of its own.
        if backup is not None and lake.ledger.clean(table.name, key) == backup.clean:
            lake.ledger.forget(table.name, key)


def _refusals(spark: SparkSession, table: Table, backups: dict[str, BackupRecord]) -> dict[str, str]:
    """Partitions whose backup, or whose own rows, are not what the backup's record says, each with the reason."""
    primary = content(clean_table(spark, table).read(list(backups)), list(backups))
    refused = {}
    for key, record in backups.items():
        told = Content(record.rows, record.content_digest)
        problems = verify(spark, table, {key: told})
        if not problems and primary[key] not in (told, EMPTY):
            problems = [f"{table.name} {key}: the clean rows were changed since their backup; back them up again"]
        if problems:
            refused[key] = "; ".join(problems)
    return refused


def sweep(spark: SparkSession, table: Table, older_than: datetime) -> None:
    """Expire the table's snapshots from before ``older_than`` (the newest is kept) and remove orphan files."""
    for iceberg in (clean_table(spark, table), quarantine_table(spark, table)):
        if not iceberg.exists():
            continue
        name = f"{iceberg.namespace}.{iceberg.name}"
        for procedure, moment in (
            ("expire_snapshots", older_than),
            ("remove_orphan_files", min(older_than, datetime.now(UTC) - ORPHANS_KEPT)),
        ):
            call = f"CALL {iceberg.catalog}.system.{procedure}"
            call += f"(table => '{name}', older_than => TIMESTAMP '{moment:%F %T}')"
            until_committed(iceberg.identifier, (), partial(spark.sql, call))
