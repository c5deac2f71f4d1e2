"""Rebuild a table's current snapshot after a manifest, or the list of them, was lost or damaged.

Belongs here: finding the files of the table without it. Does not belong here: when that is done (backup.py).

The other manifests still name their files. Those of the lost one are in the table's folder, and the ledger has the
SHA-256 of each, so they are found again without a backup; rows that are in neither are missing, and ``verify`` says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO, parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, TableProperties
from pyiceberg.table.snapshots import Snapshot

from steam_assets.lake.change import Change
from steam_assets.lake.files import listed
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.parquet_files import DamagedData, file_digests, reading_manifests
from steam_assets.lake.partition_spec import with_keys

FOLDER = "/partition_key="


def rebuild_manifests(table: IcebergTable, sha256s: Mapping[str, Sequence[str]]) -> bool:
    """Commit a snapshot without the manifests that cannot be read, if there are any; return whether there were.

    ``sha256s`` are those of each partition's files, as in the ledger. Snapshots that name a lost manifest are expired.
    Raises Contention, with nothing changed.
    """
    held = table.pinned().load()
    snapshot = held.current_snapshot() if held else None
    if held is None or snapshot is None:
        return False
    kept, whole = _readable(held.io, snapshot)
    if whole:
        return False
    found = [parquet_file_to_data_file(held.io, held.metadata, address) for address in _found(held, kept, sha256s)]
    once = held.properties | {TableProperties.COMMIT_NUM_RETRIES: "0"}
    held.metadata = held.metadata.model_copy(update={"properties": once})
    try:
        with Change(held) as change, change.update_snapshot().fast_append() as update:
            # Without a parent it takes over no manifest, and its totals are those of its own files.
            update._parent_snapshot_id = None  # pyright: ignore[reportPrivateUsage]
            for file in (*kept, *found):
                update.append_data_file(file)
        heads = {ref.snapshot_id for ref in held.refs().values()}
        others = [one for one in held.snapshots() if one.snapshot_id not in heads]
        broken = [one.snapshot_id for one in others if not _readable(held.io, one)[1]]
        held.maintenance.expire_snapshots().by_ids(broken).commit()
    except CommitFailedException as error:
        raise table.contention() from error
    return True


def _readable(io: FileIO, snapshot: Snapshot) -> tuple[list[DataFile], bool]:
    """The files that a snapshot's readable manifests name, and whether these are all of its manifests."""
    files, whole = list[DataFile](), True
    try:
        with reading_manifests():
            manifests = snapshot.manifests(io)
    except DamagedData:
        return files, False
    for manifest in manifests:
        try:
            with reading_manifests():
                files += [entry.data_file for entry in manifest.fetch_manifest_entry(io)]
        except DamagedData:
            whole = False
    return files, whole


def _found(table: Table, kept: Iterable[DataFile], sha256s: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """The addresses of files that no readable manifest names, but the ledger does."""
    named, others = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for key, file in with_keys(table, kept):
        named[key].append(file.file_path)
    known = {address for of_key in named.values() for address in of_key}
    for file in listed(cast("PyArrowFileIO", table.io), f"{table.location()}/data"):
        if (address := file.address) not in known and FOLDER in address:
            others[address.rpartition(FOLDER)[2].partition("/")[0]].append(address)
    for key in others.keys() & sha256s.keys():
        missing = Counter(sha256s[key]) - Counter(_digests(table.io, named[key]).values())
        for address, digest in _digests(table.io, others[key]).items():
            if missing[digest] > 0:
                missing[digest] -= 1
                yield address


def _digests(io: FileIO, addresses: Iterable[str]) -> dict[str, str]:
    """SHA-256 by address, of the files that can be read."""
    found = dict[str, str]()
    for address in addresses:
        with suppress(DamagedData):
            (found[address],) = file_digests(io, [address]).values()
    return found
