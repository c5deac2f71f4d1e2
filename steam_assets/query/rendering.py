"""Rows of an answer as text, as JSON, and in types supported by files.

Belongs here: converting values of any type that a query returns. Does not belong here: layout (commands/), what an
agent gets with them (agents/).

DuckDB does the conversion because it supports all its own types, including infinite dates, which Python lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import count

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.duckdb_connection import lock, open_connection

Cells = tuple[str | None, ...]
_YEARS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC))
"""The first and the last time that CSV and most programs can express."""
_TEXT_OR_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|-?NaN')


def text_rows(rows: pa.Table) -> list[Cells]:
    """Each value as text, null as None. Timestamps are UTC."""
    return [tuple(row) for row in _converted(rows, lambda column, _: f"cast({column} as varchar)").fetchall()]


def json_arrays(rows: pa.Table) -> Iterator[str]:
    """Each row as a JSON array. Dates and times are ISO 8601 text; numbers that are not finite are null."""
    yield from _lines(rows, f"json_array({', '.join(_json_columns(rows))})")


def json_objects(rows: pa.Table) -> Iterator[str]:
    """Each row as a JSON object, by column; values as in ``json_arrays``, names as in ``storable``."""
    quoted = [name.replace("'", "''") for name in _different(rows.column_names)]
    pairs = ", ".join(f"'{name}', {value}" for name, value in zip(quoted, _json_columns(rows), strict=True))
    yield from _lines(rows, f"json_object({pairs})")


def storable(rows: pa.Table) -> pa.Table:
    """The rows in types that CSV and Parquet support; others, such as intervals, become text.

    So does a column with times before the year 1 or after 9999, or infinite ones. Columns with the same name are
    numbered from the second on: ``rank``, ``rank_1``.
    """
    names = _different(rows.column_names)
    kept = [_is_common(column) for column in rows.columns]
    if all(kept):
        return rows.rename_columns(names)
    made = _converted(rows, lambda column, place: column if kept[place] else f"cast({column} as varchar)")
    return made.to_arrow_table().rename_columns(names)


def _different(names: Sequence[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        taken = {*made, *names}
        made.append(name if name not in made else next(one for one in numbered if one not in taken))
    return made


def _is_common(column: pa.ChunkedArray | pa.Array) -> bool:
    of, kind = pa.types, column.type
    if of.is_list(kind) or of.is_large_list(kind):
        return _is_common(pc.list_flatten(column))
    if of.is_date(kind) or (of.is_timestamp(kind) and kind.tz is not None):
        first, last = (pa.scalar(moment, kind) for moment in _YEARS)
        inside = pc.and_(pc.greater_equal(column, first), pc.less_equal(column, last))
        return pc.all(inside).as_py() is not False
    tests = (of.is_boolean, of.is_integer, of.is_floating, of.is_decimal, of.is_string, of.is_large_string)
    return any(test(kind) for test in tests)


def without_infinities(document: str) -> str:
    """A JSON document in which the numbers that JSON lacks are null, at any depth."""
    if "NaN" not in document and "Infinity" not in document:
        return document
    return _TEXT_OR_NO_NUMBER.sub(lambda found: found[0] if found[0].startswith('"') else "null", document)


def _lines(rows: pa.Table, value: str) -> Iterator[str]:
    # An answer without rows may have no columns to convert.
    if rows.num_rows:
        yield from (without_infinities(line) for (line,) in _selected(rows, f"cast({value} as varchar)").fetchall())


def _json_columns(rows: pa.Table) -> list[str]:
    return [_iso(f"c{place}", kind) for place, kind in enumerate(rows.schema.types)]


def _iso(value: str, kind: pa.DataType, depth: int = 0) -> str:
    """SQL of a value in which times are ISO 8601 text, as in CSV; also in lists, at any depth."""
    if pa.types.is_timestamp(kind):
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%f{'Z' if kind.tz else ''}')"
    if pa.types.is_list(kind) and (element := _iso(f"x{depth}", kind.value_type, depth + 1)) != f"x{depth}":
        return f"list_transform({value}, lambda x{depth}: {element})"
    return value


def _converted(rows: pa.Table, convert: Callable[[str, int], str]) -> duckdb.DuckDBPyRelation:
    columns = [convert(f"c{place}", place) for place in range(rows.num_columns)]
    return _selected(rows, ", ".join(f"{value} as c{place}" for place, value in enumerate(columns)))


def _selected(rows: pa.Table, values: str) -> duckdb.DuckDBPyRelation:
    # Two columns of an answer may have the same name.
    numbered = rows.rename_columns([f"c{place}" for place in range(rows.num_columns)])
    return _converter().from_arrow(numbered).project(values)


@cache
def _converter() -> duckdb.DuckDBPyConnection:
    return lock(open_connection())
