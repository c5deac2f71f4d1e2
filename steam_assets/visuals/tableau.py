"""Tableau: all clean and insight tables as one ``.hyper`` file, and as data sources of a Tableau server.

Belongs here: Hyper types, keys between tables, replacing the file, publishing. Does not belong here: when to do so
(orchestration/).

The file for Tableau Desktop contains every table. All tables with an ``app_id`` refer to ``apps``: ``apps.app_id`` is
the primary key and theirs are foreign keys (assumed ones in Hyper's terms: declared, not checked). Relate tables with
the same periods by ``day``, ``week_start`` or ``month``. ``about_tables`` and ``about_columns`` contain the methods,
units and meanings.

A Tableau server accepts a file only if it has exactly one fact table. So publishing creates one data source per table,
which includes ``apps`` if the table has an ``app_id``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pantab
import pyarrow as pa
import pyarrow.compute
import tableauserverclient as tsc
from pydantic import SecretStr
from tableauserverclient.server.endpoint.exceptions import TableauError, XMLError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from steam_assets.insights import INSIGHTS
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.columns import ORIGIN
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

Rows: TypeAlias = "Callable[[Sequence[str]], pa.RecordBatchReader]"
"""Opens a table's rows: all columns for ``("*",)``, else the named ones. Can be called repeatedly."""

APPS, ABOUT_TABLES, ABOUT_COLUMNS = "apps", "about_tables", "about_columns"
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

NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# pyarrow creates its compute functions on import, where a type checker does not see them.
pc: Any = pyarrow.compute


class TableauRefused(RuntimeError):
    """The server rejected the publication; the message states why and what to do."""


@dataclass(frozen=True)
class TableauServer:
    """Where to publish, and the personal access token to sign in with. ``site`` is empty for the default site."""

    url: str
    project: str
    token_name: str
    token_secret: SecretStr = field(repr=False)
    site: str = ""
    timeout_seconds: float = 120


def tables_of(reader: CleanReader) -> dict[str, Rows]:
    """Every existing clean and insight table, by name; rows are streamed, never all in memory."""
    names = [table.name for source in SOURCES for table in source.tables] + [insight.table for insight in INSIGHTS]
    found: dict[str, Rows] = {}
    for name in names:
        table = reader.table(name)
        if table is not None and table.current_snapshot() is not None:
            found[name] = lambda columns, table=table: table.scan(
                selected_fields=tuple(columns)
            ).to_arrow_batch_reader()
    return found


def rows_of(table: pa.Table) -> Rows:
    """The rows of an in-memory table."""

    def opened(columns: Sequence[str]) -> pa.RecordBatchReader:
        chosen = table if tuple(columns) == ("*",) else table.select(list(columns))
        return pa.RecordBatchReader.from_batches(chosen.schema, iter(chosen.to_batches()))

    return opened


def write_extract(tables: Mapping[str, Rows], where: Path) -> None:
    """Write all ``tables`` with ``apps`` and the two ``about_`` tables into one file.

    The file is written next to ``where`` and then replaces it atomically: programs that have it open keep the old one.
    Raises ValueError for a reserved table name, TypeError for a column type that Hyper does not have, PermissionError
    if the old file stays locked.
    """
    taken = {APPS, ABOUT_TABLES, ABOUT_COLUMNS} & {*tables}
    if taken:
        raise ValueError(f"{', '.join(sorted(taken))} are reserved for the extract; rename the table")
    about = {ABOUT_TABLES: rows_of(about_tables(tables)), ABOUT_COLUMNS: rows_of(about_columns(tables))}
    where.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(f".{where.stem}-", where.parent) as folder:
        part = folder / where.name
        _write_related(about | dict(tables) | {APPS: rows_of(apps_of(tables))}, part, folder)
        _put_in_place(part, where)


# On Windows, a file that Tableau Desktop has open cannot be replaced until it is closed.
@retry(
    retry=retry_if_exception_type(PermissionError),
    stop=stop_after_delay(20),
    wait=wait_exponential(multiplier=0.2, max=4),
    reraise=True,
)
def _put_in_place(part: Path, where: Path) -> None:
    part.replace(where)


def _write_related(tables: Mapping[str, Rows], where: Path, logs: Path) -> None:
    """Write tables and, if ``apps`` is one of them, the keys between it and the others."""
    odd = [name for name in tables if not NAME.fullmatch(name)]
    if odd:
        raise ValueError(f"{odd[0]!r} is not a valid table name; use letters, digits and underscores")
    # Hyper writes its log into the working directory by default.
    process = {"log_dir": str(logs)}
    sent = {name: _HyperRows(name, opened(("*",))) for name, opened in tables.items()}
    streams: dict[Any, pa.RecordBatchReader] = {name: rows.reader() for name, rows in sent.items()}
    related = [name for name, stream in streams.items() if "app_id" in stream.schema.names and name != APPS]
    pantab.frames_to_hyper(streams, where, not_null_columns={"app_id"}, process_params=process)
    written = _counts(where, sent, process)
    for name, rows in sent.items():
        rows.check(written[name])
    if APPS not in tables:
        return
    statements = [f'alter table "{APPS}" add assumed primary key ("app_id")']
    statements += [
        f'alter table "{name}" add assumed foreign key ("app_id") references "{APPS}" ("app_id")' for name in related
    ]
    for statement in statements:
        pantab.frame_from_hyper_query(where, statement, return_type="pyarrow", process_params=process)


