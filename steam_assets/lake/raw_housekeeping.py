"""Clearing old raw partitions that a backup holds.

Belongs here: what may be cleared and the clearing itself. Does not belong here: any change of a backup, clean tables.

Nothing is deleted that the backup does not hold: right before, the bytes of both sides are read and compared. Then, in
this order: the intent is written down; a mark takes the manifest's place, on condition that nobody committed meanwhile;
the files go; the mark goes; the intent becomes a record. A run that dies is finished by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from steam_assets.crash_points import reached
from steam_assets.lake.lease import CLOCK_SKEW, TTL, Lease, lease
from steam_assets.lake.manifest import Manifest, RawFile
from steam_assets.lake.raw_backup import refuse_one_place, verify_backup
from steam_assets.lake.raw_store import DamagedManifest, RawStore
from steam_assets.lake.store import StoreConflict

_LEASE = "raw-housekeeping"
_LEFTOVERS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Candidate:
    """A partition that was looked at. ``clear`` says whether it would be cleared, ``reason`` why or why not.

    ``size`` is in bytes. ``manifest_digest`` pins what was looked at: another commit since, and it is left alone.
    ``begun`` marks one that an earlier run half cleared.
    """

    source: str
    partition_key: str
    files: tuple[str, ...]
    size: int
    clear: bool
    reason: str
    manifest_digest: str
    begun: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate; ``size`` is the bytes freed."""

    source: str
    partition_key: str
    cleared: bool
    size: int
    reason: str


