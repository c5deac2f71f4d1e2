"""The spool: a batch of envelopes on the local disk between fetching and publishing.

Belongs here: writing, sealing and reading such a batch. Does not belong here: fetching (extract.py), Kafka.

The publisher must know a batch's total before its first record, and a batch may be larger than memory. A sealed spool
survives a crash, so that nothing is fetched twice; an unsealed one is discarded. A partition's sealed spool stays until
its batch is published or another one is sealed, because a live source cannot provide it again.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from steam_assets.disk_sync import sync
from steam_assets.kafka.envelope import Envelope
from steam_assets.settings import private_folder

SEAL = "seal.json"
LOCK_SECONDS = 1.0
"""Long enough for a sweep, which holds a partition's lock only briefly."""


class SpoolInUse(Exception):
    """Another process is currently fetching the same partition of the same source."""


class SpoolDamaged(Exception):
    """A sealed spool does not match its seal."""


class Seal(BaseModel):
    """The summary of a finished spool, written last and atomically. ``about`` identifies the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    about: str
    records: int = Field(ge=0)
    items: dict[str, int]


class Spool:
    """A partition's sealed batch on disk.

    Iterating yields its envelopes in sequence and raises SpoolDamaged if their number differs from the seal or they
    cannot be read. ``records`` counts envelopes, ``items`` the items of each clean table.
    """

    def __init__(self, folder: Path, seal: Seal) -> None:
        self._folder = folder
        self._seal = seal

    @classmethod
    def sealed(cls, folder: Path, source: str, partition_key: str, about: str | None = None) -> Spool | None:
        """The sealed spool of a partition, if there is one; if ``about`` is given, only one for that request.

        Raises SpoolDamaged if its seal is unreadable.
        """
        place = _place(folder, source, partition_key)
        seal = _seal_of(place)
        return cls(place, seal) if seal and about in (None, seal.about) else None

    @classmethod
    def partition_keys(cls, folder: Path, source: str) -> set[str]:
        """The partitions of a source that have a sealed spool."""
        return {seal.parent.name for seal in (folder / source).glob(f"*/{SEAL}")}

    @classmethod
    def drop_published(cls, folder: Path, source: str, partition_key: str, batch_ids: Collection[str]) -> None:
        """Remove a partition's sealed spool if its batch is one of those: its run died right after publishing."""
        place = _place(folder, source, partition_key)
        with suppress(SpoolDamaged):
            if (seal := _seal_of(place)) and seal.batch_id in batch_ids:
                _clear(place)

    @classmethod
    def sweep(cls, folder: Path) -> None:
        """Remove the unsealed spools of dead writers, for all partitions. They cannot be resumed."""
        for lock_file in folder.glob("*/*.lock"):
            place, lock = lock_file.with_suffix(""), FileLock(lock_file)
            if not place.is_dir():
                continue
            # The kernel releases a process's lock however it ends.
            with suppress(Timeout, SpoolDamaged), lock.acquire(blocking=False):
                _remove_unsealed(place)

    @property
    def batch_id(self) -> str:
        return self._seal.batch_id

    @property
    def records(self) -> int:
        return self._seal.records

    @property
    def items(self) -> Mapping[str, int]:
        return self._seal.items

    def __len__(self) -> int:
        return self._seal.records

    def __iter__(self) -> Iterator[Envelope]:
        path = self._folder / _batch_file(self.batch_id)
        count = 0
        try:
            with gzip.open(path, "rb") as lines:
                for line in lines:
                    yield Envelope.model_validate_json(line)
                    count += 1
        except (EOFError, gzip.BadGzipFile, zlib.error, FileNotFoundError, ValueError) as error:
            raise SpoolDamaged(self._damage(path, f"{error}")) from error
        if count != self.records:
            raise SpoolDamaged(self._damage(path, f"{count} envelopes instead of {self.records}"))

    def discard(self) -> None:
        """Remove it once its batch is published and landed. Idempotent."""
        _clear(self._folder)

    def _damage(self, path: Path, what: str) -> str:
        return f"{path} is damaged ({what}); delete {self._folder} and materialize the partition again"


