"""The ``.hyper`` file: all clean and insight tables, with the dimensions that they share and their meanings.

Belongs here: Hyper's types, replacing the file. Does not belong here: what Tableau shows of it
(model.py), publishing (server.py).

``apps`` has every app of the tables, ``calendar`` every day from the first period to the last: model.py states how the
tables are related to them. ``about_tables`` and ``about_columns`` contain the methods, units and meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pantab
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from steam_assets.insights.declared_tables import declared_tables
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence

APPS, CALENDAR, ABOUT_TABLES, ABOUT_COLUMNS = "apps", "calendar", "about_tables", "about_columns"
RESERVED = (APPS, CALENDAR, ABOUT_TABLES, ABOUT_COLUMNS)
CALENDAR_SCHEMA = pa.schema([("day", pa.date32()), ("week_start", pa.date32()), ("month", pa.date32())])
APPS_SCHEMA = pa.schema([("app_id", pa.int64()), ("name", pa.string()), ("item_type", pa.string())])
FREQUENCY = (Cadence.MONTHLY, Cadence.WEEKLY, Cadence.DAILY)
NAMED_BY = tuple(
    table.name
    for cadence in FREQUENCY
    for source in SOURCES
    for table in source.tables
    if source.cadence is cadence and {*APPS_SCHEMA.names} <= {column.name for column in table.columns}
)
"""Tables with app names; the newest row of the last, most frequent table takes precedence."""

HELD_BYTES = 1 << 20
"""Tables up to this size, as stored, are held in memory: their rows, apps and days are each asked for."""
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
DECLARED = {table.name: table for table in declared_tables(SOURCES)}


@dataclass(frozen=True)
class Rows:
    """A table's rows. ``opened`` can be called repeatedly: all columns for ``("*",)``, else the named ones.

    Its schema is known without opening it, which looks up all files of the table.
    """

    schema: pa.Schema
    opened: Callable[[Sequence[str]], pa.RecordBatchReader]


def tables_of(reader: CleanReader) -> dict[str, Rows]:
    """Every existing clean and insight table, by name; small ones are read here, others streamed when opened."""
    found: dict[str, Rows] = {}
    for name in DECLARED:
        table = reader.table(name)
        if table is None or table.current_snapshot() is None:
            continue
        if reader.size(name) <= HELD_BYTES and (held := reader.arrow(name)) is not None:
            found[name] = rows_of(held)
        else:
            found[name] = Rows(schema_to_pyarrow(table.schema(), include_field_ids=False), partial(_scanned, table))
    return found


def _scanned(table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
    return table.scan(selected_fields=tuple(columns)).to_arrow_batch_reader()


def rows_of(table: pa.Table) -> Rows:
    """The rows of an in-memory table."""

    def opened(columns: Sequence[str]) -> pa.RecordBatchReader:
        chosen = table if tuple(columns) == ("*",) else table.select(list(columns))
        return pa.RecordBatchReader.from_batches(chosen.schema, iter(chosen.to_batches()))

    return Rows(table.schema, opened)


def write_extract(tables: Mapping[str, Rows], where: Path) -> None:
    """Write all ``tables``, and those of RESERVED, into one file.

    The file is written next to ``where`` and then replaces it atomically: programs that have it open keep the old one.
    Raises ValueError for a reserved table name, TypeError for a column type that Hyper does not have, PermissionError
    if the old file stays locked.
    """
    if taken := {*RESERVED} & {*tables}:
        raise ValueError(f"{', '.join(sorted(taken))} are reserved for the extract; rename the table")
    added = {
        ABOUT_TABLES: about_tables(tables),
        ABOUT_COLUMNS: about_columns(tables),
        CALENDAR: calendar_of(tables),
        APPS: apps_of(tables),
    }
    where.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(f".{where.stem}-", where.parent) as folder:
        part = folder / where.name
        write_tables({name: rows_of(table) for name, table in added.items()} | dict(tables), part, folder)
        put_in_place(part, where)


# On Windows, a file that Tableau Desktop has open cannot be replaced until it is closed.
@retry(
    retry=retry_if_exception_type(PermissionError),
    stop=stop_after_delay(20),
    wait=wait_exponential(multiplier=0.2, max=4),
    reraise=True,
)
def put_in_place(part: Path, where: Path) -> None:
    """Replace a file; the draft is in a folder of the same disk."""
    part.replace(where)


def write_tables(tables: Mapping[str, Rows], where: Path, logs: Path) -> None:
    """Write tables into a file; Hyper's log goes into the folder ``logs``."""
    odd = [name for name in tables if not NAME.fullmatch(name)]
    if odd:
        raise ValueError(f"{odd[0]!r} is not a valid table name; use letters, digits and underscores")
    sent = {name: _HyperRows(name, rows.opened(("*",))) for name, rows in tables.items()}
    streams = {name: rows.reader() for name, rows in sent.items()}
    # Hyper writes its log into the working directory by default.
    pantab.frames_to_hyper({**streams}, where, not_null_columns={"app_id"}, process_params={"log_dir": str(logs)})
    written = _counts(where, sent, logs)
    for name, rows in sent.items():
        rows.check(written[name])


def declare_keys(where: Path, table: str, logs: Path) -> None:
    """Declare that ``table`` refers to ``apps`` by ``app_id``: assumed keys in Hyper's terms, which are not checked."""
    query(where, f'alter table "{APPS}" add assumed primary key ("app_id")', logs)
    query(where, f'alter table "{table}" add assumed foreign key ("app_id") references "{APPS}" ("app_id")', logs)


