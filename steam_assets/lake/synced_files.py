"""pyiceberg's file access, with new local files synced before anything can refer to them.

Belongs here: writing files so that they survive a power loss. Does not belong here: when a commit names them
(iceberg_table.py), the catalog's own writes, which SQLite syncs.

The operating system may write a file to disk up to half a minute after it was closed. SQLite syncs each of its commits,
so without this a power loss could leave a catalog that refers to empty metadata, manifests and data files.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import cast

from pyarrow.fs import AwsStandardS3RetryStrategy
from pyiceberg.io import S3_RETRY_STRATEGY_IMPL, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from steam_assets.disk_sync import sync

ATTEMPTS = 6
"""Of a request to S3; the pauses between them double, from half a second on average."""


class PatientRetries(AwsStandardS3RetryStrategy):
    """Requests to S3 that were throttled, or to which nothing responded, are repeated for about half a minute."""

    def __init__(self) -> None:
        super().__init__(max_attempts=ATTEMPTS)


class SyncedFileIO(PyArrowFileIO):
    """When the stream of a new file is closed, the file is on disk under its name. On S3 this always holds."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__({S3_RETRY_STRATEGY_IMPL: f"{__name__}.{PatientRetries.__name__}", **properties})

    def new_output(self, location: str) -> PyArrowFile:
        plain = super().new_output(location)
        scheme, netloc, path = self.parse_location(location, self.properties)
        return SyncedFile(location, path, self.fs_by_scheme(scheme, netloc)) if scheme == "file" else plain

    def sync(self, folder: str, locations: Iterable[str]) -> None:
        """Sync files below a folder that another program has written, and their names; does nothing on S3."""
        scheme, _, place = self.parse_location(folder, self.properties)
        if scheme != "file":
            return
        paths = [Path(self.parse_location(location, self.properties)[2]) for location in locations]
        above = {parent for path in paths for parent in path.parents if parent.is_relative_to(place)}
        for path in [*paths, *above]:
            sync(path)


class SyncedFile(PyArrowFile):
    """A file on a local disk."""

    def create(self, overwrite: bool = False) -> OutputStream:
        """A stream whose ``close`` syncs the file. Raises FileExistsError if it exists, unless ``overwrite``."""
        path = Path(self._path)
        _make_folder(path.parent)
        stream = _SyncedStream(path, "wb" if overwrite else "xb", self._buffer_size)
        # The protocol differs from Python's streams only in parameter names.
        return cast("OutputStream", cast("object", stream))


class _SyncedStream(BufferedWriter):
    def __init__(self, path: Path, mode: str, buffer_size: int) -> None:
        super().__init__(FileIO(path, mode), buffer_size)
        self._path = path

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        sync(self._path)
        sync(self._path.parent)


def _make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and sync their names to disk."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync(made.parent)
