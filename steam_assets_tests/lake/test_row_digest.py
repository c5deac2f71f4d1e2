"""Contents are equal for the same rows in any order, batches and files, and differ for any other rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from steam_assets.lake.row_digest import content

SCHEMA = pa.schema(
    {
        "a": pa.string(),
        "b": pa.string(),
        "data": pa.binary(),
        "day": pa.date32(),
        "flag": pa.bool_(),
        "list": pa.list_(pa.string()),
        "map": pa.map_(pa.string(), pa.int64()),
        "number": pa.int64(),
        "share": pa.float64(),
        "small": pa.int32(),
        "time": pa.timestamp("us", "UTC"),
    }
)
ROW: dict[str, Any] = {
    "a": "text",
    "b": "",
    "data": b"\x00\xff",
    "day": date(2026, 11, 24),
    "flag": True,
    "list": ["x", None],
    "map": [("k", 1)],
    "number": 12,
    "share": 0.1,
    "small": -3,
    "time": datetime(2026, 11, 24, 21, 0, 0, 1, UTC),
}
OTHERS: list[dict[str, Any]] = [
    *({name: None} for name in ROW),
    {"a": "texT"},
    {"a": "", "b": "text"},
    {"a": "text;;", "b": ""},
    {"a": ";number=12"},
    {"a": ";b:4;;text", "b": None},
    {"data": b"\x00"},
    {"day": date(2026, 11, 25)},
    {"flag": False},
    {"list": []},
    {"list": ["x"]},
    {"list": ["x", "-"]},
    {"list": ["x", ""]},
    {"list": [None, "x"]},
    {"map": [("k", None)]},
    {"map": [("k1", 1)]},
    {"map": [("k", 1), ("k", 1)]},
    {"number": 1, "small": 2},
    {"number": -3, "small": 12},
    {"share": 0.1 + 2**-56},
    {"share": -0.0},
    {"time": datetime(2026, 11, 24, 21, 0, 0, 2, UTC)},
]


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)


def test_rows_that_differ_in_anything_have_different_digests() -> None:
    digests = [content([batch_of(ROW | other)]).digest for other in ({}, *OTHERS)]
    assert len(set(digests)) == 1 + len(OTHERS)


def test_order_and_batches_do_not_matter_but_each_row_counts() -> None:
    rows = [ROW | other for other in OTHERS]
    one = content([batch_of(*rows)])
    assert one.rows == len(rows)
    assert content([batch_of(*rows).slice(7), batch_of(), batch_of(*rows[6::-1])]) == one
    assert content([batch_of(*rows, rows[0])]).digest != one.digest


@pytest.mark.parametrize("added", ["aa", "zz"])
def test_a_column_without_values_changes_nothing(added: str) -> None:
    rows = batch_of(ROW, ROW | {"a": None})
    for kind in (pa.string(), pa.int64(), pa.list_(pa.string())):
        wider = rows.append_column(added, pa.nulls(rows.num_rows, kind))
        assert content([wider]) == content([rows])


def test_a_value_is_hashed_alike_whatever_the_type_that_holds_it() -> None:
    narrow = pa.record_batch({"number": pa.array([12, None], pa.int32()), "text": pa.array(["x", ""], pa.string())})
    wide = pa.record_batch({"number": pa.array([12, None]), "text": pa.array(["x", ""], pa.large_string())})
    assert content([narrow]) == content([wide])
