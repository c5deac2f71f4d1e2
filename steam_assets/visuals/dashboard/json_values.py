"""Numbers and times as the page's JSON has them.

Belongs here: rounding and encoding of values and columns. Does not belong here: which columns (panel_queries.py).

Days are integers since 1970-01-01, times are seconds since then, booleans are 0 or 1, floats have five significant
digits, or more if they have more before the decimal point, and what JSON cannot express is null.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TypeAlias

import pyarrow as pa

EPOCH = date(1970, 1, 1)

Columns: TypeAlias = dict[str, list[object]]
"""A table of the page: equally long lists by column."""


def seconds(moment: datetime | None) -> int | None:
    """Seconds since 1970-01-01 UTC of an aware time."""
    return None if moment is None else int(moment.astimezone(UTC).timestamp())


def packed(rows: pa.Table) -> Columns:
    """The columns as lists of JSON values."""
    return {name: [coded(value) for value in values] for name, values in rows.to_pydict().items()}


def coded(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return _short(value)
    return value


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(round(value)) if abs(value) >= 10_000 else float(f"{value:.5g}")
    return int(rounded) if rounded.is_integer() else rounded
