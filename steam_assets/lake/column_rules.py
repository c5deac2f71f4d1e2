"""Rules on columns checked with file statistics: nulls in required columns, and numbers out of bounds.

Belongs here: comparing Iceberg's statistics of files with a table's declaration; no row is read. Does not belong here:
rules that need rows, which cleaning applies to each item (spark/cleaning.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.types import NestedField, PrimitiveType

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.sources.source import Column

WHOLE = ("int", "bigint")


def broken_columns(held: IcebergTable, keys: Sequence[str]) -> dict[str, list[str]]:
    """The broken rules by partition key, for partitions with any. Raises DamagedData."""
    table = held.load()
    if table is None or table.current_snapshot() is None:
        return {}
    fields = {field.name: field for field in table.schema().fields}
    declared = [(column, fields[column.name]) for column in held.columns if column.name in fields]
    found: dict[str, list[str]] = {}
    held = held.planned(keys)
    for key in keys:
        files = held.files_of(key)
        broken = {text for file in files for column, field in declared for text in _broken(file, column, field)}
        if broken:
            found[key] = sorted(broken)
    return found


def _broken(file: DataFile, column: Column, field: NestedField) -> Iterator[str]:
    nulls = (file.null_value_counts or {}).get(field.field_id, 0)
    if nulls and not column.nullable:
        yield f"{column.name}: {nulls} rows have none"
    low, high = column.bounds or (0 if column.unit and column.type in WHOLE else None, None)
    smallest, largest = _bound(file.lower_bounds, field), _bound(file.upper_bounds, field)
    if low is not None and smallest is not None and smallest < low:
        yield f"{column.name}: {smallest} is below {low}"
    if high is not None and largest is not None and largest > high:
        yield f"{column.name}: {largest} is above {high}"


def _bound(bounds: dict[int, bytes] | None, field: NestedField) -> Any:
    packed = (bounds or {}).get(field.field_id)
    return from_bytes(field.field_type, packed) if packed and isinstance(field.field_type, PrimitiveType) else None
