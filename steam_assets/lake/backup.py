"""Backups of any table: copy partitions to the twin table, verify the copy, and restore it.

Belongs here: backup, verification and restore. Does not belong here: deciding what may be deleted (housekeeping.py).

A copy becomes visible only after its files were read back and equal what the ledger has for the original: the SHA-256
of its files, whose rows were read back when they were written, or else the digest of its rows. A raw backup only grows:
it keeps batches that the primary no longer has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from steam_assets.failpoints import failpoint
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.commit_groups import groups
from steam_assets.lake.iceberg_table import IcebergTable, retry_on_contention
from steam_assets.lake.lake import Twins
from steam_assets.lake.lost_manifests import rebuild_manifests
from steam_assets.lake.parquet_files import DamagedData, stored
from steam_assets.lake.partition_copies import BackupDiffers, Copies, Part, as_written, shown
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import BackupRecord, Batch, Cleared, PartitionRecord, R, RawRecord, covers, has_all


class WouldOverwrite(Exception):
    """The primary holds different data from its backup, and overwriting was not allowed; nothing was changed."""


def backup_of(twins: Twins[R], partition_key: str) -> BackupRecord[R] | None:
    """The ledger's record of a partition's backup; None if it has none."""
    return twins.backup.record(BackupRecord[twins.model], partition_key)


def backups_of(twins: Twins[R]) -> dict[str, BackupRecord[R]]:
    return twins.backup.records(BackupRecord[twins.model])


def back_up(
    twins: Twins[R], partition_keys: Sequence[str], now: datetime
) -> tuple[dict[str, BackupRecord[R]], list[str]]:
    """Copy partitions to the backup, a group per commit, each read back and compared; existing copies stay.

    ``now`` is aware. Returns the verified records by key, and one line per partition whose primary does not match its
    ledger record; the backup of such a partition stays unchanged.
    """
    verified, problems = dict[str, BackupRecord[R]](), list[str]()
    for group in groups(partition_keys, twins.primary.records(twins.model)):
        done, wrong = _backed_up_together(twins, group, now)
        verified |= done
        problems += wrong
    return verified, problems


def _backed_up_together(
    twins: Twins[R], partition_keys: Sequence[str], now: datetime
) -> tuple[dict[str, BackupRecord[R]], list[str]]:
    def change() -> tuple[dict[str, BackupRecord[R]], list[str]]:
        # Commits by others can be detected only on an existing table.
        twins.backup.create()
        held = twins.planned(partition_keys)
        verified: dict[str, BackupRecord[R]] = {}
        problems: list[str] = []
        copies = Copies(held.primary, held.backup)
        rows = _rows_beside(held.backup, [key for key in partition_keys if backup_of(held, key)], partition_keys)
        for key in partition_keys:
            try:
                verified[key] = _copied(held, key, copies, rows, now)
            except BackupDiffers as error:
                problems.append(str(error))
        failpoint("backup:after_files")
        copies.commit(verified)
        failpoint("backup:after_commit")
        return verified, problems

    return retry_on_contention(change)


def _copied(
    twins: Twins[R], partition_key: str, copies: Copies, rows: Mapping[str, int], now: datetime
) -> BackupRecord[R]:
    """Copy what a partition's backup lacks into ``copies``; return its record as of their commit.

    ``rows`` has those that partitions of the backup without a record nevertheless hold.
    """
    record, held = twins.primary.record(twins.model, partition_key), backup_of(twins, partition_key)
    if record is None:
        raise BackupDiffers(f"{twins.label} has no partition {partition_key}; materialize it, or restore it")
    wanted = _with(held.of if held else None, record)
    if isinstance(record, RawRecord) and isinstance(wanted, RawRecord):
        wanted = wanted.marked_as(record)
    if not has_all(wanted, record):
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} has a batch with the same id as one in the primary but other "
            "content; compare them with `steam-assets show raw`, with and without --backup"
        )
    part, replaced = _lacking(twins.backup, record, held, rows)
    if replaced and wanted.content != record.content:
        raise BackupDiffers(
            f"the backup of {twins.label} {partition_key} is damaged, and the primary no longer has all of it; restore "
            "the backup's files from another copy"
        )
    kept = held.files if held and not replaced else {}
    return BackupRecord[twins.model](of=wanted, files=kept | copies.take(part), verified_at=now)


def restore(twins: Twins[R], partition_key: str, *, overwrite: bool = False) -> int | None:
    """Restore one partition as ``restore_partitions`` does; None if it has no backup. Raises BackupDiffers, too.

    Batches that the backup does not have stay as they are, even damaged ones.
    """
    restored = restore_partitions(twins, [partition_key], overwrite=overwrite)
    if problem := restored.problems.get(partition_key):
        raise BackupDiffers(problem)
    return restored.rows.get(partition_key)


@dataclass(frozen=True)
class RestoredRows:
    """Rows written by partition, for those that are as their backup now, and by partition what is wrong with others.

    ``beyond`` is what is wrong with partitions that are as their backup now, but hold more than it.
    """

    rows: dict[str, int] = field(default_factory=dict[str, int])
    problems: dict[str, str] = field(default_factory=dict[str, str])
    beyond: dict[str, str] = field(default_factory=dict[str, str])


def restore_partitions(twins: Twins[R], partition_keys: Sequence[str], *, overwrite: bool = False) -> RestoredRows:
    """Restore partitions from their backups into ``twins.primary``, each read back, in one commit.

    With ``overwrite``, lost manifests of the primary are rebuilt first, for all of its partitions (lost_manifests.py).
    Equal rows that already exist stay, and partitions without a backup are left out. Those with a damaged backup stay
    unchanged. Raises WouldOverwrite, with nothing changed, if the primary holds other rows of one of them, unless
    ``overwrite``.
    """

    def change() -> RestoredRows:
        now = replace(twins, backup=twins.backup.planned(partition_keys))
        held = {key: copy.of for key in partition_keys if (copy := backup_of(now, key))}
        if not held:
            return RestoredRows()
        now.primary.create()
        if overwrite and now.primary.planned(partition_keys).plan.keys() < set(partition_keys):
            rebuild_manifests(now.primary, {k: one.sha256s for k, one in now.primary.records(twins.model).items()})
        now = replace(now, primary=now.primary.planned(partition_keys))
        there = {key: record for key in held if (record := now.primary.record(twins.model, key))}
        rows = _rows_beside(now.primary, there, held)
        lacking = {key: _lacking(now.primary, of, there.get(key), rows) for key, of in held.items()}
        for key, (_, replaced) in lacking.items():
            if replaced and not overwrite:
                raise WouldOverwrite(
                    f"{now.primary.identifier} {key} differs from its backup ({replaced}); inspect it, then "
                    "restore with --overwrite. Nothing was changed"
                )
        done = _restored(now, held, there, {key: part for key, (part, _) in lacking.items()})
        # Where nothing was damaged, what the backup does not have has just been read.
        mixed = [key for key, (part, damage) in lacking.items() if damage and part and part.batch_ids is not None]
        done.beyond.update(_wrong_beyond(twins, [key for key in mixed if key in done.rows]))
        return done

    return retry_on_contention(change)


def _wrong_beyond(twins: Twins[R], keys: Sequence[str]) -> dict[str, str]:
    """What is still wrong with restored partitions whose backup does not have all of their batches."""
    wrong, now = dict[str, str](), replace(twins, backup=twins.backup.pinned(), primary=twins.primary.planned(keys))
    for key in keys:
        record, copy = now.primary.record(twins.model, key), backup_of(now, key)
        problem = _problem(now.primary, record) if record else None
        if problem is None or not isinstance(record, RawRecord):
            continue
        alone = record.batch_ids - (copy.of.batch_ids if copy and isinstance(copy.of, RawRecord) else set())
        damaged = [_batch_problem(now.primary, batch, key) for batch in record.batches if batch.batch_id in alone]
        wrong[key] = "; ".join(filter(None, damaged)) or f"{problem}; back it up, then restore it again"
    return wrong


def _batch_problem(table: IcebergTable, batch: Batch, key: str) -> str | None:
    """What is wrong with a batch that no backup has; None if it reads back as the ledger has it."""
    held = table.create()
    try:
        files = [file.file_path for file in table.files_of(key, {batch.batch_id})]
        found = stored(held.io, arrow_schema(held), {key: files})[key].content
        problem = (
            None if found == batch.content else f"{', '.join(files)} has {shown(found)}, not {shown(batch.content)}"
        )
    except DamagedData as error:
        problem = str(error)
    return problem and (
        f"batch {batch.batch_id} is damaged and no backup has it: {problem}; remove that file and run the "
        "partition again, which lands it from Kafka if that still has it"
    )


def _restored(
    twins: Twins[R], held: Mapping[str, R], there: Mapping[str, R], parts: Mapping[str, Part | None]
) -> RestoredRows:
    """Copy what the pinned primary lacks of each partition, and commit it."""
    copies, done, records = Copies(twins.backup, twins.primary), RestoredRows(), dict[str, R]()
    for key, part in parts.items():
        try:
            copies.take(part)
        except BackupDiffers as error:
            done.problems[key] = str(error)
            continue
        done.rows[key] = part.stored.content.rows if part else 0
        wanted = _with(there.get(key), held[key])
        if part is not None or there.get(key) != wanted:
            records[key] = wanted
    if records:
        failpoint("restore:after_files")
        copies.commit(records)
        failpoint("restore:after_commit")
    return done


def _lacking(
    goal: IcebergTable, of: R, there: R | BackupRecord[R] | None, rows: Mapping[str, int]
) -> tuple[Part | None, str | None]:
    """What ``goal`` lacks of a partition, and why it replaces existing rows; each None if it does not.

    ``rows`` has those that partitions of ``goal`` without a record nevertheless hold.
    """
    everything = Part(of.partition_key, None, Stored(of.content, of.sha256s))
    if there is None:
        return everything, "no record" if rows.get(of.partition_key) else None
    damage = _problem(goal, there)
    known = there.of if isinstance(there, BackupRecord) else there
    if isinstance(of, RawRecord) and isinstance(known, RawRecord):
        lacking = of.batch_ids if damage else of.batch_ids - known.batch_ids
        # Batches that ``of`` does not have stay unchanged.
        batches = everything if lacking >= known.batch_ids else _batches(of, lacking)
        return (batches if damage or lacking else None), damage
    if damage is None and known.content == of.content:
        return None, None
    return everything, damage or "another version"


def _rows_beside(goal: IcebergTable, recorded: Collection[str], keys: Iterable[str]) -> dict[str, int]:
    """The rows of each partition, if one of ``keys`` is not ``recorded`` and so should have none."""
    return {} if all(key in recorded for key in keys) else goal.partition_rows()


def _batches(record: RawRecord, ids: set[str]) -> Part:
    each = (Stored(batch.content, batch.sha256s) for batch in record.batches if batch.batch_id in ids)
    return Part(record.partition_key, frozenset(ids), sum(each, Stored()))


def _with(held: R | None, record: R) -> R:
    """The record of a table after ``record`` was copied to it; raw keeps the batches it had."""
    if isinstance(held, RawRecord) and isinstance(record, RawRecord):
        return held.with_batches(record.batches)
    return record


def verify(table: IcebergTable, records: Iterable[PartitionRecord | BackupRecord[PartitionRecord]]) -> list[str]:
    """Read partitions back and compare them with the ledger; return one line for each that differs.

    Every byte of their files is compared; if another program has rewritten those of a primary, its rows are.
    """
    return [problem for record in records if (problem := _problem(table, record)) is not None]


def verify_twins(twins: Twins[R], partition_key: str) -> list[str]:
    """Read back a partition's primary and backup; return one line per problem."""
    problems, twins = list[str](), twins.planned([partition_key])
    record, held = twins.primary.record(twins.model, partition_key), backup_of(twins, partition_key)
    if record is not None and (problem := _problem(twins.primary, record)):
        problems.append(f"{twins.label} {problem}")
    if held is not None and (problem := _problem(twins.backup, held)):
        problems.append(f"{twins.label} backup {problem}")
    cleared = twins.primary.record(Cleared, partition_key)
    if cleared is not None and not covers(held, cleared.of):
        problems.append(
            f"{twins.label} {partition_key}: cleared from the primary on {cleared.at:%Y-%m-%d}, and the backup at "
            f"{cleared.backup} no longer has it; is that the right folder or bucket?"
        )
    if record is None and held is not None and cleared is None:
        problems.append(f"{twins.label} {partition_key}: lost, and only the backup has it; `steam-assets restore`")
    if record is not None and not covers(held, record):
        problems.append(f"{twins.label} {partition_key}: its current version is not in the backup; back it up")
    return problems


