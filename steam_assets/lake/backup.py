"""Backups of any table: copying partitions to the twin table, proving the copy, and the way back.

Belongs here: backup, verification and restore. Does not belong here: deciding what may be deleted (housekeeping.py).

A copy becomes visible only after its files were read back from where they rest and their content digest is the one
that the ledger has of the original. A raw backup only grows: batches that the primary no longer has stay in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from pyiceberg.expressions import AlwaysFalse, BooleanExpression, Or

from steam_assets.failpoints import failpoint
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable, decided_anew, of_batches, of_partitions
from steam_assets.lake.lake import Twins
from steam_assets.lake.parquet_files import DamagedData, file_digests, read_files
from steam_assets.lake.row_digest import content
from steam_assets.ledger.content import EMPTY, Content
from steam_assets.ledger.records import BackupRecord, Cleared, PartitionRecord, R, RawRecord, covers, has_all


class BackupDiffers(Exception):
    """A copy does not hold, or cannot hold, what it is to be made from."""


class WouldOverwrite(Exception):
    """The primary holds other data than its backup, and overwriting was not allowed; nothing was changed."""


def backup_of(twins: Twins[R], partition_key: str) -> BackupRecord[R] | None:
    """The ledger's record of a partition's backup; None if it has none."""
    return twins.backup.record(BackupRecord[twins.model], partition_key)


def backups_of(twins: Twins[R]) -> dict[str, BackupRecord[R]]:
    return twins.backup.records(BackupRecord[twins.model])


def back_up(
    twins: Twins[R], partition_keys: Sequence[str], now: datetime
) -> tuple[dict[str, BackupRecord[R]], list[str]]:
    """Copy partitions to the backup in one commit, each read back and compared; what is there already stays.

    The proven records by key, and a problem a line for each partition whose primary does not hold what its ledger
    says; its backup stays as it was.
    """

    def change() -> tuple[dict[str, BackupRecord[R]], list[str]]:
        # Only of a table that is there can it be seen that others committed to it.
        twins.backup.create()
        held = twins.pinned()
        proven: dict[str, BackupRecord[R]] = {}
        problems: list[str] = []
        copies = _Copies(held.primary, held.backup)
        for key in partition_keys:
            try:
                proven[key] = _copied(held, key, copies, now)
            except BackupDiffers as error:
                problems.append(str(error))
        failpoint("backup:after_files")
        copies.commit(proven)
        failpoint("backup:after_commit")
        return proven, problems

    return decided_anew(change)


def _copied(twins: Twins[R], partition_key: str, copies: _Copies, now: datetime) -> BackupRecord[R]:
    """The record of a partition's backup when ``copies`` are committed, which have what it lacks."""
    record, held = twins.primary.record(twins.model, partition_key), backup_of(twins, partition_key)
    if record is None:
        raise BackupDiffers(f"{twins.label} has no partition {partition_key}; materialize it, or restore it")
    wanted = _with(held.of if held else None, record)
    if isinstance(record, RawRecord) and not has_all(wanted, record):
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} has a batch of another content under the id of one in the "
            "primary; `steam-assets show raw`, with and without --backup, says which is right"
        )
    part, replaced = _lacking(twins.backup, record, held)
    if replaced and wanted.content != record.content:
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} is damaged, and the primary no longer has all of it; bring "
            "the backup's files back from elsewhere"
        )
    kept = held.files if held and not replaced else {}
    return BackupRecord[twins.model](of=wanted, files=kept | copies.take(part), verified_at=now)


def restore(twins: Twins[R], partition_key: str, *, overwrite: bool = False) -> int | None:
    """Bring a partition back from its backup into ``twins.primary``, read back; None if it has no backup.

    The number of rows that had to be put there: what is there already and equal stays. WouldOverwrite if the primary
    holds other rows, unless ``overwrite``; BackupDiffers if the backup itself is damaged. Both change nothing.
    """

    def change() -> int | None:
        if backup_of(twins, partition_key) is None:
            return None
        twins.primary.create()
        now = twins.pinned()
        held, there = backups_of(now)[partition_key], now.primary.record(twins.model, partition_key)
        part, replaced = _lacking(now.primary, held.of, there)
        if replaced and not overwrite:
            raise WouldOverwrite(
                f"{now.primary.identifier} {partition_key} does not hold what its backup holds ({replaced}); look at "
                "it, then restore with --overwrite. Nothing was changed"
            )
        wanted = _with(there, held.of)
        if part is not None or there != wanted:
            copies = _Copies(now.backup, now.primary)
            copies.take(part)
            failpoint("restore:after_files")
            copies.commit({partition_key: wanted})
            failpoint("restore:after_commit")
        return part.content.rows if part else 0

    return decided_anew(change)


@dataclass(frozen=True)
class _Part:
    """Rows to be put into a table in the place of those that match: a partition's, or some batches of it."""

    where: BooleanExpression
    content: Content


