"""Rows of an answer as text, as JSON, and in types supported by files.

Belongs here: converting values of any type that a query returns. Does not belong here: layout (commands/), what an
agent gets with them (agents/).

DuckDB does the conversion because it supports all its own types, including infinite dates, which Python lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import duckdb
import pyarrow as pa

from steam_assets.duckdb_connection import lock, open_connection

Cells = tuple[str | None, ...]


def text_rows(rows: pa.Table) -> list[Cells]:
    """Each value as text, null as None. Timestamps are UTC."""
    return [tuple(row) for row in _converted(rows, lambda column, _: f"cast({column} as varchar)").fetchall()]


def json_arrays(rows: pa.Table) -> Iterator[str]:
    """Each row as a JSON array. Dates and times are ISO 8601 text; numbers that are not finite are null."""
    values = ", ".join(_json(f"c{place}", kind) for place, kind in enumerate(rows.schema.types))
    yield from _lines(rows, f"json_array({values})")


def json_objects(rows: pa.Table) -> Iterator[str]:
    """Each row as a JSON object, by column; values as in ``json_arrays``."""
    pairs = ", ".join(
        f"'{field.name.replace(chr(39), chr(39) * 2)}', {_json(f'c{place}', field.type)}"
        for place, field in enumerate(rows.schema)
    )
    yield from _lines(rows, f"json_object({pairs})")


def storable(rows: pa.Table) -> pa.Table:
    """The rows in types that CSV and Parquet support; others, such as intervals, become text."""
    kept = [_is_common(kind) for kind in rows.schema.types]
    if all(kept):
        return rows
    made = _converted(rows, lambda column, place: column if kept[place] else f"cast({column} as varchar)")
    return made.to_arrow_table().rename_columns(rows.column_names)


def _is_common(kind: pa.DataType) -> bool:
    of = pa.types
    if of.is_list(kind) or of.is_large_list(kind):
        return _is_common(kind.value_type)
    tests = (of.is_boolean, of.is_integer, of.is_floating, of.is_decimal, of.is_string, of.is_large_string, of.is_date)
    return any(test(kind) for test in tests) or (of.is_timestamp(kind) and kind.tz is not None)


def _json(column: str, kind: pa.DataType) -> str:
    return f"if(isfinite({column}), {column}, null)" if pa.types.is_floating(kind) else column


def _lines(rows: pa.Table, value: str) -> Iterator[str]:
    # An answer without rows may have no columns to convert.
    if rows.num_rows:
        yield from (line for (line,) in _selected(rows, f"cast({value} as varchar)").fetchall())


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