def _counts(where: Path, tables: Iterable[str], process: dict[str, str]) -> dict[str, int]:
    counts = " union all ".join(f"""select '{name}' as name, count(*) as n from "{name}" """ for name in tables)  # noqa: S608
    counted: Any = pantab.frame_from_hyper_query(where, counts, return_type="pyarrow", process_params=process)
    return {row["name"]: row["n"] for row in counted.to_pylist()}


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
        return pc.binary_join(column.cast(pa.list_(pa.string())), ", ").cast(kind)
    return column if column.type == kind else column.cast(kind)


def apps_of(tables: Mapping[str, Rows]) -> pa.Table:
    """Every app of the tables, with its newest name on a chart; without a name if no chart has it."""
    found: dict[int, tuple[str | None, str | None]] = {}
    for name, opened in tables.items():
        if name not in NAMED_BY and "app_id" in opened(("*",)).schema.names:
            for batch in opened(("app_id",)):
                found |= dict.fromkeys(pc.unique(batch.column("app_id")).to_pylist(), (None, None))
    for name in NAMED_BY:
        if name in tables:
            columns = ["app_id", "name", "item_type", "partition_key"]
            rows = tables[name](columns).read_all().select(columns).sort_by("partition_key")
            for app, called, kind, _ in zip(*(rows.column(c).to_pylist() for c in columns), strict=True):
                known = found.get(app, (None, None))
                found[app] = (called or known[0], kind or known[1])
    rows = [{"app_id": app, "name": found[app][0], "item_type": found[app][1]} for app in sorted(found)]
    return pa.Table.from_pylist(rows, schema=APPS_SCHEMA)


def about_tables(tables: Iterable[str]) -> pa.Table:
    """What each table contains, its method and its limitations."""
    about = {t.name: (source.title, t.description, "", "") for source in SOURCES for t in source.tables}
    about |= {i.table: (i.title, "", i.method, i.error) for i in INSIGHTS}
    columns = ["table_name", "title", "description", "method", "error"]
    rows = [dict(zip(columns, (name, *about.get(name, ("", "", "", ""))), strict=True)) for name in tables]
    return pa.Table.from_pylist(rows, schema=pa.schema([(column, pa.string()) for column in columns]))


def about_columns(tables: Iterable[str]) -> pa.Table:
    """What each column means, and its unit."""
    declared: dict[str, Sequence[Column]] = {t.name: (*t.columns, *ORIGIN) for s in SOURCES for t in s.tables}
    declared |= {insight.table: insight.schema for insight in INSIGHTS}
    rows = [
        {"table_name": name, "column_name": column.name, "unit": column.unit, "meaning": column.description}
        for name in tables
        for column in declared.get(name, ())
    ]
    schema = pa.schema([(name, pa.string()) for name in ("table_name", "column_name", "unit", "meaning")])
    return pa.Table.from_pylist(rows, schema=schema)


def publish(tables: Mapping[str, Rows], server: TableauServer, *, prefix: str = "Steam") -> dict[str, str]:
    """Publish each table as the data source ``PREFIX: table``, replacing an older one; returns the ids by table.

    TableauRefused if the server, the project or the token is not what the settings say, or a file is not taken; what
    was published before that stays.
    """
    published: dict[str, str] = {}
    with _signed_in(server) as api, temporary_folder("steam-tableau-") as folder:
        project = _project(api, server)
        apps = rows_of(apps_of(tables))
        for name, opened in tables.items():
            file = folder / f"{name}.hyper"
            has_apps = "app_id" in opened(("*",)).schema.names
            _write_related({name: opened} | ({APPS: apps} if has_apps else {}), file, folder)
            item = tsc.DatasourceItem(project, name=f"{prefix}: {name}")
            made = api.datasources.publish(item, file, tsc.Server.PublishMode.Overwrite)
            published[name] = str(made.id)
            file.unlink()
    return published


@contextmanager
def _signed_in(server: TableauServer) -> Iterator[tsc.Server]:
    """A session on the server; the token is sent only over TLS, except to this machine."""
    address = urlsplit(server.url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise TableauRefused(f"{server.url} is not https, and the token is never sent unencrypted; use an https URL")
    try:
        api = tsc.Server(server.url, use_server_version=True, http_options={"timeout": server.timeout_seconds})
        secret = server.token_secret.get_secret_value()
        with api.auth.sign_in(tsc.PersonalAccessTokenAuth(server.token_name, secret, site_id=server.site)):
            yield api
    except XMLError as error:
        hint = "renew the token" if str(error.code).startswith("401") else "see the server's answer"
        raise TableauRefused(f"{server.url} refused ({error.code}: {error.summary}, {error.detail}); {hint}") from error
    except TableauError as error:
        raise TableauRefused(f"{server.url} failed ({type(error).__name__}); check its log, or retry later") from error
    except OSError as error:
        raise TableauRefused(
            f"{server.url} cannot be used ({type(error).__name__}); make sure that it is running"
        ) from error


def _project(api: tsc.Server, server: TableauServer) -> str:
    wanted = tsc.RequestOptions()
    wanted.filter.add(tsc.Filter(tsc.RequestOptions.Field.Name, tsc.RequestOptions.Operator.Equals, server.project))
    found, _ = api.projects.get(wanted)
    project = next((one.id for one in found if one.name == server.project), None)
    if project is None:
        raise TableauRefused(f"{server.url} has no project {server.project!r}; create it, or name another")
    return project
