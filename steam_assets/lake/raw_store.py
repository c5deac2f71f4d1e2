"""Raw data: what the sources said, as immutable gzip JSON Lines files and a manifest a partition.

Belongs here: names, writing, reading and verifying of raw files. Does not belong here: how manifests are kept
(raw_manifests.py), where quarantine rests (raw_quarantine.py), copies of it all (raw_backup.py), deciding what may be
deleted (raw_housekeeping.py).

    <source>/<partition key>/<topic>+<Kafka partition>+<start offset>.jsonl.gz
    <source>/<partition key>/manifest.json       the commit; its second copy is <source>/_manifests/<partition key>.json
    <source>/_quarantine/<partition key>/…       bytes nobody could decode, with the reason
    <source>/_tombstones/<partition key>.json    what housekeeping deleted
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from steam_assets.crash_points import reached
from steam_assets.lake.manifest import LandedBatch, Manifest, RawFile
from steam_assets.lake.raw_manifests import (
    DamagedManifest,
    PartitionBeingCleared,
    RawManifests,
    manifest_key,
    partition_folder,
    second_copy_key,
)
from steam_assets.lake.raw_quarantine import NAMED_DIGITS, damaged, quarantine_folder
from steam_assets.lake.store import Store, StoreConflict
from steam_assets.scratch import scratch_folder

__all__ = ["DamagedManifest", "PartitionBeingCleared", "RawStore", "Verification", "raw_file_name"]

# Spark leaves out files whose names begin with a dot or an underscore: such a file would be lost in silence.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]*\.jsonl\.gz")
_LEVEL = 3
_GZIP = 31
"""To zlib: the largest window, in a gzip wrapping, which has neither name nor time."""
_BLOCK = 1 << 20
_PACKERS = 2


@dataclass(frozen=True)
class Verification:
    """One partition read back: files and bytes that its manifest names, and every problem, a line each.

    A problem begins with the key within the root and a colon; then missing, size, digest, unreadable, manifest,
    not in backup, or extra (no manifest names it).
    """

    uri: str
    source: str
    partition_key: str
    files: int
    bytes: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def raw_file_name(topic: str, kafka_partition: int, start_offset: int) -> str:
    """The name that a batch's records have for ever, so that landing them again writes the same file."""
    return f"{topic}+{kafka_partition}+{start_offset:020d}.jsonl.gz"


