"""Backups of any table: copying partitions to the twin table, proving the copy, and the way back.

Belongs here: backup, verification and restore. Does not belong here: deciding what may be deleted (housekeeping.py).

A copy becomes visible only after its files were read back from where they rest and their content digest is the one
that the ledger has of the original. A raw backup only grows: batches that the primary no longer has stay in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from pyiceberg.expressions import AlwaysFalse, And, BooleanExpression, In, Or

from steam_assets.failpoints import failpoint
from steam_assets.lake.content import EMPTY, Content
from steam_assets.lake.iceberg_table import CLEARED, RECORD, DamagedData, IcebergTable, decided_anew, of_partitions
from steam_assets.lake.lake import Twins
from steam_assets.lake.ledger import BackupRecord, CleanRecord, Cleared, R, RawRecord
from steam_assets.lake.parquet_files import Written


class BackupDiffers(Exception):
    """A copy does not hold, or cannot hold, what it is to be made from."""


class WouldOverwrite(Exception):
    """The primary holds other data than its backup, and overwriting was not allowed; nothing was changed."""


@dataclass(frozen=True)
class _Part:
    """Rows of a partition to be put into a table: all of it, or of raw the batches that the table lacks."""

    where: BooleanExpression
    content: Content


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
        held = twins.pinned()
        proven: dict[str, BackupRecord[R]] = {}
        problems: list[str] = []
        copies = _Copies(held.primary, held.backup)
        for key in partition_keys:
            try:
                wanted, part = _wanted(held, key)
                copies.take(part)
                proven[key] = BackupRecord[twins.model](of=wanted, verified_at=now)
            except BackupDiffers as error:
                problems.append(str(error))
        failpoint("backup:after_files")
        copies.commit(proven)
        failpoint("backup:after_commit")
        return proven, problems

    return decided_anew(change)


def _wanted(twins: Twins[R], partition_key: str) -> tuple[R, _Part | None]:
    """What the backup is to hold of a partition, and what has to be copied for that; None if it holds it, whole."""
    record = twins.primary.record(twins.model, partition_key)
    if record is None:
        raise BackupDiffers(f"{twins.label} has no partition {partition_key}; materialize it, or restore it")
    held = backup_of(twins, partition_key)
    if held is None:
        return record, _Part(of_partitions([partition_key]), record.content)
    wanted = _with(held.of, record)
    if not covers(held.model_copy(update={"of": wanted}), record):
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} has a batch of another content under the id of one in the "
            "primary; `steam-assets show raw`, with and without --backup, says which is right"
        )
    if _problem(twins.backup, held.of) is None:
        if held.of.content == wanted.content:
            return wanted, None
        if isinstance(record, RawRecord) and isinstance(held.of, RawRecord):
            return wanted, _batches(record, record.batch_ids - held.of.batch_ids)
    elif wanted.content != record.content:
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} is damaged, and the primary no longer has all of it; bring "
            "the backup's files back from elsewhere"
        )
    return wanted, _Part(of_partitions([partition_key]), record.content)


def verify(table: IcebergTable, records: Iterable[RawRecord | CleanRecord]) -> list[str]:
    """Read partitions back and compare them with the ledger; a line for each that differs."""
    return [problem for record in records if (problem := _problem(table, record)) is not None]


def verify_twins(twins: Twins[R], partition_key: str) -> list[str]:
    """What is wrong with a partition's primary or its backup, each read back; a line each."""
    problems, twins = [], twins.pinned()
    record, held = twins.primary.record(twins.model, partition_key), backup_of(twins, partition_key)
    if record is not None and (problem := _problem(twins.primary, record)):
        problems.append(f"{twins.label} {problem}")
    if held is not None and (problem := _problem(twins.backup, held.of)):
        problems.append(f"{twins.label} backup {problem}")
    if record is None and held is not None and twins.primary.record(Cleared, partition_key, CLEARED) is None:
        problems.append(f"{twins.label} {partition_key}: lost, and only the backup has it; `steam-assets restore`")
    if record is not None and not covers(held, record):
        problems.append(f"{twins.label} {partition_key}: not in the backup as it is now; back it up")
    return problems


def covers(held: BackupRecord[Any] | None, record: RawRecord | CleanRecord) -> bool:
    """Whether the backup's record has all that the primary's has."""
    if held is None:
        return False
    if isinstance(record, RawRecord):
        copied = {batch.batch_id: batch.content for batch in held.of.batches}
        return all(copied.get(batch.batch_id) == batch.content for batch in record.batches)
    return held.of.content == record.content and held.of.raw_digest == record.raw_digest


@dataclass(frozen=True)
class Restored:
    """What came back of a partition of a table: ``rows`` that had to be put there, of ``of`` in all."""

    label: str
    partition_key: str
    rows: int
    of: int


