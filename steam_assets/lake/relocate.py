"""Make a lake usable in a new place after it was copied or moved there.

Belongs here: rewriting the addresses in Iceberg's metadata. Does not belong here: copying the files, which the user has
already done.

Iceberg's metadata names files by absolute address: the metadata file names manifest lists, those name manifests, and
those the data files. All three are rewritten in the new place only, bottom-up, so that the next run can resume one that
died; the root's marker is written last. The old place is neither read nor written.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import fastavro

from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import warehouse
from steam_assets.lake.files import Files
from steam_assets.lake.roots import UnsafeRoot, marker_address, read_marker
from steam_assets.settings import RootName, Settings
from steam_assets.sources.json_body import is_array, is_object

T = TypeVar("T")


@dataclass(frozen=True)
class Relocated:
    """A root's relocation: the old and new warehouse, the number of rewritten files, and the tables found."""

    root: RootName
    origin: str
    place: str
    files: int
    tables: tuple[str, ...]


def relocate(settings: Settings, root: RootName) -> Relocated | None:
    """Rewrite a root's metadata for its current location; None if it has not moved or was never used.

    Raises UnsafeRoot if it has no marker, or is another root.
    """
    marker = read_marker(settings, root)
    place = warehouse(settings, root)
    if marker is None or marker.warehouse == place:
        return None
    if marker.root != root:
        raise UnsafeRoot(f"{settings.root(root)} is marked as {marker.root!r}; correct the settings")
    files = Files(settings)
    rewriting = _Rewriting(files, marker.warehouse, place)
    rewriting.run()
    tables = rebuild_catalog(settings, root)
    files.write(marker_address(settings, root), marker.model_copy(update={"warehouse": place}).file())
    return Relocated(root, marker.warehouse, place, rewriting.rewritten, tuple(tables))


@dataclass
class _Rewriting:
    """Replaces the prefix ``origin`` of addresses with ``place``, in the files below ``place``."""

    files: Files
    origin: str
    place: str
    rewritten: int = 0

    def run(self) -> None:
        """Rewrite the manifests, then the manifest lists, which record their lengths, then the metadata files."""
        listed = [file.address for file in self.files.list(self.place)]
        avro = [address for address in listed if address.endswith(".avro")]
        for address in sorted(avro, key=lambda address: address.rpartition("/")[2].startswith("snap-")):
            self._avro(address)
        for address in listed:
            if address.endswith(".metadata.json"):
                before: object = json.loads(self.files.read(address))
                self._write(address, before, self._moved(before), lambda after: json.dumps(after).encode())

    def _avro(self, address: str) -> None:
        reader = fastavro.reader(io.BytesIO(self.files.read(address)))
        before = list(reader)

        def packed(after: list[object]) -> bytes:
            target = io.BytesIO()
            metadata = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
            codec = reader.metadata.get("avro.codec", "null")
            fastavro.writer(target, reader.writer_schema or {}, after, codec=codec, metadata=metadata)
            return target.getvalue()

        self._write(address, before, [self._moved(record) for record in before], packed)

    def _write(self, address: str, before: T, after: T, packed: Callable[[T], bytes]) -> None:
        if after != before:
            self.files.write(address, packed(after))
            self.rewritten += 1

    def _moved(self, value: object) -> object:
        if isinstance(value, str):
            return self.place + value.removeprefix(self.origin) if value.startswith(f"{self.origin}/") else value
        if is_array(value):
            return [self._moved(entry) for entry in value]
        if not is_object(value):
            return value
        moved = {key: self._moved(entry) for key, entry in value.items()}
        if "manifest_length" in moved:  # Readers rely on it.
            moved["manifest_length"] = len(self.files.io.new_input(str(moved["manifest_path"])))
        return moved
