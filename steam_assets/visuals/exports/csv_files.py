"""CSV that a spreadsheet opens safely and a program reads back exactly.

Belongs here: writing and reading the form. Does not belong here: which rows go into which file (table_files.py).

CSV is RFC 4180 in UTF-8 without a byte-order mark: commas, CRLF, every text in quotes. An empty field is null, two
quotes are an empty text. Numbers, dates (``YYYY-MM-DD``), timestamps (``YYYY-MM-DDTHH:MM:SS.ffffffZ``) and booleans are
not quoted; arrays are JSON text, in which a number that is not finite is null. A spreadsheet may interpret text as a
formula if it starts with ``=``, ``+``, ``-``, ``@``, their full-width forms, a tab, a line break or NUL: such text, and
text that starts with ``'``, is prefixed with ``'``; so are column names. To read it back, remove one leading ``'`` from
every text.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from steam_assets.query.rendering import without_infinities

RISKY = r"^[\p{Z}\p{C}]*[=+\-@'\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n\x00]"
"""RE2: text that some spreadsheet interprets as a formula, also after spaces and invisible characters."""

ROWS_AT_ONCE = 50_000
LARGEST_BLOCK = 1 << 26


class CsvWriter:
    """Writes rows to ``target``, a text file opened with ``newline=""``, as formula-safe CSV."""

    def __init__(self, target: TextIO, schema: pa.Schema) -> None:
        self._target = target
        names = _text_fields(pa.array(schema.names, pa.string()))
        target.write(",".join(map(str, names.to_pylist())) + "\r\n")

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows. Raises TypeError for a type without a CSV form (such as binary)."""
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            batch = rows.slice(start, ROWS_AT_ONCE)
            fields = [_fields(column) for column in batch.columns]
            commas = pa.repeat(",", batch.num_rows)
            lines = pc.binary_join_element_wise(*fields, commas, null_handling="replace", null_replacement="")
            self._target.writelines(f"{line}\r\n" for line in lines.to_pylist())


def write_csv(rows: pa.Table, path: Path) -> None:
    """Write ``rows`` as formula-safe CSV. Raises TypeError for a type without a CSV form (such as binary)."""
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = CsvWriter(target, rows.schema)
        for batch in rows.to_batches():
            writer.write(batch)


def _fields(column: pa.Array) -> pa.Array:
    """The column as CSV fields; null stays null."""
    kind = column.type
    if pa.types.is_nested(kind):
        documents = [None if value is None else _document(value) for value in column.to_pylist()]
        return _text_fields(pa.array(documents, pa.string()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_fields(column)
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ").cast(pa.string())
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_date, pa.types.is_boolean)
    if any(is_kind(kind) for is_kind in plain):
        return column.cast(pa.string())
    raise TypeError(f"a column of type {kind} has no form in CSV; export it as Parquet alone")


def _document(value: object) -> str:
    return without_infinities(json.dumps(value, ensure_ascii=False, default=_as_text))


def _as_text(value: object) -> str:
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"an array with a {type(value).__name__} has no form in CSV; export it as Parquet alone")


def _text_fields(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string())
    mark = pc.if_else(pc.match_substring_regex(text, RISKY), "'", "")
    doubled = pc.replace_substring(text, '"', '""')
    return pc.binary_join_element_wise('"', mark, doubled, '"', "", null_handling="emit_null")


def read_csv_export(path: Path, schema: pa.Schema | None = None) -> pa.Table:
    """The exact rows that ``write_csv`` wrote; ``schema`` defaults to that of the Parquet file next to ``path``."""
    known = schema or pq.read_schema(path.with_suffix(".parquet"))
    types = {field.name: field.type for field in known}
    plain = {name: pa.string() if _is_text(kind) else kind for name, kind in types.items()}
    read = pacsv.read_csv(
        path,
        read_options=pacsv.ReadOptions(block_size=LARGEST_BLOCK),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=plain,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
        ),
    )
    columns = [_restored(read[name].combine_chunks(), kind) for name, kind in types.items()]
    return pa.table(columns, schema=known)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _restored(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if not _is_text(kind):
        return column
    text = pc.if_else(pc.starts_with(column, "'"), pc.utf8_slice_codeunits(column, 1), column)
    if pa.types.is_nested(kind):
        return pa.array([None if document is None else json.loads(document) for document in text.to_pylist()], kind)
    return text.cast(kind)
