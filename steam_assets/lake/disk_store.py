"""Objects as files below a folder.

Belongs here: atomic and conditional writes on a local or mounted disk. Does not belong here: S3 (s3_store.py), which
folder to use (open_store.py), what the objects mean (raw_store.py).

Names with ``~`` are this module's own (temporary files, the lock): no key has that character, so they are never listed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from steam_assets.lake.object_key import checked_key
from steam_assets.lake.store import Store, StoreConflict, StoredObject
from steam_assets.scratch import marked, sweep_dead

_TEMPORARY = ".temporary~"
_LOCK = ".lock~"
_LOCK_TIMEOUT_S = 60
_CHUNK = 1 << 20


class DiskStore:
    """A folder as a store. It is made on the first write; a root that is a symbolic link is followed once, here.

    Every write goes to a temporary file in the root, is synced, and renamed. The check of a condition and the
    rename happen under a lock between processes, so of two writers with the same condition one gets StoreConflict.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock = FileLock(self.root / _LOCK, timeout=_LOCK_TIMEOUT_S)

    @property
    def uri(self) -> str:
        return self.root.as_uri()

    def spark_uri(self, key: str) -> str:
        return f"file://{self._locate(key)}"

    def _locate(self, key: str) -> Path:
        path = self.root / checked_key(key)
        if not path.resolve().is_relative_to(self.root):
            raise PermissionError(f"{path} leads out of {self.root} by a symbolic link; remove the link")
        return path

    def read(self, key: str) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        with _named(path := self._locate(key)):
            return path.open("rb")

    def stat(self, key: str) -> StoredObject | None:
        path = self._locate(key)
        return _described(key, path) if path.is_file() else None

    def sha256(self, key: str) -> str:
        with _named(path := self._locate(key)):
            return _sha256_on_medium(path)

    def write(
        self, key: str, data: bytes | Path, *, if_absent: bool = False, if_etag: str | None = None
    ) -> StoredObject:
        path = self._locate(key)
        with self._temporary(path) as temporary:
            with temporary.open("wb") as target:
                if isinstance(data, bytes):
                    target.write(data)
                else:
                    with data.open("rb") as origin:
                        shutil.copyfileobj(origin, target, _CHUNK)
                _sync(target)
            return self._publish(temporary, key, path, if_absent=if_absent, if_etag=if_etag)

    def copy_from(self, other: Store, key: str, sha256: str) -> StoredObject:
        path = self._locate(key)
        present = self.stat(key)
        if present is not None and self.sha256(key) == sha256:
            return present
        with self._temporary(path) as temporary:
            with other.open(key) as origin, temporary.open("wb") as target:
                shutil.copyfileobj(origin, target, _CHUNK)
                _sync(target)
            # Compared before it becomes visible: a damaged origin never replaces what is here.
            copied = _sha256_on_medium(temporary)
            if copied != sha256:
                raise ValueError(
                    f"the copy of {key} from {other.uri} has SHA-256 {copied}, not {sha256}: "
                    "the original is damaged or was changed; verify it and restore it from a good copy"
                )
            return self._publish(temporary, key, path)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        folder, _, _ = prefix.rpartition("/")
        start = self._locate(folder) if folder else self.root
        for key, path in _files(start, f"{folder}/" if folder else ""):
            if key.startswith(prefix):
                # A file deleted since its folder was read is simply not there any more.
                with contextlib.suppress(FileNotFoundError):
                    yield _described(key, path)

    def delete(self, key: str) -> None:
        path = self._locate(key)
        if not path.is_file():
            return
        with self._lock:
            path.unlink(missing_ok=True)
        _sync_folder(path.parent)

    def sweep_leftovers(self, older_than: datetime) -> Sequence[str]:
        """Delete temporary files of writers that died before ``older_than`` (aware). Their names, for the log.

        Those of this machine's dead go before, at the next write; of other machines nothing else is known.
        """
        swept = []
        for path in sorted((self.root / _TEMPORARY).glob("*")):
            if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < older_than:
                path.unlink(missing_ok=True)
                swept.append(path.relative_to(self.root).as_posix())
        return swept

    @contextlib.contextmanager
    def _temporary(self, path: Path) -> Iterator[Path]:
        _make_folder(path.parent, self.root)
        # All in one folder, so that those of the dead are found without a look at the whole root.
        folder = self.root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        sweep_dead(folder)
        temporary = folder / f"{marked('')}{secrets.token_hex(8)}"
        try:
            yield temporary
        except OSError as error:
            error.add_note(f"nothing was written to {path}; free space or make {self.root} writable, then run it again")
            raise
        finally:
            temporary.unlink(missing_ok=True)

    def _publish(
        self, temporary: Path, key: str, path: Path, *, if_absent: bool = False, if_etag: str | None = None
    ) -> StoredObject:
        with self._lock:
            if if_absent or if_etag is not None:
                present = self.stat(key)
                if if_absent and present is not None:
                    raise StoreConflict(f"{path.as_uri()} exists already")
                if if_etag is not None and (present is None or present.etag != if_etag):
                    raise StoreConflict(f"{path.as_uri()} was changed or deleted meanwhile")
            # The clock of the file system ticks too coarsely to tell two quick writes apart by their etag.
            now = time.time_ns()
            os.utime(temporary, ns=(now, now))
            temporary.replace(path)
            written = _described(key, path)
        _sync_folder(path.parent)
        return written


def _described(key: str, path: Path) -> StoredObject:
    status = path.stat()
    return StoredObject(
        key=key,
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        etag=f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}",
    )


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Keys and paths in key order. Links are not followed, names that are no keys are left out."""
    try:
        with os.scandir(folder) as scan:
            entries = [
                (f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name, entry)
                for entry in scan
                if "~" not in entry.name and not entry.is_symlink()
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    # With its slash a folder sorts exactly where the keys in it do.
    for name, entry in sorted(entries, key=lambda pair: pair[0]):
        if name.endswith("/"):
            yield from _files(Path(entry.path), prefix + name)
        elif _is_key(prefix + name):
            yield prefix + name, Path(entry.path)


def _is_key(name: str) -> bool:
    try:
        checked_key(name)
    except ValueError:
        return False
    return True


def _sha256_on_medium(path: Path) -> str:
    """SHA-256 of the file, with its cached pages dropped first so that the medium itself is read."""
    with path.open("rb") as stream:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path.as_uri()} does not exist") from error


def _sync(target: BinaryIO) -> None:
    target.flush()
    os.fsync(target.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path, root: Path) -> None:
    """Make the folder; the name of each new one is synced in its parent, or a power cut could lose it."""
    missing = [part for part in (folder, *folder.parents) if part.is_relative_to(root) and not part.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for part in missing:
        _sync_folder(part.parent)
