"""Columns common to each kind of table, and the conversion of columns to Iceberg.

Belongs here: declarations, types. Does not belong here: columns of one source's tables (sources/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    TimestamptzType,
)

from steam_assets.sources.source import Column

_KEY = Column("partition_key", "string", "First day of the period (UTC) it belongs to.", "YYYY-MM-DD", False)

ENVELOPE = (
    Column("source", "string", "The source it was fetched from.", "", False),
    _KEY,
    Column("batch_id", "string", "The responses of one run, published in one transaction.", "", False),
    Column("sequence", "bigint", "Position of the response in its batch, from 0.", "", False),
    Column("request", "string", "Name of the request.", "", False),
    Column("app_id", "bigint", "The app it was fetched for."),
    Column("url", "string", "URL of the request, without secrets.", "", False),
    Column("status", "int", "HTTP status; 0 for an import.", "", False),
    Column("headers", "map<string,string>", "Selected response headers.", "", False),
    Column("fetched_at", "timestamp", "When the source responded.", "UTC", False),
    Column("sha256", "string", "SHA-256 of the body.", "", False),
    Column("body", "string", "The response body, complete and unaltered.", "", False),
    Column(
        "plain",
        "boolean",
        "True if the body has no U+FFFD, and no escape of it, of NUL or of a surrogate; null if that is not known.",
    ),
    Column("items", "map<string,bigint>", "Items of each clean table in the body, as counted when it was fetched."),
    Column("problem", "string", "Why the response is unusable; null if it is usable."),
    Column("provenance", "string", "live, or import:FILE.", "", False),
    Column("topic", "string", "Kafka topic it came through; null for an import."),
    Column("kafka_partition", "int", "Kafka partition."),
    Column("kafka_offset", "bigint", "Kafka offset."),
)
"""A raw table: one row per envelope. Rows are self-describing, so the files alone suffice to rebuild the table."""

SET_ASIDE = (
    Column("source", "string", "The source it belongs to.", "", False),
    _KEY,
    Column("batch_id", "string", "Identifies what was set aside together.", "", False),
    Column("id", "string", "SHA-256 of its origin and bytes.", "", False),
    Column("name", "string", "Its origin: topic, Kafka partition and offset, or answer, or import.", "", False),
    Column("value", "binary", "The bytes, as received."),
    Column("sha256", "string", "SHA-256 of the bytes.", "", False),
    Column("reason", "string", "Why it is unusable.", "", False),
    Column("details", "map<string,string>", "Further details."),
)
"""Received data that is not a valid envelope; it is not included in any count of responses or items."""

ORIGIN = (
    _KEY,
    Column("fetched_at", "timestamp", "When the source responded.", "UTC", False),
    Column("source_sha256", "string", "SHA-256 of the response this row was read from; raw has it.", "", False),
    Column("changes", "array<string>", "What cleaning altered in this row, and why; empty if nothing.", "", False),
)
"""The last columns of every clean table, so that any row can be traced to the bytes it came from."""

QUARANTINE = (
    Column("problem", "string", "Why the item is unusable.", "", False),
    Column("item", "string", "The item as the source sent it."),
    _KEY,
    Column("fetched_at", "timestamp", "When the source responded.", "UTC"),
    Column("source_sha256", "string", "SHA-256 of the response that contained it."),
)

_PRIMITIVES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "int": IntegerType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamp": TimestamptzType(),
    "date": DateType(),
    "binary": BinaryType(),
}


def iceberg_schema(columns: Sequence[Column]) -> Schema:
    """A table's schema; the catalog assigns its own field ids. Raises ValueError for an unsupported type."""
    ids = count(1)
    fields = [
        NestedField(next(ids), c.name, _iceberg_type(c.type, ids), required=not c.nullable, doc=column_comment(c))
        for c in columns
    ]
    return Schema(*fields)


def _iceberg_type(ddl: str, ids: Iterator[int]) -> IcebergType:
    """Convert a Spark DDL type to Iceberg's."""
    if found := _PRIMITIVES.get(ddl):
        return found
    if nested := re.fullmatch(r"array<(\w+)>", ddl):
        return ListType(next(ids), _PRIMITIVES[nested[1]], element_required=False)
    if nested := re.fullmatch(r"map<(\w+), ?(\w+)>", ddl):
        return MapType(next(ids), _PRIMITIVES[nested[1]], next(ids), _PRIMITIVES[nested[2]], value_required=False)
    raise ValueError(f"{ddl!r} has no Iceberg type here; add it to lake/columns.py")


def column_comment(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def arrow_schema(table: Table) -> pa.Schema:
    """A table's columns as an Arrow schema."""
    return schema_to_pyarrow(table.schema(), include_field_ids=False)


def arrow_fields(columns: Sequence[Column]) -> list[pa.Field[Any]]:
    """Declared columns as Arrow fields."""
    return list(schema_to_pyarrow(iceberg_schema(columns), include_field_ids=False))
