"""Exports: every clean and insight table, one file per partition, as CSV for people and as Parquet for programs.

Belongs here: both formats, and reading CSV back. Does not belong here: when to export.

CSV is RFC 4180 in UTF-8 without a byte-order mark: commas, CRLF, every text in quotes. An empty field is null, two
quotes are an empty text. Numbers, dates (``YYYY-MM-DD``), timestamps (``YYYY-MM-DDTHH:MM:SS.ffffffZ``) and booleans are
not quoted; arrays are JSON text. A spreadsheet may interpret text as a formula if it starts with ``=``, ``+``, ``-``,
``@``, their full-width forms, a tab, a line break or NUL: such text, and text that starts with ``'``, is prefixed with
``'``. To read it back, remove one leading ``'`` from every text. Parquet has the rows unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from steam_assets.insights.insight import ALL
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.processes.temporary_folders import temporary_folder

PARTITION = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{ALL}")

RISKY = r"^[\p{Z}\p{C}]*[=+\-@'\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n\x00]"
"""RE2: text that some spreadsheet interprets as a formula, also after spaces and invisible characters."""

# pyarrow creates its compute functions on import, where a type checker does not see them.
pc: Any = pyarrow.compute

ROWS_AT_ONCE = 50_000
LARGEST_BLOCK = 1 << 26


@dataclass(frozen=True)
class Exported:
    """A partition's two files, by their paths within the folder, and its number of rows."""

    table: str
    partition_key: str
    rows: int
    csv: str
    parquet: str


def export_table(
    reader: CleanReader, folder: Path, table: str, keys: Sequence[str] | None = None
) -> Iterator[Exported]:
    """Export partitions of a table (default: all); nothing if the table does not exist.

    ``TABLE/KEY.csv`` and ``TABLE/KEY.parquet`` are each replaced atomically. A partition without rows gives files
    without rows. Raises ValueError for an invalid partition key.
    """
    chosen = table_partitions(reader, table) if keys is None else list(keys)
    for key in chosen:
        if not PARTITION.fullmatch(key):
            raise ValueError(f"{key!r} is not a partition key of {table}; write a date as YYYY-MM-DD")
        rows = reader.arrow(table, [key])
        if rows is not None:
            yield _export(folder, table, key, rows)


def table_partitions(reader: CleanReader, table: str) -> list[str]:
    """Keys of the partitions of which a table has rows, oldest first; none if the table does not exist."""
    rows = reader.arrow(table, columns=("partition_key",))
    return [] if rows is None else sorted(map(str, rows["partition_key"].unique().to_pylist()))


def _export(folder: Path, table: str, key: str, rows: pa.Table) -> Exported:
    stem = f"{table}/{key}"
    (folder / table).mkdir(parents=True, exist_ok=True)
    with temporary_folder(".export-", folder) as drafts:
        csv, parquet = drafts / "rows.csv", drafts / "rows.parquet"
        write_csv(rows, csv)
        pq.write_table(rows, parquet, compression="zstd")
        parquet.replace(folder / f"{stem}.parquet")
        csv.replace(folder / f"{stem}.csv")
    return Exported(table, key, rows.num_rows, f"{stem}.csv", f"{stem}.parquet")


def write_csv(rows: pa.Table, path: Path) -> None:
    """Write ``rows`` as formula-safe CSV. Raises TypeError for a type without a CSV form (such as binary)."""
    with path.open("w", encoding="utf-8", newline="") as target:
        target.write(",".join(_quoted(name) for name in rows.column_names) + "\r\n")
        for batch in rows.to_batches(max_chunksize=ROWS_AT_ONCE):
            fields = [_fields(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*fields, ",", null_handling="replace", null_replacement="")
            target.writelines(f"{line}\r\n" for line in lines.to_pylist())


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _fields(column: Any) -> Any:
    """The column as CSV fields; null stays null."""
    kind = column.type
    if pa.types.is_nested(kind):
        documents = [None if value is None else json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
        return _text_fields(pa.array(documents, pa.string()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_fields(column)
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ").cast(pa.string())
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_date, pa.types.is_boolean)
    if any(is_kind(kind) for is_kind in plain):
        return column.cast(pa.string())
    raise TypeError(f"a column of type {kind} has no form in CSV; export it as Parquet alone")


def _text_fields(column: Any) -> Any:
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


def _restored(column: Any, kind: pa.DataType) -> Any:
    if not _is_text(kind):
        return column
    text = pc.if_else(pc.starts_with(column, "'"), pc.utf8_slice_codeunits(column, 1), column)
    if pa.types.is_nested(kind):
        return pa.array([None if document is None else json.loads(document) for document in text.to_pylist()], kind)
    return text.cast(kind)
