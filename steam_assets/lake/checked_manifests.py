"""The file access of tables: manifests are checked before pyiceberg reads them.

Belongs here: reading manifests so that damage cannot end the process. Does not belong here: what is done about a
damaged one (lost_manifests.py).

pyiceberg's compiled decoder of Avro does not check lengths: a flipped bit can make it read beyond its buffer, which
ends the process without a message.
"""

from __future__ import annotations

from collections import deque
from io import BytesIO
from typing import cast

from pyiceberg.io import InputStream
from pyiceberg.io.pyarrow import PyArrowFile

from steam_assets.lake.parquet_files import DamagedData
from steam_assets.lake.synced_files import SyncedFileIO
from steam_assets.outages import raise_outage


class TableFileIO(SyncedFileIO):
    """Opens a manifest, or a list of them, only if fastavro can read it."""

    def new_input(self, location: str) -> PyArrowFile:
        if not location.endswith(".avro"):
            return super().new_input(location)
        scheme, netloc, path = self.parse_location(location, self.properties)
        return Manifest(location, path, self.fs_by_scheme(scheme, netloc))


class Manifest(PyArrowFile):
    """A manifest, or a list of manifests."""

    def open(self, seekable: bool = True) -> InputStream:
        """Its bytes, which fastavro has read. Raises DamagedData if it is lost or damaged; Unavailable."""
        # Commands that read no manifest need not wait for its import.
        import fastavro

        try:
            with super().open(seekable) as stream:
                data = stream.read()
            deque(fastavro.reader(BytesIO(data)), maxlen=0)
        except FileNotFoundError as error:
            raise DamagedData(f"{self.location} is missing") from error
        except Exception as error:  # Damaged Avro makes its reader raise anything.
            raise_outage(error, self.location)
            raise DamagedData(f"{self.location} is damaged ({type(error).__name__}: {error})") from error
        # The protocol differs from Python's streams only in parameter names.
        return cast("InputStream", cast("object", BytesIO(data)))
