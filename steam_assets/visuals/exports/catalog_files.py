"""Files about all exported tables: ``columns.csv``, the column dictionary, and ``steam.duckdb`` with a view per table.

Belongs here: both files, and the note on made-up data. Does not belong here: the tables' own files (table_files.py).

The views of ``steam.duckdb`` read ``TABLE/all.parquet`` beside it. DuckDB resolves a relative path from the working
directory and has no function for the folder of a database, but a database's default ``temp_directory`` is its own path
with ``.tmp`` appended. So the views find their files wherever the folder was moved and whatever the working directory.
That does not work if the file is attached to another database, or if ``temp_directory`` was set: then they read the
folder it was written in, or the one in the variable ``steam_exports``.

The views escape what DuckDB would read as a pattern: unescaped, ``exports [1]`` reads ``exports 1`` beside it. A
database itself cannot be written below a folder with a ``?`` or a backslash in its name, so such a folder gets none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from steam_assets.insights.declared_tables import DeclaredTable
from steam_assets.lake.columns import column_comment
from steam_assets.lake.roots import SYNTHETIC
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.visuals.exports.csv_files import write_csv
from steam_assets.visuals.exports.table_files import WHOLE

DICTIONARY = "columns.csv"
DATABASE = "steam.duckdb"
NOTE = "SYNTHETIC-DATA.txt"
"""Unlike the mark of a demo's HOME, which an export into another HOME must not set."""
STORAGE_VERSION = "v1.0.0"
"""The oldest storage format of DuckDB 1, which any later version in any program opens."""

UNWRITABLE = frozenset("?\\")
"""Characters of a path below which DuckDB writes no database, because it treats them as an option and a separator."""

_FIELDS = ("table", "table_title", "column", "caption", "type", "unit", "required", "key", "meaning")


def catalog_exports(folder: Path, declared: Sequence[DeclaredTable], *, synthetic: bool) -> None:
    """Write the files for those of ``declared`` that have a file in ``folder``; each is replaced atomically.

    ``synthetic``: the rows are made up, which a note and the title of each table state.
    """
    there = [table for table in declared if (folder / table.name / WHOLE).exists()]
    if not there:
        return
    if synthetic:
        there = [replace(table, title=f"{table.title} (synthetic data)") for table in there]
    with temporary_folder(".export-", folder) as drafts:
        if synthetic:
            (drafts / NOTE).write_text(f"{SYNTHETIC}\n", "utf-8")
        write_csv(dictionary(there), drafts / DICTIONARY)
        if UNWRITABLE.isdisjoint(str(folder.absolute())):
            _write_database(there, folder.absolute(), drafts / DATABASE)
        for draft in drafts.iterdir():
            draft.replace(folder / draft.name)


def dictionary(tables: Iterable[DeclaredTable]) -> pa.Table:
    """One row per column: its meaning and unit, whether it is never null, and whether it is part of the key."""
    rows = [
        (
            table.name,
            table.title,
            column.name,
            column.caption,
            column.type,
            column.unit or None,
            not column.nullable,
            column.name in table.key,
            column.description,
        )
        for table in tables
        for column in table.columns
    ]
    kinds = [pa.bool_() if name in ("required", "key") else pa.string() for name in _FIELDS]
    schema = pa.schema(list(zip(_FIELDS, kinds, strict=True)))
    return pa.Table.from_pylist([dict(zip(_FIELDS, row, strict=True)) for row in rows], schema=schema)


def _write_database(tables: Iterable[DeclaredTable], folder: Path, where: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach {_text(str(where))} as steam (storage_version {_text(STORAGE_VERSION)})")
        connection.execute("use steam")
        connection.begin()
        for table in tables:
            path = f"{_literal(_folder(folder))} || {_text(f'{table.name}/{WHOLE}')}"
            connection.execute(f"create view {_name(table.name)} as from read_parquet({path})")
            connection.execute(f"comment on view {_name(table.name)} is {_text(f'{table.title}. {table.method}')}")
            there = set(pq.read_schema(folder / table.name / WHOLE).names)
            for column in (column for column in table.columns if column.name in there):
                place = f"{_name(table.name)}.{_name(column.name)}"
                connection.execute(f"comment on column {place} is {_text(column_comment(column))}")
        connection.commit()
        connection.execute("use memory")
        connection.execute("detach steam")


def _folder(written_in: Path) -> str:
    """SQL for the database's folder, with a separator at its end."""
    own = "current_setting('temp_directory')"
    beside = f"case when suffix({own}, '{DATABASE}.tmp') then left({own}, length({own}) - {len(DATABASE) + 4}) end"
    return f"coalesce(getvariable('steam_exports') || '/', {beside}, {_text(f'{written_in}/')})"


def _literal(path: str) -> str:
    """SQL for a pattern that matches exactly the path given by the SQL ``path``."""
    return rf"regexp_replace({path}, '[*?\[]', '[\0]', 'g')"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
