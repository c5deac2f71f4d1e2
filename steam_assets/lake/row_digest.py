"""Hash rows for the content digest of a partition.

Belongs here: how a row is hashed. Does not belong here: where rows come from (iceberg_table.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

from steam_assets.ledger.content import Content

Untyped: TypeAlias = Any
"""What pyarrow does not type: its compute functions are created on import, where type checkers do not see them."""

pc: Untyped = pyarrow.compute
_LARGE_LISTS: Untyped = pa.LargeListArray


def _text(text: str) -> Untyped:
    return pa.scalar(text.encode(), pa.large_binary())


_COLON, _NOTHING = _text(":"), _text("")


def content(batches: Iterable[pa.RecordBatch]) -> Content:
    """The content of ``batches``, which are streamed and held one at a time."""
    rows = first = second = 0
    for batch in batches:
        rows += batch.num_rows
        for text in _texts(batch):
            digest = hashlib.sha256(text).digest()
            first += int.from_bytes(digest[:8])
            second += int.from_bytes(digest[8:16])
    return Content(rows=rows, digest=f"{first}-{second}")


def _texts(batch: pa.RecordBatch) -> list[bytes]:
    """The text of each row that is hashed."""
    if not batch.num_rows:
        return []
    parts = [_part(name, batch.column(name)) for name in sorted(batch.schema.names)]
    return pc.binary_join_element_wise(*parts, _NOTHING, null_handling="replace", null_replacement=b"").to_pylist()


def _part(name: str, column: Untyped) -> Untyped:
    """A column's part of its rows' texts; null where it is null."""
    return pc.binary_join_element_wise(_text(f"{name}="), _with_length(_value(column)), _NOTHING)


def _with_length(values: Untyped) -> Untyped:
    length = pc.binary_length(values).cast(pa.string()).cast(pa.large_binary())
    return pc.binary_join_element_wise(length, values, _COLON)


def _value(column: Untyped) -> Untyped:
    kind = column.type
    if pa.types.is_nested(kind):
        return _nested(column)
    if pa.types.is_float64(kind):
        # Its bits, which do not depend on how a library formats numbers.
        column = column.view(pa.int64())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz)).view(pa.int64())
    elif pa.types.is_date32(kind):
        column = column.view(pa.int32())
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        column = column.cast(pa.large_string())
    return column.cast(pa.large_binary())


def _nested(column: Untyped) -> Untyped:
    """Lists and maps as the concatenated texts of their elements; null where the value is null."""
    if pa.types.is_map(column.type):
        elements = pc.binary_join_element_wise(_element(column.keys), _element(column.items), _NOTHING)
    else:
        elements = _element(column.values)
    # The offsets of a slice refer to all elements.
    lists = _LARGE_LISTS.from_arrays(column.offsets.cast(pa.int64()), elements)
    return pc.if_else(column.is_valid(), pc.binary_join(lists, _NOTHING), pa.scalar(None, pa.large_binary()))


def _element(values: Untyped) -> Untyped:
    """``length:value``, or ``-`` for null, so that different lists have different texts."""
    return pc.fill_null(_with_length(_value(values)), _text("-"))
