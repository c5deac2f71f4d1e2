"""Making a lake whole at a new place, and finding its tables again: relocation, and a catalog made anew.

Belongs here: rewriting the addresses in Iceberg's metadata, registering tables from their newest metadata. Does not
belong here: copying files, which the user has done, by whatever means.

Iceberg's metadata names files by absolute addresses: the metadata file names manifest lists, those name manifests, and
those the data. All three are rewritten in the new place alone, from the data's end upwards, so that a run that dies is
taken up by the next; the root's marker comes last. The old place is neither read nor written.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fastavro
from pyiceberg.catalog import Catalog
from sqlalchemy.exc import DatabaseError

from steam_assets.lake.catalogs import CATALOGS, open_catalog, sqlite_file, warehouse
from steam_assets.lake.files import File, Files
from steam_assets.lake.roots import Marker, UnsafeRoot, marker_address, read_marker
from steam_assets.settings import RootName, Settings

_METADATA = re.compile(r"(?P<version>\d+)-[0-9a-f-]+\.metadata\.json$")


@dataclass(frozen=True)
class Relocated:
    """A root's relocation: from and to which warehouse, how many files were rewritten, and the tables found."""

    root: RootName
    origin: str
    place: str
    files: int
    tables: tuple[str, ...]


def relocate(settings: Settings, root: RootName) -> Relocated | None:
    """Rewrite a root's metadata for where it is now; None if it is where it was made, or was never used.

    UnsafeRoot if it carries no marker, or is another root.
    """
    marker = read_marker(settings, root)
    place = warehouse(settings, root)
    if marker is None or marker.warehouse == place:
        return None
    if marker.root != root:
        raise UnsafeRoot(f"{settings.root(root)} is marked as {marker.root!r}; correct the settings")
    files = Files(settings)
    listed = list(files.list(place))
    rewriting = _Rewriting(files, marker.warehouse, place)
    for step in (rewriting.manifests, rewriting.manifest_lists, rewriting.metadata):
        step(listed)
    tables = rebuild_catalog(settings, root)
    files.write(marker_address(settings, root), Marker(root=root, warehouse=place).model_dump_json().encode())
    return Relocated(root, marker.warehouse, place, rewriting.rewritten, tuple(tables))


def rebuild_catalog(settings: Settings, root: RootName) -> list[str]:
    """Make a root's catalog anew from the newest metadata file of each table; the tables' names.

    A SQLite file that is there, however damaged, is replaced. Tables that another catalog knows already stay as they
    are there.
    """
    if settings.iceberg_catalog == "sqlite":
        for suffix in ("", "-journal", "-wal", "-shm"):
            sqlite_file(settings, root).with_name(sqlite_file(settings, root).name + suffix).unlink(missing_ok=True)
    catalog, namespace = open_catalog(settings, root), CATALOGS[root].namespace
    names = []
    for name, metadata in sorted(_newest_metadata(settings, root).items()):
        _register(catalog, (namespace, name), metadata)
        names.append(name)
    return names


def open_whole_catalog(settings: Settings, root: RootName) -> Catalog:
    """The root's catalog; UnsafeRoot if it was lost or damaged while the tables are there."""
    try:
        catalog, namespace = open_catalog(settings, root), CATALOGS[root].namespace
        if catalog.list_tables(namespace):
            return catalog
        # A table that was committed to had been in the catalog before: so the order of these looks matters.
        used = [one for one in _newest_metadata(settings, root).values() if "/00000-" not in one]
        if not used or catalog.list_tables(namespace):
            return catalog
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # Its subclasses are a busy file, a refused login and the like.
            raise
    raise UnsafeRoot(
        f"the catalog of the tables in {settings.root(root)} is lost or damaged, and the tables are there; make it "
        f"anew from them by `steam-assets catalog rebuild --root {root}`"
    )


def _register(catalog: Catalog, identifier: tuple[str, str], metadata: str) -> None:
    if catalog.table_exists(identifier):
        catalog.drop_table(identifier)
    catalog.register_table(identifier, metadata)


def _newest_metadata(settings: Settings, root: RootName) -> dict[str, str]:
    """Of each table the metadata file of the highest version; of two, of which one lost a race, the later."""
    found: dict[str, tuple[int, Any, str]] = {}
    folder = f"{warehouse(settings, root)}/{CATALOGS[root].namespace}"
    for file in Files(settings).list(folder):
        named = _METADATA.search(file.address)
        if named:
            table = file.address.removeprefix(f"{folder}/").partition("/")[0]
            candidate = (int(named["version"]), file.modified, file.address)
            found[table] = max(found.get(table, candidate), candidate)
    return {table: address for table, (_, _, address) in found.items()}


@dataclass
class _Rewriting:
    """Addresses below ``origin`` become the same below ``place``, in files that lie in ``place``."""

    files: Files
    origin: str
    place: str
    rewritten: int = 0

    def manifests(self, listed: list[File]) -> None:
        for file in _avro(listed):
            if not _is_manifest_list(file):
                self._rewrite_avro(file, self._entry)

    def manifest_lists(self, listed: list[File]) -> None:
        for file in _avro(listed):
            if _is_manifest_list(file):
                self._rewrite_avro(file, self._manifest)

    def metadata(self, listed: list[File]) -> None:
        for file in listed:
            if file.address.endswith(".metadata.json"):
                before = json.loads(self.files.read(file.address))
                after = self._moved(before)
                if after != before:
                    self._write(file, json.dumps(after).encode())

    def _entry(self, record: dict[str, Any]) -> dict[str, Any]:
        return self._moved(record)

    def _manifest(self, record: dict[str, Any]) -> dict[str, Any]:
        moved = self._moved(record)
        # Its length is told here, and readers go by it.
        moved["manifest_length"] = len(self.files.io.new_input(moved["manifest_path"]))
        return moved

    def _rewrite_avro(self, file: File, change: Any) -> None:
        reader = fastavro.reader(io.BytesIO(self.files.read(file.address)))
        records = list(reader)
        changed = [change(record) for record in records]
        if changed == records:
            return
        metadata = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
        target = io.BytesIO()
        codec = reader.metadata.get("avro.codec", "null")
        fastavro.writer(target, reader.writer_schema or {}, changed, codec=codec, metadata=metadata)
        self._write(file, target.getvalue())

    def _write(self, file: File, data: bytes) -> None:
        self.files.write(file.address, data)
        self.rewritten += 1

    def _moved(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.place + value.removeprefix(self.origin) if value.startswith(f"{self.origin}/") else value
        if isinstance(value, dict):
            return {key: self._moved(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._moved(entry) for entry in value]
        return value


def _avro(listed: list[File]) -> Iterator[File]:
    return (file for file in listed if file.address.endswith(".avro"))


def _is_manifest_list(file: File) -> bool:
    return file.address.rpartition("/")[2].startswith("snap-")
