"""The rows of a table's current snapshot as an Arrow data set, for queries over all of its partitions.

Belongs here: which files a snapshot has, and opening them with the table's own file system. Does not belong here:
single partitions (iceberg_table.py), queries (query/).

A daily table of two years has 730 files. Arrow reads them in a third of the time that pyiceberg's own scan takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.dataset as pads
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table

from steam_assets.lake.columns import arrow_schema

Version = tuple[int | None, int]
"""The ids of a table's current snapshot and schema."""


@dataclass(frozen=True)
class SnapshotRows:
    """``size`` is that of its files in bytes; ``dataset`` has the table's current columns, by name."""

    size: int
    dataset: pads.Dataset


def version_of(table: Table) -> Version:
    """What ``snapshot_rows`` depends on; it differs after each commit that changes rows or columns."""
    return table.metadata.current_snapshot_id, table.metadata.current_schema_id


def snapshot_rows(table: Table) -> SnapshotRows:
    """The rows that readers of ``table`` see, as of when it was loaded; none without a commit.

    Columns that a file lacks are null. Only metadata is read until the data set is.
    """
    schema = arrow_schema(table)
    if table.current_snapshot() is None:
        return SnapshotRows(0, pads.dataset(schema.empty_table()))
    tasks = list(table.scan().plan_files())
    size = sum(task.file.file_size_in_bytes for task in tasks)
    if any(task.delete_files for task in tasks) or not isinstance(table.io, PyArrowFileIO):
        # Other programs may delete rows without rewriting files; this product never does.
        return SnapshotRows(size, pads.dataset(table.scan().to_arrow()))
    places = [table.io.parse_location(task.file.file_path) for task in tasks]
    if not places:
        return SnapshotRows(0, pads.dataset(schema.empty_table()))
    scheme, netloc, _ = places[0]
    files = [path for _, _, path in places]
    system = table.io.fs_by_scheme(scheme, netloc)
    return SnapshotRows(size, pads.dataset(files, schema=schema, format="parquet", filesystem=system))