def _problem(table: IcebergTable, record: PartitionRecord | BackupRecord[PartitionRecord]) -> str | None:
    """What is wrong with a partition, read back; None if it matches its record."""
    copy = record if isinstance(record, BackupRecord) else None
    recorded = record.of if isinstance(record, BackupRecord) else record
    key = recorded.partition_key
    try:
        table = table.pinned()
        held = table.load()
        if held and (names := table.displaced(held)):
            return (
                f"{key}: another program has dropped, renamed or exchanged the column{'s' * (len(names) > 1)} "
                f"{', '.join(names)}; materialize or restore any partition of the table to put that right"
            )
        table = table.planned([key])
        digests = table.digests(key)
        unchanged = digests == copy.files if copy else as_written(digests, recorded.sha256s)
        # Equal bytes mean equal rows if the table has all columns.
        if unchanged and held and not table.lacking(held):
            return None
        found = table.stored([key])[key].content
    except DamagedData as error:
        return f"{key}: {error}"
    if found != recorded.content:
        return f"{key}: holds {shown(found)}, but its ledger records {shown(recorded.content)}"
    if copy is None or unchanged:
        return None
    changed = sorted(name for name, _ in digests.items() ^ copy.files.items())
    return f"{key}: the rows are correct, but the bytes of {', '.join(dict.fromkeys(changed))} have changed"
