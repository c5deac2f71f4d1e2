"""Hash rows for the content digest of a partition.

Belongs here: how a row is hashed. Does not belong here: where rows come from (iceberg_table.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from steam_assets.ledger.content import EMPTY, Content

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
        digests = b"".join(map(xxh3_128_digest, _texts(batch)))
        # In halves, whose sums do not overflow.
        halves = np.frombuffer(digests, ">u4").reshape(-1, 4).sum(axis=0, dtype=np.uint64).tolist()
        first += (halves[0] << 32) + halves[1]
        second += (halves[2] << 32) + halves[3]
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
    """What of each row is hashed, as ``Content`` describes it."""
    columns = {name: _value(batch.column(name)) for name in sorted(batch.schema.names)}
    texts = {name: value for name, value in columns.items() if pa.types.is_large_binary(value.type)}
    names = [f"{name}:" if name in texts else f"{name}=" for name in columns]
    numbers = np.empty((batch.num_rows, 1 + len(columns)), np.int64)
    present = np.ones(numbers.shape, bool)
    for at, (name, value) in enumerate(columns.items(), 1):
        number = pc.binary_length(value) if name in texts else value
        numbers[:, at] = pc.fill_null(number.cast(pa.int64()), 0).to_numpy()
        if value.null_count:
            present[:, at] = value.is_valid().to_numpy(zero_copy_only=False)
    hashes = np.array([xxh3_64_intdigest(name.encode()) for name in names], np.uint64)
    numbers[:, 0] = present[:, 1:] @ hashes.view(np.int64)
    # In one join, and by views of its result: a body of 90 kB is copied once.
    joined = pc.binary_join_element_wise(
        _rows_of(numbers, present), *texts.values(), _NOTHING, null_handling="replace", null_replacement=b""
    )
    _, offsets, text = map(memoryview, [b"", *joined.buffers()[1:]])
    for start, end in pairwise(offsets.cast("q")[: batch.num_rows + 1]):
        yield text[start:end]


def _rows_of(numbers: Untyped, present: Untyped) -> Untyped:
    """The bytes of each row's numbers that are present, as one binary value."""
    offsets = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(present.sum(axis=1) * numbers.itemsize, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(numbers[present].astype("<i8", copy=False).data)]
    return pa.Array.from_buffers(pa.large_binary(), len(numbers), buffers)


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
    length = pc.binary_length(own).cast(pa.string()).cast(pa.large_binary())
    return pc.fill_null(pc.binary_join_element_wise(length, own, _COLON), _text("-"))
