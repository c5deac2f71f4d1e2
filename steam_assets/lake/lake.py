"""The lake of one deployment: its four roots, and every table in them.

Belongs here: where each table is, and which one is its backup. Does not belong here: using them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Generic

from pyiceberg.catalog import Catalog

from steam_assets.lake import table_names
from steam_assets.lake.catalog_rebuild import open_whole_catalog
from steam_assets.lake.catalogs import CATALOGS, table_location
from steam_assets.lake.columns import ENVELOPE, ORIGIN, QUARANTINE, SET_ASIDE
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.roots import check_roots, is_in_use, open_root
from steam_assets.ledger.records import CleanRecord, PartitionRecord, R_co, RawRecord
from steam_assets.settings import RootName, Settings
from steam_assets.sources.source import Column, Source, Table


@dataclass(frozen=True)
class Twins(Generic[R_co]):
    """A table and its backup. ``label`` is its display name; ``model`` is the type of its ledger records."""

    label: str
    model: type[R_co]
    primary: IcebergTable
    backup: IcebergTable

    def planned(self, keys: Sequence[str]) -> Twins[R_co]:
        """Both tables pinned to their current versions, with the files of these partitions looked up at once."""
        return replace(self, primary=self.primary.planned(keys), backup=self.backup.planned(keys))


class Lake:
    """The tables of ``settings``; each root is opened when first used. Raises UnsafeRoot (see ``roots.open_root``)."""

    def __init__(self, settings: Settings) -> None:
        check_roots(settings)
        self.settings = settings
        self._catalog = cache(self._open)

    def _open(self, root: RootName) -> Catalog:
        open_root(self.settings, root)
        return open_whole_catalog(self.settings, root)

    def raw(self, source: Source) -> IcebergTable:
        """The source's raw table: one row per envelope."""
        return self._raw("raw", source)

    def raw_twins(self, source: Source) -> Twins[RawRecord]:
        return Twins(f"{source.name}/raw", RawRecord, self.raw(source), self.raw_backup(source))

    def raw_backup(self, source: Source) -> IcebergTable:
        return self._raw("raw-backup", source)

    def set_aside(self, source: Source) -> IcebergTable:
        """Records and responses that are not valid envelopes, as bytes, with the reason."""
        return self._set_aside("raw", source)

    def set_aside_twins(self, source: Source) -> Twins[RawRecord]:
        backup = self._set_aside("raw-backup", source)
        return Twins(f"{source.name}/set aside", RawRecord, self.set_aside(source), backup)

    def clean(self, table: Table) -> IcebergTable:
        return self._clean("clean", table)

    def clean_twins(self, source: Source, table: Table) -> Twins[CleanRecord]:
        backup = self._clean("clean-backup", table)
        return Twins(f"{source.name}/{table.asset}", CleanRecord, self.clean(table), backup)

    def twins(self, source: Source) -> list[Twins[PartitionRecord]]:
        """All tables of a source that have a backup."""
        clean = [self.clean_twins(source, table) for table in source.tables]
        return [self.raw_twins(source), self.set_aside_twins(source), *clean]

    def quarantine(self, table: Table) -> IcebergTable:
        """The quarantine of a clean table's unusable items."""
        text = f"Items that could not become rows of {table.name}, with the reason and their own text."
        return self.table("clean", f"{table.name}{table_names.QUARANTINE}", QUARANTINE, text)

    def table(self, root: RootName, name: str, columns: tuple[Column, ...], description: str) -> IcebergTable:
        location = table_location(self.settings, root, name)
        return IcebergTable(self._catalog(root), CATALOGS[root].namespace, name, columns, description, location)

    def table_names(self, root: RootName) -> list[str]:
        """The names of the tables that exist in a root, sorted; none if the root was never used."""
        if not is_in_use(self.settings, root):
            return []
        return sorted(name for _, name in self._catalog(root).list_tables(CATALOGS[root].namespace))

    def properties(self, root: RootName, table: str) -> Mapping[str, str]:
        """The properties of a table as last committed; empty if it was never created."""
        found = self.table(root, table, (), "").load()
        return found.properties if found else {}

    def _raw(self, root: RootName, source: Source) -> IcebergTable:
        return self.table(root, source.name, ENVELOPE, f"Responses of {source.title}, as received.")

    def _set_aside(self, root: RootName, source: Source) -> IcebergTable:
        return self.table(root, f"{source.name}_set_aside", SET_ASIDE, f"Unusable data received for {source.title}.")

    def _clean(self, root: RootName, table: Table) -> IcebergTable:
        return self.table(root, table.name, (*table.columns, *ORIGIN), table.description)