def _lacking(goal: IcebergTable, of: R, there: R | BackupRecord[R] | None) -> tuple[_Part | None, str | None]:
    """What ``goal`` lacks of a partition, and why it is put in the place of rows there, if it is; None each if not."""
    everything = _Part(of_partitions([of.partition_key]), of.content)
    if there is None:
        return everything, "no record" if goal.partition_rows().get(of.partition_key) else None
    damage = _problem(goal, there)
    known = there.of if isinstance(there, BackupRecord) else there
    if isinstance(of, RawRecord) and isinstance(known, RawRecord):
        lacking = of.batch_ids if damage else of.batch_ids - known.batch_ids
        # Batches that ``of`` does not have stay as they are.
        batches = everything if lacking >= known.batch_ids else _batches(of, lacking)
        return (batches if damage or lacking else None), damage
    if damage is None and known.content == of.content:
        return None, None
    return everything, damage or "another version"


def _batches(record: RawRecord, ids: set[str]) -> _Part:
    total = sum((batch.content for batch in record.batches if batch.batch_id in ids), EMPTY)
    return _Part(of_batches(record.partition_key, ids), total)


def _with(held: R | None, record: R) -> R:
    """What a table holds after ``record`` was copied there: of raw, what it had stays in it."""
    if isinstance(held, RawRecord) and isinstance(record, RawRecord):
        return held.with_batches(record.batches)
    return record


class _Copies:
    """Parts copied from one pinned table to another: files that were read back, not visible until the commit."""

    def __init__(self, origin: IcebergTable, goal: IcebergTable) -> None:
        self._origin, self._goal = origin, goal
        self._files: list[str] = []
        self._replaced: list[BooleanExpression] = []

    def take(self, part: _Part | None) -> dict[str, str]:
        """Copy a part and prove the copy; SHA-256 of its files by name. BackupDiffers, the copy gone, if it is bad."""
        if part is None:
            return {}
        try:
            written = self._goal.write(self._origin.rows(part.where), "copy")
        except DamagedData as error:
            raise BackupDiffers(str(error)) from error
        table = self._goal.create()
        # The digests come first: so whatever changes from then on is seen by one of the two.
        digests = file_digests(table.io, written.files)
        found = content(read_files(table.io, arrow_schema(table), written.files))
        if written.content == found == part.content:
            self._files += written.files
            self._replaced.append(part.where)
            return digests
        for address in written.files:
            with suppress(OSError):  # Nobody may delete in a backup on AWS.
                table.io.delete(address)
        raise BackupDiffers(
            f"{self._origin.identifier} holds {_shown(written.content)}, its ledger says {_shown(part.content)}, and "
            f"the copy in {self._goal.identifier} reads back as {_shown(found)}; nothing was changed. `steam-assets "
            "verify` says which copy is good"
        )

    def commit(self, records: Mapping[str, BaseModel]) -> None:
        """Make the copies visible, in the place of what they replace, with the records of their partitions."""
        if records:
            # Given at once it is a balanced tree; one by one it would be as deep as there are parts.
            replaced = Or(AlwaysFalse(), *self._replaced) if self._replaced else None
            self._goal.commit(records, remove=replaced, add=self._files)


def verify(table: IcebergTable, records: Iterable[PartitionRecord | BackupRecord[PartitionRecord]]) -> list[str]:
    """Read partitions back and compare them with the ledger; a line for each that differs.

    Of a backup every byte of its files is compared, of a primary its rows.
    """
    return [problem for record in records if (problem := _problem(table, record)) is not None]


def verify_twins(twins: Twins[R], partition_key: str) -> list[str]:
    """What is wrong with a partition's primary or its backup, each read back; a line each."""
    problems, twins = list[str](), twins.pinned()
    record, held = twins.primary.record(twins.model, partition_key), backup_of(twins, partition_key)
    if record is not None and (problem := _problem(twins.primary, record)):
        problems.append(f"{twins.label} {problem}")
    if held is not None and (problem := _problem(twins.backup, held)):
        problems.append(f"{twins.label} backup {problem}")
    if record is None and held is not None and twins.primary.record(Cleared, partition_key) is None:
        problems.append(f"{twins.label} {partition_key}: lost, and only the backup has it; `steam-assets restore`")
    if record is not None and not covers(held, record):
        problems.append(f"{twins.label} {partition_key}: not in the backup as it is now; back it up")
    return problems


def _problem(table: IcebergTable, record: PartitionRecord | BackupRecord[PartitionRecord]) -> str | None:
    """What is wrong with a partition, read back; None if it is as its record says."""
    table, copy = table.pinned(), record if isinstance(record, BackupRecord) else None
    said = record.of if isinstance(record, BackupRecord) else record
    key = said.partition_key
    try:
        # Files whose bytes are those that were proven need no second proof of their rows.
        digests = table.digests(key) if copy else {}
        if copy and digests == copy.files:
            return None
        found = table.content([key])[key]
    except DamagedData as error:
        return f"{key}: {error}"
    if found != said.content:
        return f"{key}: holds {_shown(found)}, and its ledger says {_shown(said.content)}"
    if copy is None:
        return None
    changed = sorted(name for name, _ in digests.items() ^ copy.files.items())
    return f"{key}: the rows are right, and not every byte of {', '.join(dict.fromkeys(changed))} is as it was written"


def _shown(found: Content) -> str:
    return f"{found.rows} rows (digest {found.digest})"
