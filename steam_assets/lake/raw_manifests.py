"""The manifests of a raw root: two copies of each, read and written so that no landing is lost.

Belongs here: where manifests rest, which copy counts, merging of batches, the mark of a partition being cleared.
Does not belong here: raw files (raw_store.py), the fields of a manifest (manifest.py).

The second copy is written first and holds at least the batches of the first, so that either may be lost. The first,
``manifest.json``, is written on condition that nobody else wrote it meanwhile. A partition that housekeeping clears has
a mark in its place: as both sides write there on condition, a landing and a clearing can never both go ahead.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from steam_assets.crash_points import reached
from steam_assets.lake.manifest import LandedBatch, Manifest
from steam_assets.lake.store import Store, StoreConflict

Stage = Literal["land", "raw_backup", "restore"]

_BEFORE: dict[Stage, str] = {
    "land": "land:before_manifest",
    "raw_backup": "raw_backup:before_manifest",
    "restore": "restore:before_manifest",
}
_AFTER: dict[Stage, str] = {
    "land": "land:after_manifest",
    "raw_backup": "raw_backup:after_manifest",
    "restore": "restore:after_manifest",
}

_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PARTITION_KEY = re.compile(r"\d{4}-\d{2}-\d{2}")

_log = logging.getLogger(__name__)


class DamagedManifest(Exception):
    """No copy of a partition's manifest can be trusted; the message names the next step."""


class PartitionBeingCleared(Exception):
    """Housekeeping is deleting this partition, or died while it did."""