class Tombstone(BaseModel):
    """The record of a clearing: ``intent`` before, ``done`` after. The backup at ``backup`` has the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["intent", "done"]
    source: str
    partition_key: str
    manifest_digest: str
    files: tuple[RawFile, ...]
    backup: str
    at: AwareDatetime


def plan(primary: RawStore, backup: RawStore, sources: Sequence[str], older_than: datetime) -> list[Candidate]:
    """Every partition of the sources, oldest first, and whether ``apply`` would try to clear it. Deletes nothing.

    A partition's age is that of the first day of its window. ``older_than`` is aware. This compares manifests only;
    ``apply`` reads the bytes.
    """
    refuse_one_place(primary, backup)
    if older_than.tzinfo is None:
        raise ValueError(f"{older_than} has no time zone; give an aware datetime")
    candidates: list[Candidate] = []
    for source in sources:
        candidates += [_begun(tombstone) for tombstone in _intents(primary, source)]
        candidates += [
            _candidate(primary, backup, source, partition_key, older_than)
            for partition_key in primary.partitions(source)
        ]
    return candidates


def _begun(tombstone: Tombstone) -> Candidate:
    return Candidate(
        source=tombstone.source,
        partition_key=tombstone.partition_key,
        files=tuple(file.key for file in tombstone.files),
        size=sum(file.size for file in tombstone.files),
        clear=True,
        reason="a run that died half-way has begun it; finished if its backup verifies",
        manifest_digest=tombstone.manifest_digest,
        begun=True,
    )


def _candidate(primary: RawStore, backup: RawStore, source: str, partition_key: str, older_than: datetime) -> Candidate:
    try:
        manifest = primary.manifest(source, partition_key)
        held = backup.manifest(source, partition_key)
    except DamagedManifest as error:
        return Candidate(source, partition_key, (), 0, False, str(error), "")
    if manifest is None:
        return Candidate(source, partition_key, (), 0, False, "it was cleared meanwhile", "")
    refusal = _refusal(manifest, held, older_than)
    return Candidate(
        source=source,
        partition_key=partition_key,
        files=tuple(file.key for file in manifest.files),
        size=sum(file.size for file in manifest.files),
        clear=refusal is None,
        reason=refusal or f"older than {older_than:%Y-%m-%d} and in the backup, whose bytes are read before deleting",
        manifest_digest=manifest.digest,
    )


def _refusal(manifest: Manifest, held: Manifest | None, older_than: datetime) -> str | None:
    begin = datetime.strptime(manifest.partition_key, "%Y-%m-%d").replace(tzinfo=UTC)
    if begin >= older_than:
        return f"not older than {older_than:%Y-%m-%d}"
    if held is None:
        return "not in the backup; back it up first"
    digests = {file.key: file.sha256 for file in held.files}
    lacking = [file.key for file in manifest.files if digests.get(file.key) != file.sha256]
    return f"the backup lacks {', '.join(lacking)}; back it up again" if lacking else None


def apply(
    primary: RawStore,
    backup: RawStore,
    candidates: Sequence[Candidate],
    *,
    ttl: timedelta = TTL,
    skew: timedelta = CLOCK_SKEW,
) -> list[Outcome]:
    """Clear the candidates that ``plan`` would clear, each only if its backup verifies at that moment.

    Sweeps writers' leftovers older than a day, too. The backup is only read. LeaseHeld if another housekeeping is at
    it, LeaseLost if this one was too slow.
    """
    refuse_one_place(primary, backup)
    outcomes: list[Outcome] = []
    with lease(primary.store, _LEASE, ttl=ttl, skew=skew) as held:
        for candidate in candidates:
            if candidate.clear:
                held.renew()
                clear = _finish if candidate.begun else _clear
                outcomes.append(clear(primary, backup, candidate, held))
        primary.store.sweep_leftovers(datetime.now(UTC) - _LEFTOVERS_KEPT)
    return outcomes


def _clear(primary: RawStore, backup: RawStore, candidate: Candidate, held: Lease) -> Outcome:
    source, partition_key = candidate.source, candidate.partition_key

    def left_alone(reason: str) -> Outcome:
        return Outcome(source, partition_key, False, 0, reason)

    try:
        manifest = primary.manifest(source, partition_key)
    except DamagedManifest as error:
        return left_alone(str(error))
    if manifest is None or manifest.digest != candidate.manifest_digest:
        return left_alone("it changed since the plan; plan again")
    problems = [
        *verify_backup(primary, backup, source, partition_key).problems,
        *primary.verify(source, partition_key).problems,
    ]
    if problems:
        return left_alone("; ".join(problems))
    tombstone = Tombstone(
        state="intent",
        source=source,
        partition_key=partition_key,
        manifest_digest=manifest.digest,
        files=manifest.files,
        backup=backup.store.uri,
        at=datetime.now(UTC),
    )
    held.renew()
    _write(primary, tombstone)
    reached("housekeeping:after_intent")
    try:
        primary.manifests.begin_clearing(manifest)
    except StoreConflict:
        primary.store.delete(_tombstone_key(source, partition_key))
        return left_alone("a landing committed meanwhile; plan again")
    reached("housekeeping:after_tombstone")
    return _delete(primary, tombstone, held)


def _delete(primary: RawStore, tombstone: Tombstone, held: Lease) -> Outcome:
    freed = 0
    for file in tombstone.files:
        held.renew()
        freed += file.size if primary.store.stat(file.key) else 0
        primary.store.delete(file.key)
        reached("housekeeping:after_delete")
    primary.manifests.end_clearing(tombstone.source, tombstone.partition_key)
    reached("housekeeping:after_manifest")
    return _record_done(primary, tombstone, freed)


def _record_done(primary: RawStore, tombstone: Tombstone, freed: int) -> Outcome:
    _write(primary, tombstone.model_copy(update={"state": "done", "at": datetime.now(UTC)}))
    return Outcome(tombstone.source, tombstone.partition_key, True, freed, f"cleared; {tombstone.backup} has it")


def _finish(primary: RawStore, backup: RawStore, candidate: Candidate, held: Lease) -> Outcome:
    source, partition_key = candidate.source, candidate.partition_key
    tombstone = next((t for t in _intents(primary, source) if t.partition_key == partition_key), None)
    if tombstone is None:
        return Outcome(source, partition_key, False, 0, "another run has finished it")
    if not primary.manifests.copies(source, partition_key)[0].clearing:
        # All was deleted and the mark lifted; files there now are of a landing that has not committed yet.
        return _record_done(primary, tombstone, freed=0)
    problems = [*backup.verify(source, partition_key).problems, *_lacking(backup, tombstone)]
    if problems:
        return Outcome(source, partition_key, False, 0, f"half cleared, the rest is kept: {'; '.join(problems)}")
    return _delete(primary, tombstone, held)


def _lacking(backup: RawStore, tombstone: Tombstone) -> list[str]:
    manifest = backup.manifest(tombstone.source, tombstone.partition_key)
    digests = {file.key: file.sha256 for file in manifest.files} if manifest else {}
    return [f"{f.key}: not in backup" for f in tombstone.files if digests.get(f.key) != f.sha256]


def _intents(primary: RawStore, source: str) -> list[Tombstone]:
    """Clearings that went past the point of no return and were not recorded as done."""
    found = [
        Tombstone.model_validate_json(primary.store.read(stored.key))
        for stored in primary.store.list(f"{source}/_tombstones/")
    ]
    return [tombstone for tombstone in found if tombstone.state == "intent" and _marked(primary, tombstone)]


def _marked(primary: RawStore, tombstone: Tombstone) -> bool:
    """True unless the partition lives: then the run died before the mark, or somebody has landed or restored since."""
    first, second = primary.manifests.copies(tombstone.source, tombstone.partition_key)
    return first.clearing or (first.etag is None and second.etag is None)


def was_cleared(primary: RawStore, source: str, partition_key: str) -> bool:
    """True if housekeeping cleared the partition and nobody has brought it back since."""
    key = _tombstone_key(source, partition_key)
    if primary.manifest(source, partition_key) is not None or primary.store.stat(key) is None:
        return False
    return Tombstone.model_validate_json(primary.store.read(key)).state == "done"


def _write(primary: RawStore, tombstone: Tombstone) -> None:
    key = _tombstone_key(tombstone.source, tombstone.partition_key)
    primary.store.write(key, tombstone.model_dump_json(indent=1).encode())


def _tombstone_key(source: str, partition_key: str) -> str:
    return f"{source}/_tombstones/{partition_key}.json"
