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
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field

import fastavro

from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import CATALOGS, open_catalog, sqlite_file
from steam_assets.lake.files import Files
from steam_assets.lake.roots import MARKER, UnsafeRoot, marker_address, read_marker, warehouse
from steam_assets.settings import RootName, Settings
from steam_assets.sources.json_body import is_array, is_object

METADATA = ".metadata.json"


@dataclass(frozen=True)
class Relocated:
    """A root's relocation: the old and new warehouse, the number of rewritten files, and the tables found.

    ``leftovers`` are unreadable files that no other names, as a killed commit leaves behind; ``damaged`` are those that
    others name. Both are unchanged.
    """

    root: RootName
    origin: str
    place: str
    files: int
    tables: tuple[str, ...]
    leftovers: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def relocate(settings: Settings, root: RootName) -> Relocated | None:
    """Rewrite a root's metadata for its current location; None if it has not moved or was never used.

    Raises UnsafeRoot if it is another root, is a copy that shares its catalog with the original, or has a table whose
    current metadata is damaged.
    """
    marker = read_marker(settings, root)
    place = warehouse(settings, root)
    if marker is None or marker.warehouse == place:
        return None
    if marker.root != root:
        raise UnsafeRoot(f"{settings.root(root)} is marked as {marker.root!r}; correct the settings")
    files = Files(settings)
    _require_own_catalog(settings, root, marker.warehouse, files)
    rewriting = _Rewriting(files, marker.warehouse, place)
    rewriting.run()
    try:
        tables = rebuild_catalog(settings, root)
    except UnsafeRoot:
        # The files do not show which of them is current, but the catalog that was copied with them does.
        if not (tables := _repointed(settings, root, rewriting)):
            raise
    files.write(marker_address(settings, root), marker.model_copy(update={"warehouse": place}).file())
    leftovers = tuple(address for address in rewriting.unreadable if address not in rewriting.named)
    damaged = tuple(address for address in rewriting.unreadable if address in rewriting.named)
    return Relocated(root, marker.warehouse, place, rewriting.rewritten, tuple(tables), leftovers, damaged)


def _require_own_catalog(settings: Settings, root: RootName, origin: str, files: Files) -> None:
    """Raise UnsafeRoot if the catalog is the original's, whose tables it would take over."""
    original = origin.removesuffix("/warehouse")
    if settings.iceberg_catalog == "sqlite" or not files.exists(f"{original}/{MARKER}"):
        return
    catalog = open_catalog(settings, root)
    tables = map(catalog.load_table, catalog.list_tables(CATALOGS[root].namespace))
    if any(table.metadata_location.startswith(f"{origin}/") for table in tables):
        raise UnsafeRoot(
            f"{settings.root(root)} is a copy of {original}, whose tables this {settings.iceberg_catalog} catalog has; "
            "set STEAM_ICEBERG_CATALOG=sqlite, or another catalog, for the copy, or, to give up the original, remove "
            f"{original}/{MARKER}. Nothing was changed"
        )


def _repointed(settings: Settings, root: RootName, rewriting: _Rewriting) -> list[str]:
    """Rewrite the addresses in a copied SQLite catalog; the tables' names, or none if it or what it names is lost."""
    file, namespace = sqlite_file(settings, root), CATALOGS[root].namespace
    if settings.iceberg_catalog != "sqlite" or not file.exists():
        return []
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as database, database:
        found: list[tuple[str, str]] = database.execute(
            "SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = ?", [namespace]
        ).fetchall()
        current = {name: str(rewriting.moved(address)) for name, address in found}
        whole = (rewriting.files.exists(one) and one not in rewriting.unreadable for one in current.values())
        if all(whole):
            changes = [(address, namespace, name) for name, address in current.items()]
            update = "UPDATE iceberg_tables SET metadata_location = ? WHERE table_namespace = ? AND table_name = ?"
            database.executemany(update, changes)
            return [*current]
    return []


@dataclass
class _Rewriting:
    """Replaces the prefix ``origin`` of addresses with ``place``, in the files below ``place``.

    ``unreadable`` are files that were left as they are; ``named`` are all metadata files that the others name.
    """

    files: Files
    origin: str
    place: str
    rewritten: int = 0
    unreadable: list[str] = field(default_factory=list[str])
    named: set[str] = field(default_factory=set[str])

    def run(self) -> None:
        """Rewrite the manifests, then the manifest lists, which record their lengths, then the metadata files."""
        listed = [file.address for file in self.files.list(self.place)]
        avro = [address for address in listed if address.endswith(".avro")]
        for address in sorted(avro, key=lambda address: address.rpartition("/")[2].startswith("snap-")):
            self._rewrite(address, _avro)
        for address in listed:
            if address.endswith(METADATA):
                self._rewrite(address, _json)

    def _rewrite(self, address: str, parsed: Callable[[bytes], tuple[object, Callable[[object], bytes]]]) -> None:
        data = self.files.read(address)
        try:
            before, packed = parsed(data)
        except Exception:  # Damaged JSON or Avro makes the readers raise anything.
            self.unreadable.append(address)
            return
        after = self.moved(before)
        if after != before:
            self.files.write(address, packed(after))
            self.rewritten += 1

    def moved(self, value: object) -> object:
        """The value with all addresses in it replaced."""
        if isinstance(value, str):
            return self._address(value)
        if is_array(value):
            return [self.moved(entry) for entry in value]
        if not is_object(value):
            return value
        moved = {key: self.moved(entry) for key, entry in value.items()}
        # Readers rely on the length. An older snapshot may name a manifest that is deleted by now.
        if "manifest_length" in moved and self.files.exists(manifest := str(moved["manifest_path"])):
            moved["manifest_length"] = len(self.files.io.new_input(manifest))
        return moved

    def _address(self, value: str) -> str:
        address = self.place + value.removeprefix(self.origin) if value.startswith(f"{self.origin}/") else value
        if address.endswith((".avro", METADATA)):
            self.named.add(address)
        return address


def _json(data: bytes) -> tuple[object, Callable[[object], bytes]]:
    return json.loads(data), lambda after: json.dumps(after).encode()


def _avro(data: bytes) -> tuple[object, Callable[[object], bytes]]:
    """The records of an Avro file, and what packs changed ones in the same way."""
    reader = fastavro.reader(io.BytesIO(data))
    before = list(reader)

    def packed(after: object) -> bytes:
        target = io.BytesIO()
        metadata = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
        codec = reader.metadata.get("avro.codec", "null")
        records = after if is_array(after) else []
        fastavro.writer(target, reader.writer_schema or {}, records, codec=codec, metadata=metadata)
        return target.getvalue()

    return before, packed
