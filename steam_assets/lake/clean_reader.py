"""Read clean tables and insights by name as Arrow, without a JVM.

Belongs here: opening a table as last committed. Does not belong here: writing (spark/clean_tables.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyiceberg.table import Table

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import is_synthetic
from steam_assets.lake.unreadable_tables import naming_damage
from steam_assets.settings import Settings


class CleanReader:
    """The clean tables of ``settings``; each call sees the newest commit in full."""

    def __init__(self, settings: Settings) -> None:
        self._lake = Lake(settings)

    @property
    def is_synthetic(self) -> bool:
        """Whether the tables hold made-up data, as the demo's do."""
        return is_synthetic(self._lake.settings)

    def table(self, name: str) -> Table | None:
        """The Iceberg table, or None if it was never created."""
        return self._table(name).load()

    def partition_keys(self, name: str) -> list[str]:
        """Keys of the partitions that have rows, oldest first, from the table's metadata; none if it does not exist."""
        table = self._table(name)
        loaded = table.load()
        if loaded is None:
            return []
        with naming_damage(loaded):
            return sorted(key for key, rows in table.partition_rows().items() if rows)

    def size(self, name: str) -> int:
        """Bytes of the table's files; 0 if it was never created."""
        return self._table(name).size()

    def arrow(self, name: str, keys: Sequence[str] | None = None, columns: Sequence[str] = ("*",)) -> pa.Table | None:
        """The rows of some partitions, or of all; None if the table was never created."""
        return self._table(name).arrow(keys, columns)

    def _table(self, name: str) -> IcebergTable:
        return self._lake.table("clean", name, (), "")
