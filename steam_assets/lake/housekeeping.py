"""Housekeeping: clearing old partitions of primaries that a backup holds, and what Iceberg leaves behind.

Belongs here: what may be cleared, the clearing, the sweeping. Does not belong here: any change of what a backup holds.

Nothing is deleted that the backup does not hold: right before, both sides are read back and compared with the ledger.
The commit that clears a partition holds only if nobody committed since; then its files go, a run that dies between the
two leaves them to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pyiceberg.table import StaticTable
from pyiceberg.table import Table as PyIcebergTable

from steam_assets.failpoints import failpoint
from steam_assets.lake.backup import backups_of, verify
from steam_assets.lake.catalog_rebuild import metadata_versions
from steam_assets.lake.files import Files
from steam_assets.lake.iceberg_table import IcebergTable, decided_anew, of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.ledger.records import Cleared, PartitionRecord, covers
from steam_assets.sources.source import Source

ORPHANS_KEPT = timedelta(days=3)
"""A file younger than this may belong to a commit that is under way; Iceberg's own default."""


@dataclass(frozen=True)
class Line:
    """A partition that was looked at: whether it is (to be) cleared, why or why not, and its rows."""

    label: str
    partition_key: str
    clear: bool
    rows: int
    reason: str


@dataclass(frozen=True)
class Housekeeping:
    """Looks at every primary partition of ``sources`` that began before ``older_than`` (aware, UTC)."""

    lake: Lake
    sources: Sequence[Source]
    older_than: datetime

    def plan(self) -> list[Line]:
        """What ``apply`` would try to clear and what it would keep, each with its reason. Changes nothing."""
        return [line for twins in self._cleared() for line in self._lines(twins)]

    def apply(self) -> list[Line]:
        """Clear what the plan says, each partition only if its backup verifies now; then sweep Iceberg's leftovers."""
        done = [line for twins in self._cleared() for line in decided_anew(lambda twins=twins: self._clear(twins))]
        for source in self.sources:
            for table in source.tables:
                sweep(self.lake, self.lake.quarantine(table), self.older_than)
            for twins in self.lake.twins(source):
                sweep(self.lake, twins.primary, self.older_than)
                sweep(self.lake, twins.backup, None)
        return done

    def _cleared(self) -> list[Twins[PartitionRecord]]:
        """What is unusable stays: it is little, and nobody can ask for it again."""
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
        twins = twins.pinned()
        records, held = twins.primary.records(twins.model), backups_of(twins)
        done = self._lines(twins)
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


def sweep(lake: Lake, table: IcebergTable, older_than: datetime | None) -> list[str]:
    """Expire snapshots from before ``older_than`` (what readers see is kept) and delete files that none holds.

    None for a backup, all of whose snapshots stay. A file younger than ``ORPHANS_KEPT`` stays. The addresses of what
    went.
    """
    loaded = table.load()
    if loaded is None:
        return []
    if older_than is not None:
        loaded.maintenance.expire_snapshots().older_than(older_than).commit()
        failpoint("housekeeping:after_expiry")
    files, limit, gone = Files(lake.settings), datetime.now(UTC) - ORPHANS_KEPT, list[str]()
    listed = list(files.list(loaded.location()))
    held = _referenced(loaded.refresh())
    (here,), versions = metadata_versions([loaded.metadata_location]), metadata_versions(f.address for f in listed)
    # Of a catalog that is older than its tables, or of a commit under way: what is newer has a say, too.
    for address in (one for version in versions if version > here for one in versions[version]):
        held |= _referenced(StaticTable.from_metadata(address, files.io.properties))
    for file in listed:
        if file.address not in held and file.modified < limit:
            with suppress(PermissionError):  # In a backup on AWS nobody may delete.
                files.delete(file.address)
                gone.append(file.address)
    return gone


def _referenced(table: PyIcebergTable) -> set[str]:
    """The addresses of all files that the table's metadata speaks of, itself included."""
    found = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
    for snapshot in table.metadata.snapshots:
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            found.add(manifest.manifest_path)
            found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return found
