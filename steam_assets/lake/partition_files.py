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
from pyiceberg.table import Table

from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.parquet_files import aligned

READERS = 8
"""Files read at the same time; on S3 most of the time is latency."""

Selection: TypeAlias = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True)
class PartitionFiles:
    """The files with rows of each partition, as last committed, by partition key (oldest first)."""

    table: Table
    paths: dict[str, list[str]]
    with_deletes: bool
    """Another program deleted single rows, which only pyiceberg's scan leaves out."""

    @classmethod
    def of(cls, table: Table | None) -> PartitionFiles | None:
        """The files of a table; None if it was never created or has no commit."""
        if table is None or table.current_snapshot() is None:
            return None
        tasks = list(table.scan().plan_files())
        paths: dict[str, list[str]] = {}
        for key, path in sorted((str(task.file.partition[0]), task.file.file_path) for task in tasks):
            paths.setdefault(key, []).append(path)
        return cls(table, paths, any(task.delete_files for task in tasks))

    @property
    def keys(self) -> list[str]:
        return list(self.paths)

    def read(
        self, keys: Sequence[str], columns: Sequence[str] = ("*",), select: Selection = lambda batch: batch
    ) -> pa.Table:
        """The rows of some partitions, oldest first. ``select`` picks rows of each batch before the next is read."""
        schema = arrow_schema(self.table)
        if tuple(columns) != ("*",):
            fields: dict[str, pa.Field[Any]] = {field.name: field for field in schema}
            schema = pa.schema([fields[name] for name in columns])
        if self.with_deletes:
            rows = self.table.scan(row_filter=of_partitions(keys), selected_fields=tuple(schema.names)).to_arrow()
            return pa.Table.from_batches([select(batch) for batch in rows.to_batches()], schema)

        def of_file(path: str) -> list[pa.RecordBatch]:
            return [select(batch) for batch in self._batches(path, schema)]

        paths = [path for key in sorted(keys) for path in self.paths.get(key, ())]
        with ThreadPoolExecutor(READERS) as readers:
            batches = [batch for found in readers.map(of_file, paths) for batch in found]
        return pa.Table.from_batches(batches, schema)

    def _batches(self, path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self.table.io.new_input(path).open() as stream:
            file = pq.ParquetFile(stream)  # pyright: ignore[reportArgumentType] - pyiceberg's streams are file objects
            there = [name for name in schema.names if name in file.schema_arrow.names]
            # The stub does not say what its lists are of.
            for batch in file.iter_batches(columns=there):  # pyright: ignore[reportUnknownMemberType]
                yield aligned(batch, schema)
