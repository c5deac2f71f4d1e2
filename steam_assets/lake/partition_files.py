"""Many small partitions of a table, read at once from their files.

Belongs here: which files a table's partitions have, and reading them side by side. Does not belong here: commits
(iceberg_table.py), writing files (parquet_files.py).

pyiceberg's own scan takes several milliseconds per file to plan and read, which a year of days multiplies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import Table

from steam_assets.lake.columns import arrow_fields, arrow_schema
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.parquet_files import aligned
from steam_assets.lake.partition_spec import with_keys
from steam_assets.lake.unreadable_tables import naming_damage
from steam_assets.sources.source import Column

READERS = 8
"""Files read at the same time; on S3 most of the time is latency."""

ROW = "partition_key"
"""A column of every file, always read: without any column there would be no rows."""

Selection: TypeAlias = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True)
class PartitionFiles:
    """The files with rows of each partition, as last committed, by partition key (oldest first)."""

    table: Table
    paths: dict[str, list[str]]
    with_deletes: bool
    """Another program deleted individual rows, which only pyiceberg's scan omits."""
    declared: tuple[Column, ...] = ()
    """Required columns; those added after the table was written are null."""

    @classmethod
    def of(
        cls, table: Table | None, declared: Sequence[Column] = (), keys: Sequence[str] | None = None
    ) -> PartitionFiles | None:
        """The files of some partitions, or of all; None if the table was never created or has no commit."""
        if table is None or table.current_snapshot() is None:
            return None
        where = AlwaysTrue() if keys is None else of_partitions(keys)
        with naming_damage(table):
            tasks = list(table.scan(row_filter=where).plan_files())
        paths: dict[str, list[str]] = {}
        for key, path in sorted((key, file.file_path) for key, file in with_keys(table, [task.file for task in tasks])):
            paths.setdefault(key, []).append(path)
        return cls(table, paths, any(task.delete_files for task in tasks), tuple(declared))

    @property
    def keys(self) -> list[str]:
        return list(self.paths)

    def read(
        self, keys: Sequence[str], columns: Sequence[str] = ("*",), select: Selection = lambda batch: batch
    ) -> pa.Table:
        """The rows of some partitions, oldest first. ``select`` picks rows of each batch before the next is read."""
        schema = self._schema(columns)
        there = [key for key in sorted(keys) if key in self.paths]

        def scanned(key: str) -> list[pa.RecordBatch]:
            return [select(batch) for batch in self._scanned(key, schema)]

        def from_file(path: str) -> list[pa.RecordBatch]:
            return [select(batch) for batch in self._batches(path, schema)]

        with naming_damage(self.table), ThreadPoolExecutor(READERS) as readers:
            paths = (path for key in there for path in self.paths[key])
            found = readers.map(scanned, there) if self.with_deletes else readers.map(from_file, paths)
            return pa.Table.from_batches([batch for batches in found for batch in batches], schema)

    def stream(self, key: str) -> pa.RecordBatchReader:
        """The rows of a partition, one batch in memory at a time; none if it has no files."""
        schema = self._schema(("*",))
        return pa.RecordBatchReader.from_batches(schema, self._each(key, schema))

    def _schema(self, columns: Sequence[str]) -> pa.Schema:
        fields: list[pa.Field[Any]] = list(arrow_schema(self.table))
        known = {field.name for field in fields}
        later = [column for column in self.declared if column.name not in known]
        fields += [field.with_nullable(True) for field in arrow_fields(later)] if later else []
        by_name = {field.name: field for field in fields}
        return pa.schema(fields if tuple(columns) == ("*",) else [by_name[name] for name in columns])

    def _each(self, key: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with naming_damage(self.table):
            if self.with_deletes:
                yield from self._scanned(key, schema)
            else:
                for path in self.paths.get(key, ()):
                    yield from self._batches(path, schema)

    def _scanned(self, key: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        names = {*schema.names, ROW} & {*self.table.schema().column_names}
        found = self.table.scan(row_filter=of_partitions([key]), selected_fields=tuple(names))
        for batch in found.to_arrow_batch_reader():
            yield aligned(batch, schema)

    def _batches(self, path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self.table.io.new_input(path).open() as stream:
            file = pq.ParquetFile(stream)  # pyright: ignore[reportArgumentType] - pyiceberg's streams are file objects
            there = [name for name in file.schema_arrow.names if name == ROW or name in schema.names]
            # The stub does not say what its lists are of.
            for batch in file.iter_batches(columns=there):  # pyright: ignore[reportUnknownMemberType]
                yield aligned(batch, schema)
