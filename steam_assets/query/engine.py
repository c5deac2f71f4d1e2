"""The query engine: the lake's tables, by name, in DuckDB.

Belongs here: which snapshot of which table a query reads, its limits, its rows. Does not belong here: which queries are
allowed (statements.py), how rows are shown (rendering.py), limits enforced from outside the engine (worker.py).

Each query reads the newest commit of each of its tables, and every table in a single version. Small tables are cached
in memory until they change, because opening their hundreds of files takes longer than a query.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import duckdb
import pyarrow as pa
from pyiceberg.table import Table

from steam_assets.duckdb_connection import MEMORY_MB, lock, open_connection
from steam_assets.lake.catalogs import CATALOGS
from steam_assets.lake.lake import Lake
from steam_assets.lake.snapshot_rows import Version, snapshot_rows, version_of
from steam_assets.lake.unreadable_tables import UnreadableTable, naming_damage
from steam_assets.query.errors import AT_THE_TIME_LIMIT, QueryError, QueryStopped, one_line
from steam_assets.query.statements import Reference, Statement, parse, split
from steam_assets.settings import RootName

ROOTS: tuple[RootName, ...] = ("clean", "raw", "clean-backup", "raw-backup")
"""All roots. Tables of the first of an engine's roots need no schema."""

HELD_BYTES = 16 << 20
"""Tables up to this size, as stored, are held in memory."""
BATCH_ROWS = 2048


@dataclass(frozen=True)
class Limits:
    """``rows`` and ``result_bytes`` apply to an answer, ``seconds`` to one query; None means no limit."""

    seconds: float | None = None
    rows: int | None = None
    result_bytes: int | None = None
    memory_mb: int = MEMORY_MB


@dataclass(frozen=True)
class Answer:
    """``rows`` in order, ``types`` as named by DuckDB, ``tables`` read; ``truncated``: there are more rows."""

    rows: pa.Table
    types: tuple[str, ...]
    tables: tuple[str, ...]
    truncated: bool
    seconds: float


