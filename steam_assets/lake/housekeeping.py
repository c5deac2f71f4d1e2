"""Housekeeping: clear old partitions from the primaries if a backup holds them, and delete Iceberg's orphan files.

Belongs here: what may be cleared, clearing it, deleting orphans. Does not belong here: any change to a backup.

Nothing is deleted unless the backup holds it: both sides are read back and compared with the ledger immediately before.
The commit that clears a partition succeeds only if there was no other commit since. Its files are deleted afterwards;
if the run dies in between, the next run deletes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pyiceberg.table import StaticTable
from pyiceberg.table import Table as PyIcebergTable

from steam_assets.failpoints import failpoint
from steam_assets.lake.backup import backups_of, verify
from steam_assets.lake.catalog_rebuild import metadata_versions
from steam_assets.lake.files import Files
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions, retry_on_contention
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.lost_history import lost_history
from steam_assets.lake.parquet_files import DamagedData, reading_manifests
from steam_assets.ledger.records import Cleared, PartitionRecord, covers
from steam_assets.outages import raise_outage
from steam_assets.sources.source import Source

ORPHANS_KEPT = timedelta(days=3)
"""A file younger than this may belong to a commit in progress; Iceberg's own default."""


@dataclass(frozen=True)
class Line:
    """A partition that was considered: whether it is (to be) cleared, the reason, and its rows."""

    label: str
    partition_key: str
    clear: bool
    rows: int
    reason: str


@dataclass(frozen=True)
class Housekeeping:
    """Considers every primary partition of ``sources`` that began before ``older_than`` (aware, UTC)."""

    lake: Lake
    sources: Sequence[Source]
    older_than: datetime

    def plan(self) -> list[Line]:
        """What ``apply`` would clear and keep, each with the reason. Changes nothing."""
        return [line for twins in self._cleared() for line in self._lines(twins)]

    def apply(self) -> list[Line]:
        """Clear the planned partitions, each only if its backup verifies now; then delete Iceberg's orphan files."""
        done = [
            line for twins in self._cleared() for line in retry_on_contention(lambda twins=twins: self._clear(twins))
        ]
        for source in self.sources:
            swept = {f"{source.name}/{table.name} quarantine": self.lake.quarantine(table) for table in source.tables}
            swept |= {twins.label: twins.primary for twins in self.lake.twins(source)}
            for label, table in swept.items():
                try:
                    sweep(self.lake, table, self.older_than)
                except DamagedData as error:
                    done.append(Line(label, "", False, 0, f"its old files are not deleted: {error}"))
        return done

    def _cleared(self) -> list[Twins[PartitionRecord]]:
        """The tables to clear. Set-aside data stays: it is small, and cannot be fetched again."""
        aside = [self.lake.set_aside_twins(source).label for source in self.sources]
        return [twins for source in self.sources for twins in self.lake.twins(source) if twins.label not in aside]

    def _lines(self, twins: Twins[PartitionRecord]) -> list[Line]:
        held = backups_of(twins)
        lines = list[Line]()
        for key, record in twins.primary.records(twins.model).items():
            reason = None
            if datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC) >= self.older_than:
                reason = f"not older than {self.older_than:%Y-%m-%d}"
            elif key not in held:
                reason = "not in the backup; back it up first"
            elif not covers(held[key], record):
                reason = "the backup is of an earlier version; back it up again"
            why = f"older than {self.older_than:%Y-%m-%d} and in the backup, which is read before deleting"
            lines.append(Line(twins.label, key, reason is None, record.content.rows, reason or why))
        return lines

    def _clear(self, twins: Twins[PartitionRecord]) -> list[Line]:
        done = self._lines(twins)
        twins = twins.planned([line.partition_key for line in done if line.clear])
        records, held = twins.primary.records(twins.model), backups_of(twins)
        for place, line in enumerate(done):
            if line.clear:
                key = line.partition_key
                problems = [f"the backup: {p}" for p in verify(twins.backup, [held[key]])]
                problems += verify(twins.primary, [records[key]])
                done[place] = replace(line, clear=not problems, reason="; ".join(problems) or "cleared")
        if cleared := [line.partition_key for line in done if line.clear]:
            now = datetime.now(UTC)
            marks = {key: Cleared(of=records[key], backup=twins.backup.location, at=now) for key in cleared}
            twins.primary.commit(marks, remove=of_partitions(cleared))
            failpoint("housekeeping:after_delete")
        return done


def sweep(lake: Lake, table: IcebergTable, older_than: datetime) -> list[str]:
    """Expire a primary's snapshots older than ``older_than`` (the current one is kept) and delete unreferenced files.

    Files younger than ``ORPHANS_KEPT`` stay. Returns the addresses of the deleted files. Raises DamagedData if the
    table's metadata cannot be read. A backup is never swept: if
    its catalog has lost a commit, a file that seems to be an orphan may be the only copy of a partition.
    """
    if table.load() is None:
        return []
    table.expire_snapshots(older_than)
    failpoint("housekeeping:after_expiry")
    loaded = table.create()
    files, limit, gone = Files(lake.settings), datetime.now(UTC) - ORPHANS_KEPT, list[str]()
    listed = list(files.list(loaded.location()))
    with reading_manifests():
        held = _referenced(loaded.refresh())
    written = {file.address: file.modified for file in listed}
    (here,), versions = metadata_versions([loaded.metadata_location]), metadata_versions(written)
    # The catalog may lag behind its tables, or a commit be in progress, so newer metadata counts too.
    for address in (one for version in versions if version > here for one in versions[version]):
        try:
            held |= _referenced(StaticTable.from_metadata(address, files.io.properties))
        except Exception as error:  # Damaged JSON or Avro makes the readers raise anything.
            raise_outage(error, address)
            # A commit was killed while it wrote this, or is writing it: what it may name is newer than the current one.
            limit = min(limit, written[loaded.metadata_location])
    for version in lost_history(loaded, files, written):
        held |= _referenced(version)
    for file in listed:
        if file.address not in held and file.modified < limit:
            files.delete(file.address)
            gone.append(file.address)
    return gone


def _referenced(table: PyIcebergTable) -> set[str]:
    """The addresses of all files that the table's metadata references, including the metadata itself."""
    metadata = table.metadata
    found = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    # Other engines write these.
    found |= {file.statistics_path for file in (*metadata.statistics, *metadata.partition_statistics)}
    for snapshot in metadata.snapshots:
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            found.add(manifest.manifest_path)
            found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return found
