"""Rebuild a lost catalog from the newest metadata of each table.

Belongs here: finding the newest metadata file, registering tables from it. Does not belong here: its contents.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import StaticTable
from sqlalchemy.exc import DatabaseError

from steam_assets.lake.catalogs import CATALOGS, open_catalog, sqlite_file, warehouse
from steam_assets.lake.files import Files
from steam_assets.lake.roots import UnsafeRoot
from steam_assets.settings import RootName, Settings

_METADATA = re.compile(r".*/(?P<version>\d+)-[0-9a-f-]+\.metadata\.json$")


def rebuild_catalog(settings: Settings, root: RootName) -> list[str]:
    """Rebuild a root's catalog from the newest metadata file of each table; return the tables' names.

    Replaces an existing SQLite file, even a damaged one, or the tables' entries in another kind of catalog. Raises
    UnsafeRoot, with nothing changed, if the newest metadata of a table is ambiguous.
    """
    newest = {name: _newest(settings, name, versions) for name, versions in _tables(settings, root).items()}
    if settings.iceberg_catalog == "sqlite":
        for suffix in ("", "-journal", "-wal", "-shm"):
            sqlite_file(settings, root).with_name(sqlite_file(settings, root).name + suffix).unlink(missing_ok=True)
    catalog, namespace = open_catalog(settings, root), CATALOGS[root].namespace
    for name, metadata in newest.items():
        with suppress(NoSuchTableError):
            catalog.drop_table((namespace, name))
        catalog.register_table((namespace, name), metadata)
    return list(newest)


def open_whole_catalog(settings: Settings, root: RootName) -> Catalog:
    """The root's catalog. Raises UnsafeRoot if it was lost or damaged while tables exist."""
    try:
        catalog, namespace = open_catalog(settings, root), CATALOGS[root].namespace
        if catalog.list_tables(namespace):
            return catalog
        # A table is in the catalog before its first commit, so the order of these checks matters.
        used = any(max(versions) > 0 for versions in _tables(settings, root).values())
        if not used or catalog.list_tables(namespace):
            return catalog
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # Its subclasses are a busy file, a failed login and the like.
            raise
    raise UnsafeRoot(
        f"the catalog of the tables in {settings.root(root)} is lost or damaged, but the tables exist; rebuild it "
        f"from them: `steam-assets catalog rebuild --root {root}`"
    )


def metadata_versions(addresses: Iterable[str]) -> dict[int, list[str]]:
    """Metadata files by version. Concurrent writers may each have left a file with the same version."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for named in filter(None, map(_METADATA.match, addresses)):
        found[int(named["version"])].append(named.string)
    return found


def _tables(settings: Settings, root: RootName) -> dict[str, dict[int, list[str]]]:
    """The metadata files of each table in a root, by version."""
    folder = f"{warehouse(settings, root)}/{CATALOGS[root].namespace}/"
    addresses: defaultdict[str, list[str]] = defaultdict(list)
    for file in Files(settings).list(folder.rstrip("/")):
        addresses[file.address.removeprefix(folder).partition("/")[0]].append(file.address)
    found = {name: metadata_versions(of_table) for name, of_table in sorted(addresses.items())}
    return {name: versions for name, versions in found.items() if versions}


def _newest(settings: Settings, name: str, versions: dict[int, list[str]]) -> str:
    """The one intact metadata file of the highest version.

    A writer that lost a race deletes its manifests, and in Java its metadata file. Only if it was killed at that moment
    is an intact file left next to the winner's, and then the files do not show which is which.
    """
    files, newest = Files(settings), sorted(versions[max(versions)])
    whole = [address for address in newest if _is_whole(files, address)]
    if len(whole) == 1:
        return whole[0]
    which = "more than one" if whole else "none"
    raise UnsafeRoot(
        f"{which} of the newest metadata files of table {name} is intact: {' and '.join(whole or newest)}. Rename "
        "those to ignore so that they end in .bak, and rebuild again (then check with `steam-assets verify`)"
    )


def _is_whole(files: Files, address: str) -> bool:
    """Whether a metadata file and the manifests of its current snapshot are readable."""
    try:
        table = StaticTable.from_metadata(address, files.io.properties)
        snapshot = table.current_snapshot()
        for manifest in snapshot.manifests(table.io) if snapshot else ():
            manifest.fetch_manifest_entry(table.io)
    except Exception:  # Damaged JSON or Avro makes the readers raise anything.
        return False
    return True
