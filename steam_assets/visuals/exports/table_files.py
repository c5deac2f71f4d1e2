"""A table's files: CSV and Parquet of each partition, and one Parquet file of them all.

Belongs here: which rows are in which file, and replacing files atomically. Does not belong here: the form of CSV
(csv_files.py), when to export.

``TABLE/KEY.csv`` and ``TABLE/KEY.parquet`` have the rows of a partition, ``TABLE/all.parquet`` those of all partitions
that have a file, oldest first. Rows are streamed: memory does not grow with a table.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from steam_assets.insights.insight import ALL
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.parquet_files import ROWS_AT_ONCE, aligned, row_groups
from steam_assets.lake.partition_files import PartitionFiles
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.visuals.exports.csv_files import CsvWriter

PARTITION = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{ALL}")
WHOLE = f"{ALL}.parquet"
"""All partitions of a table; of a table without partitions it is the only one's own file."""

_MADE_FROM = b"steam.made_from"
"""In the metadata of ``all.parquet``: SHA-256 of each partition's file, by key."""


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

    Each file is replaced atomically, ``TABLE/all.parquet`` after the partitions. A partition without rows gives files
    without rows. Raises ValueError for an invalid partition key.
    """
    for key in keys or ():
        if not PARTITION.fullmatch(key):
            raise ValueError(f"{key!r} is not a partition key of {table}; write a date as YYYY-MM-DD")
    files = PartitionFiles.of(reader.table(table), keys=keys)
    if files is not None:
        for key in files.keys if keys is None else keys:
            yield _export(folder, table, key, files.stream(key))
    join_partitions(folder / table)


def _export(folder: Path, table: str, key: str, rows: pa.RecordBatchReader) -> Exported:
    stem = f"{table}/{key}"
    (folder / table).mkdir(parents=True, exist_ok=True)
    with temporary_folder(".export-", folder) as drafts:
        csv, parquet = drafts / "rows.csv", drafts / "rows.parquet"
        with csv.open("w", encoding="utf-8", newline="") as target:
            count = _write_parquet(parquet, rows.schema, _into(CsvWriter(target, rows.schema), rows))
        parquet.replace(folder / f"{stem}.parquet")
        csv.replace(folder / f"{stem}.csv")
    return Exported(table, key, count, f"{stem}.csv", f"{stem}.parquet")


def _into(writer: CsvWriter, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows, each also written as CSV."""
    for batch in rows:
        writer.write(batch)
        yield batch


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in row_groups(batches):
            writer.write_table(group, row_group_size=max(1, group.num_rows))
            count += group.num_rows
    return count


def join_partitions(folder: Path) -> bool:
    """Write ``all.parquet`` of a table's folder, unless it was made from the partitions as they are now.

    Returns whether it was written. A column that older partitions lack is null there.
    """
    parts = {path.stem: path for path in sorted(folder.glob("*.parquet")) if path.stem != ALL}
    parts = {key: path for key, path in parts.items() if PARTITION.fullmatch(key)}
    made_from = {key: _sha256(path) for key, path in parts.items()}
    whole = folder / WHOLE
    if not parts or made_from == _made_from(whole):
        return False
    # The newest partition has the columns in their present order.
    newest_first = [pq.read_schema(path) for path in reversed(parts.values())]
    schema = pa.unify_schemas(newest_first, promote_options="permissive")
    marked = schema.with_metadata({**(schema.metadata or {}), _MADE_FROM: json.dumps(made_from).encode()})
    with temporary_folder(".export-", folder) as drafts:
        draft = drafts / WHOLE
        _write_parquet(draft, marked, (aligned(batch, marked) for path in parts.values() for batch in _read(path)))
        draft.replace(whole)
    return True


def _made_from(whole: Path) -> Mapping[str, str] | None:
    if not whole.exists():
        return None
    noted = (pq.read_schema(whole).metadata or {}).get(_MADE_FROM)
    return None if noted is None else json.loads(noted)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS_AT_ONCE)
