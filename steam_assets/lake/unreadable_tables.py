"""What a reader of a table says when a file of it is lost or damaged.

Belongs here: finding the file, and the next step. Does not belong here: comparing a table with the ledger (backup.py),
repairing it (restore.py, commands/refresh.py).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pyiceberg.table import Table

from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.parquet_files import DamagedData, read_files, reading_manifests
from steam_assets.outages import raise_outage


class UnreadableTable(Exception):
    """A table cannot be read; the message names the file and the next step."""


@contextmanager
def naming_damage(table: Table) -> Generator[None]:
    """Raise UnreadableTable if what is done with ``table`` fails because one of its files is lost or damaged.

    To find the file, all of the table's files are read, but only after a failure. Raises Unavailable.
    """
    try:
        yield
    except UnreadableTable:
        raise
    except Exception as error:  # pyiceberg, Arrow and DuckDB raise anything, and often without the file's name.
        raise_outage(error)
        if damage := damage_of(table):
            raise UnreadableTable(
                f"table {table.name()[-1]} cannot be read: {damage}; type `steam-assets refresh --all` to "
                "repair an insight, `steam-assets restore --overwrite` any other table"
            ) from error
        raise


def damage_of(table: Table) -> str | None:
    """The first of the table's files that is lost or damaged, and how; None if all can be read."""
    try:
        with reading_manifests():
            files = [task.file.file_path for task in table.scan().plan_files()]
        for _ in read_files(table.io, arrow_schema(table), files):
            pass
    except DamagedData as error:
        return str(error)
    return None