class ClearingMark(BaseModel):
    """Stands in the place of a manifest while the files it named are deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clearing: Literal[True] = True
    source: str
    partition_key: str
    manifest_digest: str


@dataclass(frozen=True)
class ManifestCopy:
    """A copy as found: what it holds (None if absent or damaged), its etag (None if absent), what is wrong with it."""

    key: str
    content: Manifest | ClearingMark | None = None
    etag: str | None = None
    damage: str | None = None

    @property
    def manifest(self) -> Manifest | None:
        return self.content if isinstance(self.content, Manifest) else None

    @property
    def clearing(self) -> bool:
        return isinstance(self.content, ClearingMark)


def partition_folder(source: str, partition_key: str) -> str:
    """``<source>/<partition key>``. ValueError for names that are neither."""
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"{source!r} is no source name: use a-z, 0-9 and _, a letter first")
    if not _PARTITION_KEY.fullmatch(partition_key):
        raise ValueError(f"{partition_key!r} is no partition key: write a day as YYYY-MM-DD")
    return f"{source}/{partition_key}"


def manifest_key(source: str, partition_key: str) -> str:
    return f"{partition_folder(source, partition_key)}/manifest.json"


def second_copy_key(source: str, partition_key: str) -> str:
    partition_folder(source, partition_key)
    return f"{source}/_manifests/{partition_key}.json"


def merged(base: Manifest, batches: Iterable[LandedBatch], *, overwrite: bool = False) -> Manifest:
    """``base`` with ``batches`` in it. ValueError if that would forget a file or change what a name stands for.

    With ``overwrite`` the entries of ``base`` that stand against the new ones give way.
    """
    for batch in batches:
        fresh = {file.key: file.sha256 for file in batch.files}
        against = [entry for entry in base.batches if _stands_against(entry, batch.batch_id, fresh)]
        if against and not overwrite:
            raise ValueError(
                f"batch {batch.batch_id} of {base.source} {base.partition_key} stands against batch "
                f"{against[0].batch_id}, which is there already: files have the same name and other bytes, or would be "
                "forgotten. Verify both roots; nothing was changed"
            )
        kept = [entry for entry in base.batches if entry not in against or entry.batch_id == batch.batch_id]
        base = Manifest.of(base.source, base.partition_key, kept).with_batch(batch)
    return base


def _stands_against(entry: LandedBatch, batch_id: str, fresh: dict[str, str]) -> bool:
    known = {file.key: file.sha256 for file in entry.files}
    forgotten = entry.batch_id == batch_id and not known.keys() <= fresh.keys()
    return forgotten or any(fresh.get(key, sha256) != sha256 for key, sha256 in known.items())


class RawManifests:
    """The manifests in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def copies(self, source: str, partition_key: str) -> tuple[ManifestCopy, ManifestCopy]:
        """The first and the second copy as they are."""
        return (
            self._copy(manifest_key(source, partition_key), source, partition_key),
            self._copy(second_copy_key(source, partition_key), source, partition_key),
        )

    def read(self, source: str, partition_key: str) -> Manifest | None:
        """The manifest that counts; None if there is none or the partition is being cleared.

        DamagedManifest if something is there and no copy is whole.
        """
        first, second = self.copies(source, partition_key)
        return None if first.clearing else self._trusted(first, second)

    def record(
        self, source: str, partition_key: str, batches: Iterable[LandedBatch], *, stage: Stage, overwrite: bool = False
    ) -> Manifest:
        """Add batches, whoever else adds some at the same time. The manifest as it is then.

        ValueError for batches that stand against those that are there, and DamagedManifest, both unless ``overwrite``;
        PartitionBeingCleared; StoreConflict if twenty tries all met another writer.
        """
        batches = tuple(batches)
        for attempt in Retrying(
            retry=retry_if_exception_type(StoreConflict),
            stop=stop_after_attempt(20),
            wait=wait_random_exponential(multiplier=0.02, max=0.5),
            reraise=True,
        ):
            with attempt:
                return self._record_once(source, partition_key, batches, stage, overwrite)
        raise AssertionError("tenacity returns or raises")

    def _record_once(
        self, source: str, partition_key: str, batches: tuple[LandedBatch, ...], stage: Stage, overwrite: bool
    ) -> Manifest:
        first, second = self.copies(source, partition_key)
        if first.clearing:
            raise PartitionBeingCleared(
                f"housekeeping is clearing {source} {partition_key} in {self._store.uri}; try again when it has "
                "finished. If it died, run housekeeping again: it finishes what it began"
            )
        bare = Manifest.of(source, partition_key, ())
        base = self._trusted(first, second, overwrite=overwrite) or bare
        new = merged(base, batches, overwrite=overwrite)
        behind = merged(second.manifest or base, new.batches, overwrite=True)
        self._write(second, behind)
        reached(_BEFORE[stage])
        self._write(first, new)
        reached(_AFTER[stage])
        return new

    def begin_clearing(self, manifest: Manifest) -> None:
        """Put the mark in the manifest's place. StoreConflict if the manifest is not the one that counts any more."""
        source, partition_key = manifest.source, manifest.partition_key
        first, second = self.copies(source, partition_key)
        if first.clearing or self._trusted(first, second) != manifest:
            raise StoreConflict(f"{first.key} was changed meanwhile")
        mark = ClearingMark(source=source, partition_key=partition_key, manifest_digest=manifest.digest)
        self._put(first, mark)
        self._store.delete(second.key)

    def end_clearing(self, source: str, partition_key: str) -> None:
        first, second = self.copies(source, partition_key)
        if first.clearing:
            self._store.delete(second.key)
            self._store.delete(first.key)

    def _trusted(self, first: ManifestCopy, second: ManifestCopy, *, overwrite: bool = False) -> Manifest | None:
        if first.manifest is not None:
            return first.manifest
        if second.manifest is not None:
            _log.warning("%s/%s: %s; its second copy is used", self._store.uri, first.key, first.damage or "missing")
            return second.manifest
        damage = "; ".join(f"{copy.key}: {copy.damage}" for copy in (first, second) if copy.damage)
        if damage and not overwrite:
            raise DamagedManifest(
                f"no copy of the manifest can be trusted in {self._store.uri} ({damage}). Its files are untouched: "
                "restore the partition from the other root, with overwriting allowed"
            )
        return None

    def _copy(self, key: str, source: str, partition_key: str) -> ManifestCopy:
        # The etag is taken before the bytes: a write in between makes a later conditional write fail, never pass.
        stored = self._store.stat(key)
        if stored is None:
            return ManifestCopy(key)
        try:
            content = _parsed(self._store.read(key))
        except FileNotFoundError:
            return ManifestCopy(key)
        except (ValidationError, OSError) as error:
            reason = "no manifest in it" if isinstance(error, ValidationError) else str(error)
            return ManifestCopy(key, etag=stored.etag, damage=reason)
        damage = None
        if (content.source, content.partition_key) != (source, partition_key):
            damage = f"it is the manifest of {content.source} {content.partition_key}"
        elif isinstance(content, Manifest) and not content.intact:
            damage = "its digest does not match"
        return ManifestCopy(key, None if damage else content, stored.etag, damage)

    def _write(self, found: ManifestCopy, manifest: Manifest) -> None:
        if found.manifest != manifest:
            self._put(found, manifest)

    def _put(self, found: ManifestCopy, content: Manifest | ClearingMark) -> None:
        self._store.write(
            found.key,
            content.model_dump_json(indent=1).encode(),
            if_absent=found.etag is None,
            if_etag=found.etag,
        )


def _parsed(data: bytes) -> Manifest | ClearingMark:
    try:
        return Manifest.model_validate_json(data)
    except ValidationError:
        return ClearingMark.model_validate_json(data)
