"""Backup of raw partitions, proof that a backup is good, and the way back.

Belongs here: copying between two raw stores. Does not belong here: deciding what may be deleted (raw_housekeeping.py).

A backup only grows: batches that the primary no longer has stay in it. It is its own copy, with its own manifest.
What a partition has in quarantine goes with it both ways; no manifest names that, and no count of files has it in.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from steam_assets.crash_points import reached
from steam_assets.lake.manifest import Manifest, RawFile
from steam_assets.lake.raw_manifests import merged
from steam_assets.lake.raw_quarantine import copy_quarantine, damaged, quarantined
from steam_assets.lake.raw_store import DamagedManifest, RawStore, Verification

FILES_AT_ONCE = 4
"""Files copied and read back at the same time."""


class TargetDiffers(ValueError):
    """The target holds other data than the backup, and overwriting was not allowed; nothing was changed."""


class DamagedBackup(ValueError):
    """A file of the backup is missing or differs from its manifest; the target's manifest was not changed."""


@dataclass(frozen=True)
class BackupReport:
    """What a backup did: ``files`` with ``bytes`` in all, ``copied`` of them new; ``manifest_digest`` is the backup's.

    ``verification`` says what was read back from the copy. It has no problems: a copy that differs is an error.
    """

    uri: str
    source: str
    partition_key: str
    files: int
    bytes: int
    copied: int
    manifest_digest: str
    verification: Verification


@dataclass(frozen=True)
class RestoreReport:
    """What a restore did; ``verification`` is of the target, read back after it."""

    uri: str
    source: str
    partition_key: str
    files: int
    copied: int
    verification: Verification


def back_up(primary: RawStore, backup: RawStore, source: str, partition_key: str) -> BackupReport:
    """Copy a partition's files and quarantine, each read back, then its manifest. Doing it again copies nothing.

    FileNotFoundError if the primary has no such partition or lacks a file; ValueError if the roots are one, a file of
    the primary is damaged, or the backup holds other bytes under its name with a manifest that vouches for them.
    ValueError, too, for damage in quarantine, after all else was backed up.
    """
    manifest = _there(primary, source, partition_key)
    refuse_one_place(primary, backup)
    held = backup.manifest(source, partition_key) or Manifest.of(source, partition_key, ())
    merged(held, manifest.batches)
    copied = _copy_files(primary, backup, manifest.files, "raw_backup:after_file")
    lost = copy_quarantine(primary.store, backup.store, source, partition_key)
    recorded = backup.manifests.record(source, partition_key, manifest.batches, stage="raw_backup")
    if lost:
        raise ValueError(
            f"quarantined in {primary.store.uri}, damaged and in no backup: {', '.join(lost)}. All else of {source} "
            f"{partition_key} is backed up. Bring those files back from elsewhere, or delete them"
        )
    size = sum(file.size for file in manifest.files)
    return BackupReport(
        uri=backup.store.uri,
        source=source,
        partition_key=partition_key,
        files=len(manifest.files),
        bytes=size,
        copied=copied,
        manifest_digest=recorded.digest,
        verification=Verification(backup.store.uri, source, partition_key, len(manifest.files), size, ()),
    )


def verify_backup(primary: RawStore, backup: RawStore, source: str, partition_key: str) -> Verification:
    """Read the backup of a partition back; what the primary has and the backup has not is a problem too."""
    refuse_one_place(primary, backup)
    found = backup.verify(source, partition_key)
    wanted = primary.manifest(source, partition_key)
    try:
        held = backup.manifest(source, partition_key)
    except DamagedManifest:
        held = None
    digests = {file.key: file.sha256 for file in held.files} if held else {}
    lacking = [file for file in (wanted.files if wanted else ()) if digests.get(file.key) != file.sha256]
    held_aside = set(quarantined(backup.store, source, partition_key))
    keys = [file.key for file in lacking]
    keys += [key for key in quarantined(primary.store, source, partition_key) if key not in held_aside]
    problems = [f"{key}: not in backup (the primary has it; back the partition up)" for key in keys]
    return replace(found, problems=(*found.problems, *problems))


