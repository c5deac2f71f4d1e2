"""One interface for objects on a disk and on S3, and the way to open it.

Belongs here: what every store promises. Does not belong here: what the objects mean (raw_store.py, ledger.py).

Keys are relative, ``/``-separated, made of ``[A-Za-z0-9._+=-]`` (names from the web never become keys).
Writes are atomic: a reader sees the old object, or the new one, or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


class StoreConflict(Exception):
    """The object was not as the writer believed (made, changed or gone meanwhile); nothing was written."""


@dataclass(frozen=True)
class StoredObject:
    """An object as listed: ``modified`` is UTC, ``etag`` changes with the content."""

    key: str
    size: int
    modified: datetime
    etag: str


class Store(Protocol):
    """A root in which objects rest.

    ``uri`` is ``file:///…`` or ``s3://bucket/prefix``; ``spark_uri(key)`` is the same object as Spark's readers name it
    (``file:///…``, ``s3a://…``). Missing objects raise FileNotFoundError that names the uri.
    """

    @property
    def uri(self) -> str: ...

    def spark_uri(self, key: str) -> str: ...

    def read(self, key: str) -> bytes: ...

    def open(self, key: str) -> BinaryIO:
        """A stream of the object's bytes, for objects that need not fit in memory."""
        ...

    def stat(self, key: str) -> StoredObject | None: ...

    def sha256(self, key: str) -> str:
        """SHA-256 (hex) of the bytes as they rest now, read back from the medium."""
        ...

    def write(
        self, key: str, data: bytes | Path, *, if_absent: bool = False, if_etag: str | None = None
    ) -> StoredObject:
        """Write whole. ``if_absent``/``if_etag`` make it conditional: StoreConflict if the condition does not hold."""
        ...

    def copy_from(self, other: Store, key: str, sha256: str) -> StoredObject:
        """Copy ``key`` from another store (server-side where both are S3), read it back, compare with ``sha256``.

        An object that is there already with that digest is left as it is. ValueError if the copy's bytes differ.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object whose key starts with ``prefix``, in key order, however many."""
        ...

    def delete(self, key: str) -> None:
        """Delete; deleting what is not there is no error."""
        ...

    def sweep_leftovers(self, older_than: datetime) -> Sequence[str]:
        """Clear what writers left half-done before ``older_than`` (aware); names of what went, for the log."""
        ...
