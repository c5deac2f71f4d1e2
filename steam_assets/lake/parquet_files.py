"""Parquet files with small row groups, which any reader can stream, and page checksums.

Belongs here: writing files, reading them back. Does not belong here: which table they belong to (iceberg_table.py).
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from io import BufferedReader
from itertools import chain, count, groupby, islice
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO, OutputFile, OutputStream
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from steam_assets.lake.row_digest import Hashed, Untyped, content
from steam_assets.ledger.content import Stored
from steam_assets.outages import raise_outage

BATCH = "batch_id"

GROUP_BYTES = 8 << 20
"""Of a row group, before compression. A reader holds one at a time: 4,096 bodies of 90 kB exhausted a 1 GB heap."""
OPAQUE = ("body", "value", "headers", "details")
"""Columns without statistics, as no query filters by them; a body as a bound would make each footer as large as it."""
FILE_BYTES = 256 << 20
"""Of a file, before compression."""
ROWS_AT_ONCE = 4096
COPIED_AT_ONCE = 1 << 20
READ_AT_ONCE = min(4, os.cpu_count() or 1)
"""Files; of each a row group is held in memory."""

# It warns for each file that columns have no bounds, which is intended.
logging.getLogger("pyiceberg.io.pyarrow").setLevel(logging.ERROR)


class DamagedData(Exception):
    """A file of a table is missing or damaged."""


@contextmanager
def reading_manifests() -> Generator[None]:
    """Raise DamagedData for whatever pyiceberg raises when a manifest, or the list of them, is lost or damaged."""
    try:
        yield
    except Exception as error:  # A damaged file makes the Avro reader raise anything.
        raise_outage(error)
        why = str(error) if isinstance(error, DamagedData) else f"{type(error).__name__}: {error}"
        raise DamagedData(f"the metadata cannot be read: {why}") from error


@dataclass(frozen=True)
class Written:
    """Addresses of the files, what they hold, and their size in bytes."""

    files: list[str]
    stored: Stored
    size: int


@dataclass(frozen=True)
class NewFiles:
    """Where files of a table are written, with which columns, and the beginning of their names."""

    io: FileIO
    folder: str
    columns: Schema
    name: str
    number: Iterator[int] = field(default_factory=count)

    @cached_property
    def schema(self) -> pa.Schema:
        return schema_to_pyarrow(self.columns, include_field_ids=False)

    def write(self, batches: Iterable[pa.RecordBatch]) -> Written:
        """Write rows in order, each file with one ``partition_key`` and, for raw, one ``batch_id``.

        Only the schema's columns are written, and count for the rows' content. Raises DamagedData if the files, read
        back, do not hold the rows.
        """
        hashed = Hashed(aligned(batch, self.schema) for batch in batches)
        files, size = self._write(hashed)
        found = stored(self.io, self.schema, {self.name: files})[self.name]
        if found.content != hashed.content:
            raise DamagedData(
                f"{hashed.content.rows} rows were written to {self.folder}, but other rows were read back. Nothing was "
                "committed; check the disk and the memory of this machine, then run it again"
            )
        return Written(files, found, size)

    def copy(self, io: FileIO, key: str, address: str, *, rows: bool) -> list[str]:
        """Copy the bytes of a file of the partition ``key``, or its ``rows``; return the addresses of the new files.

        Raises DamagedData if it cannot be read.
        """
        if rows:
            return self._write(read_files(io, self.schema, [address]))[0]
        target = self._new(key)
        with target.create() as stream:
            for part in _bytes(io, address):
                stream.write(part)
        return [target.location]

    def _new(self, key: str) -> OutputFile:
        return self.io.new_output(f"{self.folder}/partition_key={key}/{self.name}-{next(self.number):05d}.parquet")

    def _write(self, batches: Iterable[pa.RecordBatch]) -> tuple[list[str], int]:
        """The files' addresses, and their size in bytes."""
        written: list[str] = []
        size = 0
        for (key, _), of_key in groupby(batches, key=_place):
            groups = row_groups(of_key)
            for first in groups:
                target = self._new(key)
                with target.create() as stream, _writer(stream, self.schema) as writer:
                    for group in _until(FILE_BYTES, chain([first], groups)):
                        writer.write_table(group, row_group_size=max(1, group.num_rows))
                written.append(target.location)
                size += len(target)
        return written, size


