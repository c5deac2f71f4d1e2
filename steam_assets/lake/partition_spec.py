"""The partition spec of every table: identity of ``partition_key``. If another program changed it, it is put back.

Belongs here: the spec, which partition a file has. Does not belong here: columns (former_columns.py), commits
(iceberg_table.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform

from steam_assets.lake.former_columns import first_ids
from steam_assets.lake.parquet_files import DamagedData

KEY = "partition_key"


def by_key(schema: Schema) -> PartitionSpec:
    """The spec of a new table with these columns."""
    return PartitionSpec(PartitionField(schema.find_field(KEY).field_id, 1000, IdentityTransform(), KEY))


def is_by_key(table: Table) -> bool:
    """Whether new files of the table are partitioned as this product does."""
    return _is_first(table.spec(), first_ids(table)[KEY])


def partition_by_key(table: Table) -> None:
    """Put the spec back, in a commit. Existing files keep theirs.

    Raises pyiceberg's CommitFailedException if the table was changed since it was loaded.
    """
    with table.update_spec() as update:
        for field in table.spec().fields:
            update.remove_field(field.name)
        update.add_field(KEY, IdentityTransform(), KEY)


def with_keys(table: Table, files: Iterable[DataFile]) -> Iterator[tuple[str, DataFile]]:
    """Files of a table, each with its partition.

    Iterating raises DamagedData at one that may hold rows of several, because another program changed the spec.
    """
    column = first_ids(table)[KEY]
    positions = {number: _position(spec, column) for number, spec in table.specs().items()}
    for file in files:
        position = positions[file.spec_id]
        yield _by_bounds(file, column) if position is None else str(file.partition[position]), file


def _is_first(spec: PartitionSpec, column: int) -> bool:
    return [one.name for one in spec.fields] == [KEY] and _position(spec, column) == 0


def _position(spec: PartitionSpec, column: int) -> int | None:
    """Where the values of a spec have a column as it is; None if they do not have it."""
    fields = [field.model_dump(mode="json", by_alias=True) for field in spec.fields]
    found = (n for n, one in enumerate(fields) if (one["source-id"], one["transform"]) == (column, "identity"))
    return next(found, None)


def _by_bounds(file: DataFile, column: int) -> str:
    lowest, highest = file.lower_bounds.get(column), file.upper_bounds.get(column)
    if lowest is None or lowest != highest or (file.null_value_counts or {}).get(column):
        raise DamagedData(
            f"another program has changed the table's partition spec and written {file.file_path}, which may hold rows"
            " of several partitions; roll the table back to an earlier snapshot with that program"
        )
    return lowest.decode()
