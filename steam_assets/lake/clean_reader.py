"""Reading clean tables and insights by name, without a JVM, as Arrow.

Belongs here: opening a table as it was last committed. Does not belong here: writing (clean_tables.py, by Spark).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from steam_assets.lake.catalogs import CATALOGS, open_catalog
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.roots import open_root
from steam_assets.settings import Settings


class CleanReader:
    """The clean tables of ``settings`` as of now; each call sees the newest commit, whole."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def table(self, name: str) -> Table | None:
        """The Iceberg table, or None if it was never made."""
        return self._named(name).load()

    def arrow(self, name: str, keys: Sequence[str] | None = None, columns: Sequence[str] = ("*",)) -> pa.Table | None:
        """The rows of some partitions, or of all; None if the table was never made."""
        return self._named(name).arrow(keys, columns)

    def _named(self, name: str) -> IcebergTable:
        return IcebergTable(self._catalog, CATALOGS["clean"].namespace, name, (), "", "")

    @cached_property
    def _catalog(self) -> Catalog:
        open_root(self._settings, "clean")
        return open_catalog(self._settings, "clean")