def query(where: Path, sql: str, logs: Path) -> pa.Table:
    """The result of a statement in Hyper's SQL; each starts a Hyper process."""
    found = pantab.frame_from_hyper_query(where, sql, return_type="pyarrow", process_params={"log_dir": str(logs)})
    # The declared type does not depend on return_type.
    return cast("pa.Table", found)


def _counts(where: Path, tables: Iterable[str], logs: Path) -> dict[str, int]:
    counts = " union all ".join(f"""select '{name}' as name, count(*) as n from "{name}" """ for name in tables)  # noqa: S608
    return {row["name"]: row["n"] for row in query(where, counts, logs).to_pylist()}


class _HyperRows:
    """Rows on their way into Hyper, in its types.

    pantab takes an error in the middle of a stream for its end and writes what came before, so errors are kept here and
    rows are counted.
    """

    def __init__(self, name: str, rows: pa.RecordBatchReader) -> None:
        self._name, self._rows = name, rows
        self._schema = pa.schema([(column.name, _hyper_type(name, column)) for column in rows.schema])
        self._sent = 0
        self._failure: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._rows:
                pairs = zip(batch.columns, self._schema.types, strict=True)
                yield pa.RecordBatch.from_arrays([_hyper_column(*pair) for pair in pairs], schema=self._schema)
                self._sent += batch.num_rows
        except Exception as error:
            self._failure = error
            raise

    def check(self, written: int) -> None:
        """Raise the stream's error, or RuntimeError if not every row was written."""
        if self._failure is not None:
            raise self._failure
        if written != self._sent:
            raise RuntimeError(f"{self._name}: {written} of {self._sent} rows are in the extract; write it again")


def _hyper_type(table: str, column: pa.Field) -> pa.DataType:
    """The type to write; Hyper has only signed integers, and no lists."""
    kind = column.type
    if pa.types.is_unsigned_integer(kind) or pa.types.is_int8(kind):
        return pa.int64()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        value = kind.value_type
        if pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_integer(value):
            return pa.string()
        raise TypeError(f"{table}.{column.name} is a {kind}; Hyper has no such type, leave the column out")
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        raise TypeError(f"{table}.{column.name} is a {kind}; Hyper has no such type, leave the column out")
    return kind


def _hyper_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        joined = pc.binary_join(column.cast(pa.list_(pa.string())), ", ")
        return cast("pa.Array", joined.cast(kind))
    return column if column.type == kind else column.cast(kind)


def apps_of(tables: Mapping[str, Rows]) -> pa.Table:
    """Every app of the tables, with its newest name on a chart; without a name if no chart has it."""
    found: dict[int, tuple[str | None, str | None]] = {}
    for name, rows in tables.items():
        if name not in NAMED_BY and "app_id" in rows.schema.names:
            for batch in rows.opened(("app_id",)):
                apps = pc.unique(batch.column("app_id")).to_pylist()
                found |= {app: (None, None) for app in apps if app is not None}
    for name in NAMED_BY:
        if name in tables:
            columns = ["app_id", "name", "item_type", "partition_key"]
            charted = tables[name].opened(columns).read_all().select(columns).sort_by("partition_key")
            for app, called, kind, _ in zip(*(charted.column(c).to_pylist() for c in columns), strict=True):
                known = found.get(app, (None, None))
                found[app] = (called or known[0], kind or known[1])
    every = [{"app_id": app, "name": found[app][0], "item_type": found[app][1]} for app in sorted(found)]
    return pa.Table.from_pylist(every, schema=APPS_SCHEMA)


def calendar_of(tables: Mapping[str, Rows]) -> pa.Table:
    """Every day from the first period of the tables to the last, with the week (from Tuesday) and month it is in."""
    known: list[date] = []
    for name, rows in tables.items():
        period = DECLARED[name].period if name in DECLARED else None
        if period and period in rows.schema.names:
            for batch in rows.opened((period,)):
                bounds = (pc.min(batch.column(period)).as_py(), pc.max(batch.column(period)).as_py())
                known += [day for day in bounds if day is not None]
    if not known:
        return CALENDAR_SCHEMA.empty_table()
    first, last = min(known), max(known)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return pa.Table.from_pylist([_calendar_row(day) for day in days], schema=CALENDAR_SCHEMA)


def _calendar_row(day: date) -> dict[str, date]:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    week, month = (cadence.containing(moment).start.date() for cadence in (Cadence.WEEKLY, Cadence.MONTHLY))
    return {"day": day, "week_start": week, "month": month}


def about_tables(tables: Iterable[str]) -> pa.Table:
    """What each table contains, its method and its limitations."""
    named = ((name, DECLARED.get(name)) for name in tables)
    rows = [
        {
            "table_name": name,
            "title": table.title if table else "",
            "description": table.description if table else "",
            "method": table.method if table else "",
            "error": table.limitations if table else "",
        }
        for name, table in named
    ]
    columns = ("table_name", "title", "description", "method", "error")
    return pa.Table.from_pylist(rows, schema=pa.schema([(column, pa.string()) for column in columns]))


def about_columns(tables: Iterable[str]) -> pa.Table:
    """What each column means, and its unit."""
    rows = [
        {"table_name": name, "column_name": column.name, "unit": column.unit, "meaning": column.description}
        for name in tables
        if name in DECLARED
        for column in DECLARED[name].columns
    ]
    schema = pa.schema([(name, pa.string()) for name in ("table_name", "column_name", "unit", "meaning")])
    return pa.Table.from_pylist(rows, schema=schema)
