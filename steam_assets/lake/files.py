"""Files of a root, on disk or on S3, by address: the few that do not belong to a table, and listings.

Belongs here: reading, writing and listing by address. Does not belong here: what the files mean.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyarrow.fs import FileSelector, FileType
from pyiceberg.io.pyarrow import PyArrowFileIO
from tenacity import Retrying, retry_if_exception_message, stop_after_attempt, wait_random_exponential

from steam_assets.disk_sync import sync
from steam_assets.lake.synced_files import ATTEMPTS, SyncedFileIO
from steam_assets.settings import Settings, private_folder


@dataclass(frozen=True)
class File:
    """A file as listed: its address, size in bytes, and when it was written (UTC)."""

    address: str
    size: int
    modified: datetime


class Files:
    """Files at ``s3://`` addresses or local paths, using the settings' endpoint and the SDK's credentials."""

    def __init__(self, settings: Settings) -> None:
        properties = {"s3.region": settings.aws_region}
        if settings.s3_endpoint_url:
            properties["s3.endpoint"] = settings.s3_endpoint_url
        self.io = SyncedFileIO(properties)

    def exists(self, address: str) -> bool:
        return self.io.new_input(address).exists()

    def read(self, address: str) -> bytes:
        """The whole file. Raises FileNotFoundError if it does not exist."""
        attempts = Retrying(
            # Arrow repeats a throttled request, but not if the file is shorter than the error, which takes its place.
            retry=retry_if_exception_message(match=r".*Failed to flush response stream"),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5),
            reraise=True,
        )
        return attempts(self._read, address)

    def _read(self, address: str) -> bytes:
        with self.io.new_input(address).open() as stream:
            return stream.read()

    def write(self, address: str, data: bytes) -> None:
        """Write atomically: on S3 and on a local disk a reader sees either the old file or the new one.

        On a local disk the new one is synced before it takes the old one's name.
        """
        target = address
        if not address.startswith("s3://"):
            private_folder(Path(address).parent)
            target = f"{address}.{secrets.token_hex(4)}"
        with self.io.new_output(target).create(overwrite=True) as stream:
            stream.write(data)
        if target != address:
            Path(target).replace(address)
            sync(Path(address).parent)

    def list(self, address: str) -> Iterator[File]:
        """Every file below an address; nothing if the address does not exist."""
        return listed(self.io, address)

    def folders(self, address: str) -> Iterator[str]:
        """The names of the folders in an address; none if it does not exist."""
        scheme, netloc, path = self.io.parse_location(address)
        system = self.io.fs_by_scheme(scheme, netloc)
        for found in system.get_file_info(FileSelector(path, allow_not_found=True)):
            if found.type is FileType.Directory:
                yield found.base_name

    def delete(self, address: str) -> None:
        self.io.delete(address)


def listed(io: PyArrowFileIO, address: str) -> Iterator[File]:
    """Every file below an address; nothing if the address does not exist."""
    scheme, netloc, path = io.parse_location(address)
    system = io.fs_by_scheme(scheme, netloc)
    for found in system.get_file_info(FileSelector(path, recursive=True, allow_not_found=True)):
        if found.type is FileType.File and found.mtime is not None:
            place = found.path if scheme == "file" else f"{scheme}://{found.path}"
            yield File(place, found.size or 0, found.mtime)
