"""The rows of an answer as a table for people.

Belongs here: layout, alignment, truncating long texts. Does not belong here: the values (query/rendering.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from steam_assets.masking import visible
from steam_assets.query.rendering import Cells, text_rows

if TYPE_CHECKING:
    from steam_assets.query.engine import Answer

LONGEST_CELL = 300
"""Maximum characters shown of a text."""
LEAST_WIDTH = 10
"""A table whose columns would be narrower than this shows each row as lines of column and value."""
GAP = 2
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
           "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


def result_table(answer: Answer, width: int) -> Table:
    """A table for a console of ``width`` columns: one line per row or, if that does not fit, one line per value."""
    names, rows = [visible(name) for name in answer.rows.column_names], text_rows(answer.rows)
    if sum(min(_width(names, rows, place), LEAST_WIDTH) + GAP for place in range(len(names))) - GAP > width:
        return _as_records(names, rows)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for name, kind in zip(names, answer.types, strict=True):
        table.add_column(name, justify="right" if kind.startswith(NUMBERS) else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _as_records(names: Sequence[str], rows: Sequence[Cells]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            table.add_row()
        for name, value in zip(names, row, strict=True):
            table.add_row(name, _cell(value))
    return table


def _width(names: Sequence[str], rows: Sequence[Cells], place: int) -> int:
    return max(len(names[place]), *(len(row[place] or "null") for row in rows), 1)


def _cell(value: str | None) -> Text:
    if value is None:
        return Text("null", "dim")
    line = visible(value).replace("\n", "↵").replace("\t", " ")
    return Text(line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}…")