def _writer(stream: OutputStream, schema: pa.Schema) -> pq.ParquetWriter:
    bounded = [name for name in schema.names if name not in OPAQUE]
    return pq.ParquetWriter(
        cast("BinaryIO", stream), schema, compression="zstd", write_page_checksum=True, write_statistics=bounded
    )


def _until(size: int, groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Groups until they have at least ``size`` bytes in total."""
    for group in groups:
        yield group
        size -= group.nbytes
        if size <= 0:
            return


def _place(rows: pa.RecordBatch) -> tuple[str, str | None]:
    """The values that all rows of a file share."""
    names = [name for name in ("partition_key", BATCH) if name in rows.schema.names]
    (first,) = rows.select(names).slice(0, 1).to_pylist()
    return first["partition_key"], first.get(BATCH)


def batch_of(file: DataFile, schema: Schema) -> str:
    """The batch that a raw file has, by its bounds. Raises DamagedData if it has several."""
    batch = schema.find_field(BATCH).field_id
    lowest, highest = file.lower_bounds.get(batch), file.upper_bounds.get(batch)
    if lowest is None or lowest != highest:
        raise DamagedData(f"{file.file_path} holds several batches; another program has rewritten files")
    return lowest.decode()


def row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of ``batches``, which have one schema, in groups of about GROUP_BYTES before compression."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        rows = batch.num_rows
        # A batch of large bodies is split, so that no group is much larger than intended.
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


def read_files(io: FileIO, schema: pa.Schema, addresses: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """The rows of files, one row group at a time, with page checksums verified. Iterating may raise DamagedData."""
    for address in addresses:
        with _opened(io, address) as stream:
            file = pq.ParquetFile(stream, page_checksum_verification=True)
            for group in range(file.num_row_groups):
                # The stub does not say what its lists are of.
                batches = file.iter_batches(ROWS_AT_ONCE, [group])  # pyright: ignore[reportUnknownMemberType]
                for batch in batches:
                    yield aligned(batch, schema)


def _bytes(io: FileIO, address: str) -> Iterator[bytes]:
    with _opened(io, address) as stream:
        while part := stream.read(COPIED_AT_ONCE):
            yield part


def stored(io: FileIO, schema: pa.Schema, files: Mapping[str, Sequence[str]]) -> dict[str, Stored]:
    """What files hold by key, several of them read at a time. Raises DamagedData if one cannot be read."""

    def read(address: str) -> Stored:
        # In this order a later change of the file is detected by one of the two.
        sha256 = _sha256(io, address)
        return Stored(content(read_files(io, schema, [address])), (sha256,))

    with _readers() as readers:
        each = readers.map(read, chain.from_iterable(files.values()))
        return {key: sum(islice(each, len(of_key)), Stored()) for key, of_key in files.items()}


def file_digests(io: FileIO, addresses: Sequence[str]) -> dict[str, str]:
    """SHA-256 of files by name, without folders. Raises DamagedData if one cannot be read, or is named twice."""
    names = [address.rpartition("/")[2] for address in addresses]
    if len({*names}) < len(names):
        raise DamagedData("the metadata names a file twice, so its rows count twice; another program has added it")
    with _readers() as readers:
        return dict(zip(names, readers.map(partial(_sha256, io), addresses), strict=True))


def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="read-back")


def _sha256(io: FileIO, address: str) -> str:
    with _opened(io, address) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _opened(io: FileIO, address: str) -> Generator[BufferedReader]:
    try:
        with io.new_input(address).open() as stream:
            # The protocol of pyiceberg names fewer methods than its streams have.
            yield cast("BufferedReader", stream)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise_outage(error, address)
        raise DamagedData(f"{address} cannot be read: {' '.join(str(error).split())}") from error


def aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of ``schema``, by name; null if ``batch`` was written before a column was added.

    Raises ValueError if a non-nullable column has nulls.
    """
    there = set(batch.schema.names)
    fields: list[pa.Field[Untyped]] = list(schema)
    columns: list[pa.Array[Untyped]] = [
        batch.column(one.name).cast(one.type) if one.name in there else pa.nulls(batch.num_rows, one.type)
        for one in fields
    ]
    for one, column in zip(fields, columns, strict=True):
        if column.null_count and not one.nullable:
            raise ValueError(f"column {one.name} must not be null")
    return pa.record_batch(columns, schema=schema)