class RawStore:
    """The raw data in one store: a primary or a backup, they are alike."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.manifests = RawManifests(store)

    def write_file(self, source: str, partition_key: str, name: str, lines: Iterable[bytes]) -> RawFile:
        """Store envelopes, one a line (without line break), as a file of that name.

        The same lines again are no error and change nothing. ValueError if the name stands for other lines already,
        or for a name Spark would not read.
        """
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no raw file name: see raw_file_name")
        key = f"{partition_folder(source, partition_key)}/{name}"
        with scratch_folder("steam-raw-") as folder:
            path = folder / "lines.gz"
            records = _compress(path, lines)
            file = self._publish(key, path, records)
        reached("land:after_file")
        return file

    def _publish(self, key: str, path: Path, records: int) -> RawFile:
        digest = _sha256_of(path)
        try:
            self.store.write(key, path, if_absent=True)
        except StoreConflict:
            present = self.store.sha256(key)
            if present != digest:
                self._refuse_other_lines(key, path)
            digest = present
        stored = self.store.stat(key)
        if stored is None:
            raise FileNotFoundError(f"{self.store.uri}/{key} was deleted while it was written; land the batch again")
        return RawFile(key=key, sha256=digest, size=stored.size, records=records)

    def _refuse_other_lines(self, key: str, path: Path) -> None:
        """ValueError unless the lines are equal: another version of zlib may pack the same lines in other bytes."""
        with self.store.open(key) as stored:
            try:
                present = _sha256_of_lines(stored)
            except (OSError, EOFError, zlib.error) as error:
                raise ValueError(f"{self.store.uri}/{key} is damaged ({error}); restore it from the backup") from error
        with path.open("rb") as fresh:
            if present != _sha256_of_lines(fresh):
                raise ValueError(
                    f"{self.store.uri}/{key} holds other lines than those now written under its name. The topic was "
                    "re-created, or the file was changed: compare its cluster and topic id with the manifest's"
                )

    def commit(self, source: str, partition_key: str, batch: LandedBatch) -> Manifest:
        """Make a batch part of its partition. Its files must be written; committing it again changes nothing.

        FileNotFoundError if a file is not there; others as of ``RawManifests.record``.
        """
        self._require(source, partition_key, batch)
        manifest = self.manifests.record(source, partition_key, (batch,), stage="land")
        # Files found above may have been housekeeping's to delete until the manifest was in place.
        self._require(source, partition_key, batch)
        return manifest

    def _require(self, source: str, partition_key: str, batch: LandedBatch) -> None:
        folder = partition_folder(source, partition_key)
        for file in batch.files:
            if not file.key.startswith(f"{folder}/"):
                raise ValueError(f"{file.key} does not belong to {folder}; commit it to its own partition")
            stored = self.store.stat(file.key)
            if stored is None or stored.size != file.size:
                raise FileNotFoundError(f"{self.store.uri}/{file.key} is not there as written; land the batch again")

    def manifest(self, source: str, partition_key: str) -> Manifest | None:
        """The partition's manifest, its digest checked; None if it has none. DamagedManifest if no copy is whole."""
        return self.manifests.read(source, partition_key)

    def partitions(self, source: str) -> list[str]:
        """Keys of the partitions that have a manifest (a damaged one too), oldest first."""
        first: set[str] = set()
        second: set[str] = set()
        cleared_once: set[str] = set()
        for stored in self.store.list(f"{source}/"):
            folder, _, name = stored.key.removeprefix(f"{source}/").partition("/")
            if name == "manifest.json":
                first.add(folder)
            elif folder == "_manifests":
                second.add(name.removesuffix(".json"))
            elif folder == "_tombstones":
                cleared_once.add(name.removesuffix(".json"))
        doubtful = (first ^ second) | cleared_once
        return sorted(key for key in first | second if key not in doubtful or self._exists(source, key))

    def _exists(self, source: str, partition_key: str) -> bool:
        try:
            return self.manifest(source, partition_key) is not None
        except DamagedManifest:
            return True

    def uris(self, source: str, keys: Sequence[str]) -> list[str]:
        """The files of partitions as Spark names them. FileNotFoundError if one of them was never committed."""
        named: dict[str, None] = {}
        for partition_key in keys:
            manifest = self.manifest(source, partition_key)
            if manifest is None:
                raise FileNotFoundError(
                    f"{self.store.uri} has no raw data of {source} {partition_key}: materialize its raw, or restore it"
                )
            named |= {self.store.spark_uri(file.key): None for file in manifest.files}
        return list(named)

    def verify(self, source: str, partition_key: str) -> Verification:
        """Read every byte of a partition and of its quarantine back. Never raises for what it finds: it lists it."""
        manifest, problems = self._verified_manifest(source, partition_key)
        folder = partition_folder(source, partition_key)
        listed = {stored.key: stored for stored in self.store.list(f"{folder}/")}
        listed.pop(manifest_key(source, partition_key), None)
        named = {file.key: file for file in manifest.files} if manifest else {}
        for key, file in named.items():
            size = listed[key].size if key in listed else None
            problems += self._file_problems(file, size)
        problems += [f"{key}: extra (no manifest names it)" for key in listed if key not in named]
        problems += [f"{key}: digest (quarantined, and damaged)" for key in damaged(self.store, source, partition_key)]
        size = sum(listed[key].size for key in named if key in listed)
        return Verification(self.store.uri, source, partition_key, len(named), size, tuple(problems))

    def _verified_manifest(self, source: str, partition_key: str) -> tuple[Manifest | None, list[str]]:
        copies = self.manifests.copies(source, partition_key)
        problems = [
            f"{copy.key}: manifest ({copy.damage or ('being cleared' if copy.clearing else 'missing')})"
            for copy in copies
            if copy.manifest is None
        ]
        first, second = (copy.manifest for copy in copies)
        if first and second and _by_id(first) != _by_id(second):
            key = second_copy_key(source, partition_key)
            problems.append(f"{key}: manifest (names other batches: a landing was cut short, land it again)")
        return first or second, problems

    def is_whole(self, source: str, partition_key: str) -> bool:
        """True if every file of the manifest is there in its size; reads no data, so ``verify`` is the proof."""
        manifest = self.manifest(source, partition_key)
        if manifest is None:
            return False
        sizes = {stored.key: stored.size for stored in self.store.list(f"{source}/{partition_key}/")}
        return all(sizes.get(file.key) == file.size for file in manifest.files)

    def _file_problems(self, file: RawFile, size: int | None) -> list[str]:
        if size is None:
            return [f"{file.key}: missing (the manifest names it)"]
        if size != file.size:
            return [f"{file.key}: size ({size} bytes, not {file.size})"]
        try:
            found = self.store.sha256(file.key)
        except FileNotFoundError:
            return [f"{file.key}: missing (the manifest names it)"]
        except OSError as error:
            return [f"{file.key}: unreadable ({error})"]
        return [] if found == file.sha256 else [f"{file.key}: digest (SHA-256 {found}, not {file.sha256})"]

    def quarantine(self, source: str, partition_key: str, name: str, data: bytes, reason: Mapping[str, object]) -> bool:
        """Set bytes aside as they came, with a reason. True if they are new, False if they were there already."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{quarantine_folder(source, partition_key)}/{name}+{digest[:NAMED_DIGITS]}"
        note = {"sha256": digest, "size": len(data), **reason}
        # The reason comes last: where it stands, the bytes do.
        new = self._write_once(f"{key}.bytes", data)
        return self._write_once(f"{key}.json", json.dumps(note, sort_keys=True).encode()) or new

    def in_quarantine(self, source: str, partition_key: str, name: str, data: bytes) -> bool:
        """Whether these bytes were set aside under that name, with their reason."""
        digest = hashlib.sha256(data).hexdigest()
        return (
            self.store.stat(f"{quarantine_folder(source, partition_key)}/{name}+{digest[:NAMED_DIGITS]}.json")
            is not None
        )

    def _write_once(self, key: str, data: bytes) -> bool:
        try:
            self.store.write(key, data, if_absent=True)
        except StoreConflict:
            return False
        return True


def _by_id(manifest: Manifest) -> dict[str, LandedBatch]:
    return {batch.batch_id: batch for batch in manifest.batches}


def _compress(path: Path, lines: Iterable[bytes]) -> int:
    """Gzip without name and time, so that equal lines are equal bytes. The number of lines.

    Blocks of lines are members of the file by themselves, packed in threads while the next lines come.
    """
    records = 0
    with path.open("wb") as target, ThreadPoolExecutor(_PACKERS) as packers:
        packing: deque[Future[bytes]] = deque()
        for block in _blocks(lines):
            records += block.count(b"\n")
            packing.append(packers.submit(_packed, block))
            if len(packing) > _PACKERS:
                target.write(packing.popleft().result())
        for packed in packing:
            target.write(packed.result())
        if not records:
            target.write(_packed(b""))
    return records


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for number, line in enumerate(lines):
        if not line or b"\n" in line:
            raise ValueError(f"line {number} is empty or has a line break within; an envelope is one line of JSON")
        block += line
        block += b"\n"
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _packed(block: bytes) -> bytes:
    return zlib.compress(block, _LEVEL, wbits=_GZIP)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256_of_lines(stream: io.IOBase | object) -> str:
    digest = hashlib.sha256()
    with gzip.GzipFile(fileobj=stream, mode="rb") as lines:  # pyright: ignore[reportArgumentType, reportCallIssue]
        while block := lines.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
