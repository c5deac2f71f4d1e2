"""Rebuild a lost catalog from the newest metadata of each table.

Belongs here: finding the newest metadata file, registering tables from it. Does not belong here: its contents.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import StaticTable

from steam_assets.disk_sync import sync
from steam_assets.lake.catalogs import CATALOGS, UnusableCatalog, lost_catalog, open_catalog, sqlite_file
from steam_assets.lake.files import Files
from steam_assets.lake.roots import UnsafeRoot, warehouse
from steam_assets.outages import raise_outage
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import RootName, Settings, private_folder
from steam_assets.sqlite_files import Fault

T = TypeVar("T")

_METADATA = re.compile(r".*/(?P<version>\d+)-[0-9a-f-]+\.metadata\.json$")


def rebuild_catalog(settings: Settings, root: RootName) -> list[str]:
    """Rebuild a root's catalog from the newest metadata file of each table; return the tables' names.

    Replaces an existing SQLite file, even a damaged one, or the tables' entries in another kind of catalog. Raises
    UnsafeRoot, with nothing changed, if the newest metadata of a table is ambiguous, or if no table was found although
    the catalog lists some; UnusableCatalog.
    """
    found, namespace = _tables(settings, root), CATALOGS[root].namespace
    if not found and (listed := _asked(settings, root, lambda catalog: catalog.list_tables(namespace))):
        raise UnsafeRoot(
            f"no table was found in {settings.root(root)}, but its catalog has {len(listed)}; nothing was changed. "
            "Check the place with `steam-assets doctor`, and try again"
        )
    newest = {name: _newest(settings, root, name, versions) for name, versions in found.items()}
    if settings.iceberg_catalog != "sqlite":
        _register(open_catalog(settings, root), root, newest)
        return list(newest)
    file = sqlite_file(settings, root)
    if file.is_dir():
        raise UnusableCatalog(Fault(file, "not a file"))
    private_folder(file.parent)
    with temporary_folder("catalog-", file.parent) as folder:
        # If this is killed midway, the old catalog is still there as a whole.
        made = folder / file.name
        elsewhere = settings.iceberg_catalog_properties | {"uri": f"sqlite:///{quote(str(made))}"}
        _register(
            open_catalog(settings.model_copy(update={"iceberg_catalog_properties": elsewhere}), root), root, newest
        )
        for suffix in ("-journal", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        made.replace(file)
    sync(file.parent)
    return list(newest)


def _asked(settings: Settings, root: RootName, question: Callable[[Catalog], T]) -> T | None:
    """What the catalog that is to be rebuilt still knows; None if it is lost or cannot tell."""
    if settings.iceberg_catalog == "sqlite" and not sqlite_file(settings, root).is_file():
        return None
    with suppress(Exception):  # A damaged catalog may fail in any way.
        catalog = open_catalog(settings, root)
        try:
            return question(catalog)
        finally:
            catalog.close()
    return None


def _register(catalog: Catalog, root: RootName, newest: Mapping[str, str]) -> None:
    namespace = CATALOGS[root].namespace
    for name, metadata in newest.items():
        with suppress(NoSuchTableError):
            catalog.drop_table((namespace, name))
        catalog.register_table((namespace, name), metadata)
    catalog.close()


def open_whole_catalog(settings: Settings, root: RootName) -> Catalog:
    """The root's catalog. Raises UnsafeRoot if it is damaged, or lacks a table that exists; UnusableCatalog."""
    catalog = open_catalog(settings, root)
    # A table is in the catalog before its first commit, so the order of these checks matters.
    lacking = [name for name in _unlisted(settings, root, catalog) if _is_used(settings, root, name)]
    lacking = sorted({*lacking}.intersection(_unlisted(settings, root, catalog) if lacking else ()))
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise lost_catalog(settings, root, f"it lacks {', '.join(lacking[:3])}{more}")
    return catalog


def _unlisted(settings: Settings, root: RootName, catalog: Catalog) -> set[str]:
    """The names of the folders in the place of tables for which the catalog has no table."""
    listed = {name for _, name in catalog.list_tables(CATALOGS[root].namespace)}
    return set(Files(settings).folders(_folder(settings, root))) - listed


def _is_used(settings: Settings, root: RootName, name: str) -> bool:
    """Whether a folder has a table that was committed to after its creation."""
    return max(_versions(settings, f"{_folder(settings, root)}/{name}"), default=0) > 0


def _folder(settings: Settings, root: RootName) -> str:
    return f"{warehouse(settings, root)}/{CATALOGS[root].namespace}"


def _versions(settings: Settings, location: str) -> dict[int, list[str]]:
    return metadata_versions(file.address for file in Files(settings).list(f"{location}/metadata"))


def metadata_versions(addresses: Iterable[str]) -> dict[int, list[str]]:
    """Metadata files by version. Concurrent writers may each have left a file with the same version."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for address in addresses:
        if (version := version_of(address)) is not None:
            found[version].append(address)
    return found


def version_of(address: str) -> int | None:
    """The version in a metadata file's name; None for another file."""
    named = _METADATA.match(address)
    return int(named["version"]) if named else None


def _tables(settings: Settings, root: RootName) -> dict[str, dict[int, list[str]]]:
    """The metadata files of each table in a root, by version."""
    folder = _folder(settings, root)
    found = {name: _versions(settings, f"{folder}/{name}") for name in sorted(Files(settings).folders(folder))}
    return {name: versions for name, versions in found.items() if versions}


def _newest(settings: Settings, root: RootName, name: str, versions: dict[int, list[str]]) -> str:
    """The one intact metadata file of the highest version; of several, the one that the catalog has.

    A writer that lost a race deletes its manifests, and in Java its metadata file. Only if it was killed at that moment
    or the catalog failed is an intact file left next to the winner's, and then the files do not show which is which.
    """
    files, newest = Files(settings), sorted(versions[max(versions)])
    whole = [address for address in newest if is_whole(files, address)]
    if len(whole) == 1:
        return whole[0]
    known = _asked(settings, root, lambda catalog: catalog.load_table((CATALOGS[root].namespace, name)))
    if known and known.metadata_location in whole:
        return known.metadata_location
    which = "more than one" if whole else "none"
    raise UnsafeRoot(
        f"{which} of the newest metadata files of table {name} is intact: {' and '.join(whole or newest)}. Rename "
        "those to ignore so that they end in .bak, and rebuild again; then check with `steam-assets verify`, and type "
        "`steam-assets refresh --all` if an insight was rebuilt from an older one"
    )


def is_whole(files: Files, address: str) -> bool:
    """Whether a metadata file and the manifests of its current snapshot are readable."""
    try:
        table = StaticTable.from_metadata(address, files.io.properties)
        snapshot = table.current_snapshot()
        for manifest in snapshot.manifests(table.io) if snapshot else ():
            manifest.fetch_manifest_entry(table.io)
    except Exception as error:  # Damaged JSON or Avro makes the readers raise anything.
        raise_outage(error, address)
        return False
    return True
