"""Writing rows as Parquet files that any reader takes in small bites and whose pages carry checksums.

Belongs here: files and row groups. Does not belong here: which table they join (iceberg_table.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from steam_assets.lake.content import EMPTY, Content
from steam_assets.lake.row_digest import content

GROUP_BYTES = 8 << 20
"""Of a row group, before compression. A reader holds one at a time: 4,096 bodies of 90 kB ended a heap of 1 GB."""
OPAQUE = ("body", "value", "headers", "details")
"""Columns by whose bounds nobody looks for rows; a body as a bound would make each footer as large as it."""
FILE_BYTES = 256 << 20
"""Of a file, before compression."""


@dataclass(frozen=True)
class Written:
    """Files by address, the content of their rows, and the bytes they take."""

    files: list[str]
    content: Content
    size: int


def write_files(io: FileIO, folder: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], name: str) -> Written:
    """Write ``batches``, as they come, by name, each of one ``partition_key`` and, of raw, one ``batch_id``."""
    written: list[str] = []
    total, size_written = EMPTY, 0
    counted = [column.name for column in schema if column.name not in OPAQUE]
    for (key, _), of_key in groupby((aligned(batch, schema) for batch in batches), key=_place):
        groups = _groups(of_key)
        upcoming = next(groups, None)
        while upcoming is not None:
            path = f"{folder}/partition_key={key}/{name}-{len(written):05d}.parquet"
            written.append(path)
            size = 0
            with ExitStack() as stack:
                stream = stack.enter_context(io.new_output(path).create())
                options: Any = {"compression": "zstd", "write_page_checksum": True, "write_statistics": counted}
                writer = stack.enter_context(pq.ParquetWriter(stream, schema, **options))
                while upcoming is not None and size < FILE_BYTES:
                    writer.write_table(upcoming, row_group_size=max(1, upcoming.num_rows))
                    size += upcoming.nbytes
                    total += content(upcoming.to_batches())
                    upcoming = next(groups, None)
            size_written += len(io.new_input(path))
    return Written(written, total, size_written)


def aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of ``schema``, by name; null where ``batch`` was written before a column was added.

    ValueError if a column lacks values and must have them.
    """
    there = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in there else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    for field, column in zip(schema, columns, strict=True):
        if column.null_count and not field.nullable:
            raise ValueError(f"no value in {field.name}, which must have one")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _place(rows: pa.RecordBatch) -> tuple[str, str | None]:
    """What rows of one file have in common."""
    batch = rows.column("batch_id")[0].as_py() if "batch_id" in rows.schema.names else None
    return rows.column("partition_key")[0].as_py(), batch


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        rows = batch.num_rows
        # A batch of large bodies is cut, so that no group is much larger than it should be.
        step = max(1, rows * GROUP_BYTES // max(batch.nbytes, GROUP_BYTES))
        for start in range(0, rows, step):
            part = batch.slice(start, step)
            held.append(part)
            size += part.nbytes
            if size >= GROUP_BYTES:
                yield pa.Table.from_batches(held)
                held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)