def restore(
    backup: RawStore, target: RawStore, source: str, partition_key: str, *, overwrite: bool = False
) -> RestoreReport:
    """Bring a partition back from its backup and read it back. Files that are there already and equal are left alone.

    FileNotFoundError if the backup has no such partition. TargetDiffers if the target has other bytes under a name,
    batches that stand against the backup's, or a damaged manifest, unless ``overwrite``; nothing is changed then.
    DamagedManifest or DamagedBackup if the backup itself is damaged; damage to its quarantine is a problem alone.
    """
    manifest = _there(backup, source, partition_key)
    refuse_one_place(backup, target)
    if not overwrite:
        _refuse_differing(target, manifest)
        _refuse_damaged_quarantine(target, source, partition_key)
    try:
        copied = _copy_files(backup, target, manifest.files, "restore:after_file")
    except (FileNotFoundError, ValueError) as error:
        raise DamagedBackup(
            f"the backup is damaged: {error}. If the primary is whole, back {source} {partition_key} up again"
        ) from error
    target.manifests.record(source, partition_key, manifest.batches, stage="restore", overwrite=overwrite)
    lost = copy_quarantine(backup.store, target.store, source, partition_key)
    found = target.verify(source, partition_key)
    problems = [f"{key}: digest (quarantined, and damaged in the backup)" for key in lost]
    return RestoreReport(
        uri=target.store.uri,
        source=source,
        partition_key=partition_key,
        files=len(manifest.files),
        copied=copied,
        verification=replace(found, problems=(*found.problems, *problems)),
    )


def refuse_one_place(first: RawStore, second: RawStore) -> None:
    """ValueError if two stores are the same place or one lies in the other."""
    one, other = first.store.uri + "/", second.store.uri + "/"
    if one.startswith(other) or other.startswith(one):
        raise ValueError(f"{one} and {other} are one place, or one within the other; a backup needs a place of its own")


def _there(store: RawStore, source: str, partition_key: str) -> Manifest:
    manifest = store.manifest(source, partition_key)
    if manifest is None:
        raise FileNotFoundError(
            f"{store.store.uri} has no raw partition {source} {partition_key}; materialize its raw, or restore it"
        )
    return manifest


def _refuse_differing(target: RawStore, manifest: Manifest) -> None:
    source, partition_key = manifest.source, manifest.partition_key
    try:
        held = target.manifest(source, partition_key) or Manifest.of(source, partition_key, ())
        merged(held, manifest.batches)
    except (DamagedManifest, ValueError) as error:
        raise TargetDiffers(str(error)) from error
    for file in manifest.files:
        if target.store.stat(file.key) is not None and target.store.sha256(file.key) != file.sha256:
            raise TargetDiffers(
                f"{target.store.uri}/{file.key} is there with other bytes than the backup's; look at it, then restore "
                "with overwriting allowed. Nothing was changed"
            )


def _refuse_damaged_quarantine(target: RawStore, source: str, partition_key: str) -> None:
    differing = damaged(target.store, source, partition_key)
    if differing:
        raise TargetDiffers(
            f"{target.store.uri} has in quarantine other bytes than were set aside: {', '.join(differing)}; look at "
            "them, then restore with overwriting allowed. Nothing was changed"
        )


def _copy_files(origin: RawStore, goal: RawStore, files: tuple[RawFile, ...], step: str) -> int:
    def copy(file: RawFile) -> bool:
        before = goal.store.stat(file.key)
        after = goal.store.copy_from(origin.store, file.key, file.sha256)
        reached(step)
        return before is None or before.etag != after.etag

    # One file is read back while the next is written; the first failure ends the copying when those begun are done.
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        copies = [pool.submit(copy, file) for file in files]
        try:
            return sum(copied.result() for copied in copies)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
