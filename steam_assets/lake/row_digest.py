"""Hash rows for the content digest of a partition.

Belongs here: how a row is hashed. Does not belong here: where rows come from (iceberg_table.py).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

from steam_assets.ledger.content import EMPTY, Content

Untyped: TypeAlias = Any
"""What pyarrow does not type: its compute functions are created on import, where type checkers do not see them."""

pc: Untyped = pyarrow.compute
_LARGE_LISTS: Untyped = pa.LargeListArray


def _text(text: str) -> Untyped:
    return pa.scalar(text.encode(), pa.large_binary())


_COLON, _NOTHING, _END = _text(":"), _text(""), _text(";;")


def content(batches: Iterable[pa.RecordBatch]) -> Content:
    """The content of ``batches``, which are streamed and held one at a time."""
    rows = first = second = 0
    for batch in batches:
        rows += batch.num_rows
        digests = b"".join([hashlib.sha256(text).digest() for text in _texts(batch)])
        words = struct.unpack(f">{len(digests) // 8}Q", digests)
        first += sum(words[0::4])
        second += sum(words[1::4])
    return Content(rows=rows, digest=f"{first}-{second}")


class Hashed:
    """Batches of which each is hashed when it is passed on; ``content`` is that of all up to then."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.content = EMPTY

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.content += content([batch])
            yield batch


def _texts(batch: pa.RecordBatch) -> Iterator[memoryview]:
    """The text of each row that is hashed, as ``Content`` describes it."""
    if not batch.num_rows:
        return
    fields: list[Untyped] = []
    texts: list[Untyped] = []
    for name in sorted(batch.schema.names):
        value = _value(batch.column(name))
        if pa.types.is_large_binary(value.type):
            fields += _field(f";{name}:", _length(value))
            texts.append(value)
        else:
            fields += _field(f";{name}=", value.cast(pa.string()).cast(pa.large_binary()))
    # All in one join and by views of its result: a body of 90 kB is copied once, not five times.
    joined = pc.binary_join_element_wise(*fields, _END, *texts, _NOTHING, null_handling="replace", null_replacement=b"")
    _, offsets, text = map(memoryview, [b"", *joined.buffers()[1:]])
    for start, end in pairwise(offsets.cast("q")[: batch.num_rows + 1]):
        yield text[start:end]


def _field(name: str, values: Untyped) -> tuple[Untyped, ...]:
    """The name and the values, in parts; all null where the value is null."""
    if values.null_count:
        return (pc.binary_join_element_wise(_text(name), values, _NOTHING),)
    return _text(name), values


def _length(values: Untyped) -> Untyped:
    return pc.binary_length(values).cast(pa.string()).cast(pa.large_binary())


def _value(column: Untyped) -> Untyped:
    """Texts, bytes, lists and maps as bytes; of anything else a number or boolean that has all of it."""
    kind = column.type
    if pa.types.is_nested(kind):
        return _nested(column)
    if pa.types.is_float64(kind):
        # Its bits, which do not depend on how a library formats numbers.
        return column.view(pa.int64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz)).view(pa.int64())
    if pa.types.is_date32(kind):
        return column.view(pa.int32())
    return column if pa.types.is_integer(kind) or pa.types.is_boolean(kind) else column.cast(pa.large_binary())


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
    own = _value(values)
    own = own if pa.types.is_large_binary(own.type) else own.cast(pa.string()).cast(pa.large_binary())
    return pc.fill_null(pc.binary_join_element_wise(_length(own), own, _COLON), _text("-"))
