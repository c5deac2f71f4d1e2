"""Housekeeping: clearing old partitions of primaries that a backup holds, and what Iceberg leaves behind.

Belongs here: what may be cleared, and the clearing. Does not belong here: any change of a backup.

Nothing is deleted that the backup does not hold: right before, both sides are read back and compared with the ledger.
The commit that clears a partition holds only if nobody committed since; then its files go, a run that dies between the
two leaves them to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyiceberg.table import Table as PyIcebergTable

from steam_assets.failpoints import failpoint
from steam_assets.lake.backup import backups_of, covers, verify
from steam_assets.lake.files import Files
from steam_assets.lake.iceberg_table import CLEARED, RECORD, IcebergTable, decided_anew, of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.ledger import Cleared
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
        return [line for twins in self._all() for line in self._lines(twins)]

    def apply(self) -> list[Line]:
        """Clear what the plan says, each partition only if its backup verifies now; then sweep Iceberg's leftovers."""
        done = [line for twins in self._all() for line in self._clear(twins)]
        for table in self._swept():
            sweep(self.lake, table, self.older_than)
        return done

    def _all(self) -> list[Twins[Any]]:
        return [
            twins
            for source in self.sources
            for twins in (
                self.lake.raw_twins(source),
                *(self.lake.clean_twins(source, table) for table in source.tables),
            )
        ]

    def _lines(self, twins: Twins[Any]) -> list[Line]:
        held = backups_of(twins)
        lines = []
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

    def _clear(self, twins: Twins[Any]) -> list[Line]:
        return decided_anew(lambda: self._clear_once(twins))

    def _clear_once(self, twins: Twins[Any]) -> list[Line]:
        twins = twins.pinned()
        lines = self._lines(twins)
        records, held = twins.primary.records(twins.model), backups_of(twins)
        done: list[Line] = []
        for line in lines:
            if line.clear:
                key = line.partition_key
                problems = [f"the backup: {p}" for p in verify(twins.backup, [held[key].of])]
                problems += verify(twins.primary, [records[key]])
                verdict = "; ".join(problems)
                line = Line(line.label, key, not problems, line.rows, verdict or "cleared")
            done.append(line)
        if cleared := [line.partition_key for line in done if line.clear]:
            now = datetime.now(UTC)
            where = twins.backup.location
            twins.primary.commit(
                twins.primary.snapshot_id(),
                remove=of_partitions(cleared),
                properties={CLEARED + key: Cleared(of=records[key], backup=where, at=now) for key in cleared},
                forget=[RECORD + key for key in cleared],
                summary={"steam.partitions": ",".join(cleared)},
            )
            failpoint("housekeeping:after_delete")
        return done

    def _swept(self) -> Iterable[IcebergTable]:
        for twins in self._all():
            yield twins.primary
        for source in self.sources:
            yield from (self.lake.quarantine(table) for table in source.tables)


def was_cleared(twins: Twins[Any], partition_key: str) -> bool:
    """Whether housekeeping took a partition out of its primary, and nothing has come back since."""
    return twins.primary.record(Cleared, partition_key, CLEARED) is not None


def sweep(lake: Lake, table: IcebergTable, older_than: datetime) -> list[str]:
    """Expire snapshots from before ``older_than`` (what readers see is kept) and delete files that none holds.

    A file younger than ``ORPHANS_KEPT`` stays. The addresses of what went.
    """
    loaded = table.load()
    if loaded is None:
        return []
    loaded.maintenance.expire_snapshots().older_than(older_than).commit()
    failpoint("housekeeping:after_expiry")
    held = _referenced(loaded.refresh())
    files, limit = Files(lake.settings), datetime.now(UTC) - ORPHANS_KEPT
    gone = [
        file.address for file in files.list(loaded.location()) if file.address not in held and file.modified < limit
    ]
    for address in gone:
        files.delete(address)
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