class SpoolWriter:
    """Writes one batch: a context manager that ends with ``seal()`` or leaves nothing behind.

    An earlier sealed spool of the partition stays until this one is sealed. Raises SpoolInUse if another process writes
    the same partition, SpoolDamaged if the earlier spool's seal is unreadable.
    """

    def __init__(self, folder: Path, source: str, partition_key: str) -> None:
        self._folder = _place(folder, source, partition_key)
        self.batch_id = uuid4().hex
        self.records = 0
        self._items: Counter[str] = Counter()
        self._sealed: Spool | None = None
        self._lock = FileLock(self._folder.with_suffix(".lock"))

    def __enter__(self) -> SpoolWriter:
        private_folder(self._folder)
        try:
            self._lock.acquire(timeout=LOCK_SECONDS)
        except Timeout as error:
            raise SpoolInUse(
                f"another run is fetching into {self._folder}; wait for it to end, then materialize again"
            ) from error
        _remove_unsealed(self._folder)
        self._folder.mkdir(exist_ok=True)
        # Level 1: the file lives for minutes, and compression must not slow down the fetch.
        self._file = gzip.open(self._folder / _batch_file(self.batch_id), "wb", compresslevel=1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if self._sealed is None:
                # The disk may be full, in which case that error is already being raised.
                with suppress(OSError):
                    self._file.close()
                _remove_unsealed(self._folder)
        finally:
            self._lock.release()

    def append(self, envelope: Envelope) -> None:
        """Append the next envelope. Raises ValueError if it is not the next one of this batch."""
        if (envelope.batch_id, envelope.sequence) != (self.batch_id, self.records):
            raise ValueError(
                f"envelope {envelope.sequence} of batch {envelope.batch_id} is not number {self.records} "
                f"of batch {self.batch_id}; append envelopes in sequence"
            )
        self._file.write(envelope.to_bytes() + b"\n")
        self.records += 1
        self._items.update(envelope.items)

    def seal(self, about: str) -> Spool:
        """Close the batch and sync it to disk. From then on it survives a crash, and replaces an earlier one."""
        self._file.close()
        sync(self._folder / _batch_file(self.batch_id))
        seal = Seal(batch_id=self.batch_id, about=about, records=self.records, items=dict(self._items))
        draft = self._folder / f"{SEAL}.draft"
        draft.write_text(seal.model_dump_json())
        sync(draft)
        draft.replace(self._folder / SEAL)
        sync(self._folder)
        _remove_unsealed(self._folder)
        self._sealed = Spool(self._folder, seal)
        return self._sealed


def _place(folder: Path, source: str, partition_key: str) -> Path:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", source) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", partition_key):
        raise ValueError(f"{source!r}, {partition_key!r}: expected a source name and a partition key (YYYY-MM-DD)")
    return folder / source / partition_key


def _seal_of(place: Path) -> Seal | None:
    try:
        return Seal.model_validate_json((place / SEAL).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SpoolDamaged(f"{place / SEAL} is unreadable; delete {place} and try again") from error


def _clear(place: Path) -> None:
    # The seal is removed first: without it, what is left counts as an unfinished spool.
    (place / SEAL).unlink(missing_ok=True)
    _remove_unsealed(place)


def _remove_unsealed(place: Path) -> None:
    """Remove what is not part of a sealed spool, and the folder if that is everything."""
    seal = _seal_of(place)
    kept = {SEAL, _batch_file(seal.batch_id)} if seal else set[str]()
    if place.is_dir():
        for path in place.iterdir():
            if path.name not in kept:
                path.unlink()
        if not kept:
            place.rmdir()


def _batch_file(batch_id: str) -> str:
    return f"{batch_id}.jsonl.gz"
