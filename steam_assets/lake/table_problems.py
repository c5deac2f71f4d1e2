"""What verification finds about a table as a whole, beyond the partitions that its ledger names.

Belongs here: rows without a record, a catalog that is behind its tables. Does not belong here: reading partitions back
(backup.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from steam_assets.lake.backup import backups_of
from steam_assets.lake.catalogs import root_of
from steam_assets.lake.files import Files
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.lost_history import lost_history
from steam_assets.lake.parquet_files import DamagedData
from steam_assets.ledger.records import PartitionRecord


def table_problems(lake: Lake, twins: Twins[PartitionRecord]) -> Iterator[str]:
    """One line per problem of the primary and the backup; no data file is read."""
    primary, backup = twins.primary.pinned(), twins.backup.pinned()
    yield from _problems(lake, twins.label, primary, primary.records(twins.model))
    yield from _problems(lake, f"{twins.label} backup", backup, backups_of(twins))


def _problems(lake: Lake, label: str, table: IcebergTable, recorded: Collection[str]) -> Iterator[str]:
    loaded, files = table.load(), Files(lake.settings)
    if loaded is None:
        return
    addresses = [file.address for file in files.list(f"{loaded.location()}/metadata")]
    if lost := [version.metadata_location for version in lost_history(loaded, files, addresses)]:
        yield (
            f"{label}: the catalog is behind the table: it names {loaded.metadata_location} and does not know "
            f"{max(lost)}, as if an older copy of the catalog had been put back; if that file is the newer one, type "
            f"`steam-assets catalog rebuild --root {root_of(table.catalog)}`, then verify again"
        )
    try:
        found = table.partition_rows()
    except DamagedData:  # Reading the partitions back names each of them.
        return
    for key, rows in sorted(found.items()):
        if rows and key not in recorded:
            yield (
                f"{label}: {rows} rows with partition_key {key!r} were added by another program, and the ledger has no "
                f"record of them; delete them from {table.identifier} with that program"
            )
