"""Versions of a table that its catalog once named and no longer knows, because an older copy of it was put back.

Belongs here: telling them apart from what lost races and killed commits leave. Does not belong here: what follows from
it (housekeeping.py, table_problems.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiceberg.table import StaticTable, Table

from steam_assets.lake.catalog_rebuild import is_whole, version_of
from steam_assets.lake.files import Files


def lost_history(table: Table, files: Files, addresses: Iterable[str]) -> Iterator[StaticTable]:
    """The lost versions among the files at ``addresses``, those of the table's folder.

    Metadata proves it if it is of another table, or follows metadata that the catalog's version does not have in its
    log. A single lost commit has no such proof: a commit that was killed before it reached the catalog looks the same.
    """
    known = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
    oldest = min(version for address in known if (version := version_of(address)) is not None)
    for address in addresses:
        version = version_of(address)
        if version is None or address in known or not is_whole(files, address):
            continue
        found = StaticTable.from_metadata(address, files.io.properties)
        before = {entry.metadata_file for entry in found.metadata.metadata_log} - known
        # Older entries may have left the log of the catalog's version.
        unknown = any((earlier := version_of(one)) is not None and earlier >= oldest for one in before)
        if unknown or found.metadata.table_uuid != table.metadata.table_uuid:
            yield found