def restore(twins: Twins[R], partition_key: str, *, overwrite: bool = False) -> Restored | None:
    """Bring a partition back from its backup into ``twins.primary``, read back; None if it has no backup.

    What is there already and equal stays. WouldOverwrite if the primary holds other rows, unless ``overwrite``;
    BackupDiffers if the backup itself is damaged. Nothing is changed in either case.
    """

    def change() -> Restored | None:
        now = twins.pinned()
        held = backup_of(now, partition_key)
        if held is None:
            return None
        there = now.primary.record(twins.model, partition_key)
        wanted = _with(there, held.of)
        part = _missing(now.primary, held.of, there, partition_key, overwrite=overwrite)
        if part is None and there == wanted:
            return Restored(twins.label, partition_key, 0, held.of.content.rows)
        copies = _Copies(now.backup, now.primary)
        copies.take(part)
        failpoint("restore:after_files")
        copies.commit({partition_key: wanted})
        failpoint("restore:after_commit")
        return Restored(twins.label, partition_key, part.content.rows if part else 0, held.of.content.rows)

    return decided_anew(change)


def _missing(primary: IcebergTable, of: R, there: R | None, key: str, *, overwrite: bool) -> _Part | None:
    """What of the backup's record ``of`` is to be put into the primary; None if that has it all, whole."""
    everything = _Part(of_partitions([key]), of.content)
    damage = _problem(primary, there) if there is not None else None
    if there is None and not primary.partition_rows().get(key):
        return everything
    if there is not None and damage is None:
        if isinstance(there, RawRecord) and isinstance(of, RawRecord):
            lacking = of.batch_ids - there.batch_ids
            return _batches(of, lacking) if lacking else None
        if there.content == of.content:
            return None
    if not overwrite:
        raise WouldOverwrite(
            f"{primary.identifier} {key} does not hold what its backup holds ({damage or 'another version'}); look at "
            "it, then restore with --overwrite. Nothing was changed"
        )
    if isinstance(there, RawRecord) and isinstance(of, RawRecord):
        return _batches(of, of.batch_ids)
    return everything


def _batches(record: RawRecord, ids: set[str]) -> _Part:
    chosen = [batch for batch in record.batches if batch.batch_id in ids]
    total = sum((batch.content for batch in chosen), EMPTY)
    named = In("batch_id", [batch.batch_id for batch in chosen])  # pyright: ignore[reportCallIssue]
    return _Part(And(of_partitions([record.partition_key]), named), total)


def _with(held: R | None, record: R) -> R:
    """What a backup says after ``record`` was copied: of raw, what it had stays in it."""
    if isinstance(held, RawRecord) and isinstance(record, RawRecord):
        return held.with_batches(record.batches)
    return record


class _Copies:
    """Parts copied from one pinned table to another: files that were read back, not visible until the commit."""

    def __init__(self, origin: IcebergTable, goal: IcebergTable) -> None:
        self._origin, self._goal = origin, goal
        self._files: list[str] = []
        self._replaced: list[BooleanExpression] = []

    def take(self, part: _Part | None) -> None:
        """Copy a part and prove the copy's files; BackupDiffers, and its files are gone, if they differ."""
        if part is None:
            return
        self._replaced.append(part.where)
        if part.content == EMPTY:
            return
        try:
            # The rows of a raw batch are files of their own: so a batch can be taken out again.
            written = self._goal.write(self._origin.rows(part.where), "copy")
        except DamagedData as error:
            raise BackupDiffers(str(error)) from error
        if problem := self._difference(written, part.content):
            self._goal.discard(written.files)
            raise BackupDiffers(f"{problem}; nothing was changed. `steam-assets verify` says which copy is good")
        self._files += written.files

    def _difference(self, written: Written, wanted: Content) -> str | None:
        if written.content != wanted:
            return f"{self._origin.identifier} holds {_shown(written.content)}, and its ledger says {_shown(wanted)}"
        found = self._goal.content_of_files(written.files)
        if found != wanted:
            return f"the copy in {self._goal.identifier} reads back as {_shown(found)}, not {_shown(wanted)}"
        return None

    def commit(self, records: Mapping[str, BaseModel]) -> None:
        """Make the copies visible, in the place of what they replace, with the records of their partitions."""
        if records:
            self._goal.commit(
                self._goal.snapshot_id(),
                # Given at once it is a balanced tree; one by one it would be as deep as there are parts.
                remove=Or(AlwaysFalse(), *self._replaced) if self._replaced else None,
                add=self._files,
                properties={RECORD + key: record for key, record in records.items()},
                forget=[CLEARED + key for key in records],
                summary={"steam.partitions": ",".join(records)},
            )


def _problem(table: IcebergTable, record: RawRecord | CleanRecord) -> str | None:
    """What is wrong with a partition, read back; None if it is as its record says."""
    key = record.partition_key
    try:
        found = table.content([key])[key]
    except DamagedData as error:
        return f"{key}: {error}"
    if found == record.content:
        return None
    return f"{key}: holds {_shown(found)}, and its ledger says {_shown(record.content)}"


def _shown(found: Content) -> str:
    return f"{found.rows} rows (digest {found.digest})"