class Engine:
    """Answers queries on the tables of ``roots``, one at a time.

    ``only`` are the names of the tables that may be read, by default all. ``keep``: more queries will follow, so tables
    are cached in memory.
    """

    def __init__(
        self,
        lake: Lake,
        roots: Sequence[RootName] = ROOTS,
        limits: Limits | None = None,
        *,
        only: Collection[str] | None = None,
        keep: bool = True,
    ) -> None:
        self._lake, self._only, self._keep = lake, only, keep
        self._limits = limits or Limits()
        self._roots: dict[str, RootName] = {CATALOGS[root].namespace: root for root in roots}
        self._first = CATALOGS[roots[0]].namespace
        self._seen: dict[Reference, Version] = {}
        # A thread may open tables while the next query is being typed.
        self._lock = threading.Lock()
        self._duck = open_connection(memory_mb=self._limits.memory_mb)
        for schema in self._roots:
            self._duck.execute(f"create schema {schema}")
        self._duck.execute(f"set search_path = '{self._first}'")
        lock(self._duck)

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found = {schema: self._lake.table_names(root) for schema, root in self._roots.items()}
        if self._only is None:
            return found
        return {schema: [name for name in names if name in self._only] for schema, names in found.items()}

    def tables(self) -> list[str]:
        """The existing tables as queries name them: those of the first root without a schema."""
        return [self._shown(Reference(schema, name)) for schema, names in self._names.items() for name in names]

    def columns(self, table: str) -> list[str]:
        """The columns of a table; none if it does not exist."""
        schema, _, name = table.lower().rpartition(".")
        found = self._load(Reference(schema or self._first, name))
        return [field.name for field in found.schema().fields] if found else []

    def statements(self, script: str) -> list[str]:
        """The statements of a script. Raises QueryError for a syntax error."""
        with self._lock:
            return split(self._duck, script)

    def ask(self, sql: str) -> Answer:
        """Answer one SELECT. Raises QueryError, or QueryStopped if it reaches a limit."""
        started = perf_counter()
        with self._lock, self._reported(), self._limited():
            statement = parse(self._duck, sql)
            if statement.lists_tables:
                return self._list_tables(started)
            read = [self._open(reference) for reference in self._read_by(statement)]
            with self._naming_damage(read):
                found = self._duck.sql(statement.text)
                rows, truncated = self._fetch(found)
            rows, types = _narrowed(rows, [str(kind) for kind in found.types])
        return Answer(rows, types, tuple(map(self._shown, read)), truncated, perf_counter() - started)

    def warm(self) -> Iterator[str]:
        """Open the tables that need no schema, one per iteration, so that queries find them in memory."""
        for name in list(self._names[self._first]):
            table = Reference(self._first, name)
            with self._lock:
                self._open(table)
            yield name

    def interrupt(self) -> None:
        """Stop the running query, from another thread."""
        self._duck.interrupt()

    def close(self) -> None:
        self._duck.close()

    def _fetch(self, found: duckdb.DuckDBPyRelation) -> tuple[pa.Table, bool]:
        limits, taken, size = self._limits, list[pa.RecordBatch](), 0
        # One row above the limit shows whether there are more.
        wanted = None if limits.rows is None else limits.rows + 1
        with found.to_arrow_reader(BATCH_ROWS) as reader:
            for batch in reader:
                taken.append(batch if wanted is None else batch.slice(0, wanted))
                size += taken[-1].nbytes
                if limits.result_bytes is not None and size > limits.result_bytes:
                    raise QueryStopped(
                        f"the answer is larger than {limits.result_bytes / 1e6:.0f} MB; select fewer columns or rows, "
                        "or shorten texts with left(text, 100)"
                    )
                wanted = None if wanted is None else wanted - taken[-1].num_rows
                if wanted == 0:
                    break
            rows = pa.Table.from_batches(taken, reader.schema)
        truncated = limits.rows is not None and rows.num_rows > limits.rows
        return rows.slice(0, limits.rows), truncated

    @contextmanager
    def _limited(self) -> Iterator[None]:
        if self._limits.seconds is None:
            yield
            return
        timer = threading.Timer(self._limits.seconds, self._duck.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except duckdb.InterruptException as error:
            raise QueryStopped("stopped" if self._limits.seconds is None else AT_THE_TIME_LIMIT) from error
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise QueryStopped(
                f"it needs more memory than the {self._limits.memory_mb:,} MB that a query may use; read fewer rows"
            ) from error
        except UnreadableTable as error:
            raise QueryError(str(error)) from error
        except duckdb.Error as error:
            raise QueryError(one_line(error)) from error

    @contextmanager
    def _naming_damage(self, read: Sequence[Reference]) -> Iterator[None]:
        """Raise UnreadableTable if DuckDB could not read one of the tables because a file is lost or damaged."""
        try:
            yield
        except duckdb.InvalidInputException as error:
            with ExitStack() as tables:
                for table in filter(None, map(self._load, read)):
                    tables.enter_context(naming_damage(table))
                raise error

    def _read_by(self, statement: Statement) -> list[Reference]:
        """The tables that a statement reads. Raises QueryError, with names like it, if one does not exist."""
        read = list[Reference]()
        for reference in statement.references:
            table = Reference(reference.schema or self._first, reference.name)
            own = not reference.schema and reference.name in statement.local
            if self._exists(table, again=not own):
                read.append(table)
            elif not own:
                raise self._unknown(reference)
        return list(dict.fromkeys(read))

    def _exists(self, table: Reference, *, again: bool) -> bool:
        """Whether a table is known; ``again``: check whether it was created since the catalogs were read."""
        if table.name not in self._names.get(table.schema, ()) and again:
            del self._names
        return table.name in self._names.get(table.schema, ())

    def _unknown(self, reference: Reference) -> QueryError:
        # Imported late: the registry of insights takes a second, and most queries name their tables correctly.
        from steam_assets.query.descriptions import why_missing

        mine = reference.schema in ("", self._first) and (self._only is None or reference.name in self._only)
        if mine and (why := why_missing(reference.name)):
            return QueryError(why)
        known = self.tables()
        near = difflib.get_close_matches(str(reference), known, 3, 0.65)
        near = near or [name for name in known if name.rpartition(".")[2] == reference.name][:3]
        instead = f"did you mean {' or '.join(near)}?" if near else "SHOW TABLES lists all"
        return QueryError(f"there is no table {reference}; {instead}")

    def _open(self, name: Reference) -> Reference:
        """Register the newest commit of a table with DuckDB."""
        table = self._load(name)
        if table is None:
            raise QueryError(f"the table {name} was removed in the meantime; run the query again")
        version = version_of(table)
        if self._seen.get(name) != version:
            with naming_damage(table):
                rows = snapshot_rows(table)
                held = self._keep and rows.size <= HELD_BYTES
                self._duck.register(f"rows of {name}", rows.dataset.to_table() if held else rows.dataset)
            self._duck.execute(f'create or replace view {name.schema}."{name.name}" as from "rows of {name}"')
            self._seen[name] = version
        return name

    def _load(self, name: Reference) -> Table | None:
        root = self._roots.get(name.schema)
        return self._lake.table(root, name.name, (), "").load() if root else None

    def _shown(self, name: Reference) -> str:
        return name.name if name.schema == self._first else str(name)

    def _list_tables(self, started: float) -> Answer:
        rows = pa.table({"table": pa.array(self.tables(), pa.string())})
        return Answer(rows, ("VARCHAR",), (), truncated=False, seconds=perf_counter() - started)


def _narrowed(rows: pa.Table, types: Sequence[str]) -> tuple[pa.Table, tuple[str, ...]]:
    """Sums of whole numbers, which are wider than Arrow's integers, as Arrow integers where they fit."""
    made = list(types)
    for place, kind in enumerate(types):
        if kind == "HUGEINT":
            with suppress(pa.ArrowInvalid):
                column = rows.column(place).cast(pa.int64())
                rows, made[place] = rows.set_column(place, rows.field(place).name, column), "BIGINT"
    return rows, tuple(made)
