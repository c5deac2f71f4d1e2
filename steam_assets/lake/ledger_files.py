"""The ledger of a lake on this machine, read from its files with the standard library only.

Belongs here: reading a table's properties via a root's SQLite catalog, for commands that respond instantly. Does not
belong here: rows, other kinds of catalog (lake.py, whose imports take a second).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

from steam_assets.lake.catalogs import BUSY_SECONDS, CATALOGS, sqlite_file
from steam_assets.lake.roots import ROOT_NAMES, check_roots, is_in_use, on_s3
from steam_assets.ledger.records import Ledger
from steam_assets.settings import RootName, Settings

_TABLES = "SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?"


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of a lake, wherever it is. Raises UnsafeRoot, now or at the first read (see ``roots.open_root``)."""
    if settings.iceberg_catalog == "sqlite" and not any(on_s3(settings.root(name)) for name in ROOT_NAMES):
        return LedgerFiles(settings)
    return _lake(settings)


class LedgerFiles:
    """Every table as of its first read; writes nothing. Falls back to ``Lake`` for what it cannot read."""

    def __init__(self, settings: Settings) -> None:
        check_roots(settings)
        self.settings = settings
        self.properties = cache(self._properties)
        self._metadata = cache(self._metadata_files)
        self._lake = cache(partial(_lake, settings))

    def _properties(self, root: RootName, table: str) -> Mapping[str, str]:
        """The properties of a table; empty if it was never created."""
        if not is_in_use(self.settings, root):
            return {}
        try:
            named = self._metadata(root)
            if named:
                return json.loads(Path(named[table]).read_bytes())["properties"] if table in named else {}
        except (OSError, sqlite3.DatabaseError, ValueError, LookupError):
            pass
        # A catalog without tables may have been lost.
        return self._lake().properties(root, table)

    def _metadata_files(self, root: RootName) -> Mapping[str, str]:
        """The newest metadata file of each table in a root's catalog."""
        name, file = CATALOGS[root], quote(str(sqlite_file(self.settings, root)))
        with closing(sqlite3.connect(f"file:{file}?mode=ro", timeout=BUSY_SECONDS, uri=True)) as catalog:
            return dict(catalog.execute(_TABLES, (name.catalog, name.namespace)).fetchall())


def _lake(settings: Settings) -> Ledger:
    from steam_assets.lake.lake import Lake

    return Lake(settings)
