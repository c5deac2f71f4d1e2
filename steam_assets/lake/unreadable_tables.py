"""What a reader of a table says when a file of it is lost or damaged.

Belongs here: finding the file, and the next step. Does not belong here: comparing a table with the ledger (backup.py),
repairing it (restore.py, commands/refresh.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager

from pyiceberg.table import Table

from steam_assets.lake.catalogs import root_of
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.parquet_files import DamagedData, read_files, reading_manifests
from steam_assets.lake.partition_spec import with_keys
from steam_assets.lake.roots import BACKUPS
from steam_assets.lake.table_names import INSIGHT, QUARANTINE
from steam_assets.outages import raise_outage


class UnreadableTable(Exception):
    """A table cannot be read; the message names the file and the next step."""


@contextmanager
def naming_damage(*tables: Table | Callable[[], Table | None], keys: Collection[str] | None = None) -> Generator[None]:
    """Raise UnreadableTable if what is done with ``tables`` fails because a file of one is lost or damaged.

    To find the file, those of the partitions ``keys``, or all, are read, but only after a failure. ``tables`` are
    loaded, or functions that load them. Raises Unavailable.
    """
    try:
        yield
    except UnreadableTable:
        raise
    except Exception as error:  # pyiceberg, Arrow and DuckDB raise anything, and often without the file's name.
        raise_outage(error)
        for found in tables:
            table = found if isinstance(found, Table) else found()
            if table and (damage := damage_of(table, keys)):
                raise UnreadableTable(
                    f"table {table.name()[-1]} cannot be read: {damage}; {next_step(table)}"
                ) from error
        raise


def next_step(table: Table) -> str:
    """What a user does about a damaged table."""
    name = table.name()[-1]
    if root_of(table.catalog) in BACKUPS:
        return "this is a backup: restore the file from another copy"
    if name.startswith(INSIGHT):
        return "type `steam-assets refresh --all` to repair it"
    if name.endswith(QUARANTINE):
        return "clean its partitions again (`steam-assets run SOURCE --stage clean --from … --to …`) to repair it"
    return "type `steam-assets restore --overwrite` to repair it"


def damage_of(table: Table, keys: Collection[str] | None = None) -> str | None:
    """How the first lost or damaged manifest, or file of the partitions ``keys``, is damaged; None if there is none."""
    try:
        with reading_manifests():
            files = [task.file for task in table.scan().plan_files()]
        if keys is not None:
            files = [file for key, file in with_keys(table, files) if key in keys]
        for _ in read_files(table.io, arrow_schema(table), [file.file_path for file in files]):
            pass
    except DamagedData as error:
        return str(error)
    return None
