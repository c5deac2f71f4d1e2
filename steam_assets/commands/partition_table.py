"""The table of partitions that demo, run and status print, and the same as JSON.

Belongs here: its columns and colours, names in JSON. Does not belong here: the numbers (ledger/partition_status.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from steam_assets.commands.terminal import Terminal
from steam_assets.ledger.freshness import Freshness
from steam_assets.ledger.partition_status import PartitionStatus, TableStatus
from steam_assets.masking import visible

HEADINGS = ("fetched", "pub-\nlished", "landed", "clean", "quaran-\ntined", "dupli-\ncates")
NARROW_HEADINGS = ("items", *HEADINGS[3:])
NARROW = 80
"""Terminal width below which fetched, published and landed share a column; they differ only if something is wrong."""

LINES_FOR_PROGRAMS = 200
KEY_WIDTH = len("2026-11-10")
NAME_WIDTH = 7
"""Characters of a name that fit on one line in the narrowest terminal."""


def table_console(*, stderr: bool = False) -> Terminal:
    """A console as wide as the terminal or COLUMNS; wide in a pipe, so that each row is one line."""
    console = Terminal(stderr=stderr)
    if console.is_terminal or os.environ.get("COLUMNS"):
        return console
    return Terminal(stderr=stderr, width=LINES_FOR_PROGRAMS)


def partition_table(statuses: Iterable[PartitionStatus], title: str, width: int = NARROW) -> Table | Text:
    """One row per clean table and partition, for a console of ``width`` columns; the numbers count items.

    Fetched = published = landed = clean + quarantined + duplicates holds in every row, unless the run or one of its
    checks failed. Text that does not fit is wrapped, never cut.
    """
    headings, rows = _cells(statuses, narrow=width < NARROW)
    widths = [
        max(map(cell_len, (*heading.split("\n"), *(row[place] for row in rows))))
        for place, heading in enumerate(headings)
    ]
    if sum(widths) + len(widths) - 1 <= width:
        return _lines(title, headings, rows, widths)
    return _wrapped(title, headings, rows)


def _cells(statuses: Iterable[PartitionStatus], *, narrow: bool) -> tuple[list[str], list[list[str]]]:
    """Headings and rows; the columns between the second and the last are numbers."""
    rows: list[list[str]] = []
    for status in statuses:
        for index, part in enumerate(status.tables):
            lead = (f" {part.table}", "") if index else (status.source, status.partition_key)
            raw, clean = _counts(status, part)
            shown = ["/".join(dict.fromkeys(raw)), *clean] if narrow else [*raw, *clean]
            rows.append([*lead, *shown, _verified(status, part)])
    return ["source", "partition", *(NARROW_HEADINGS if narrow else HEADINGS), "backup\nverified"], rows


def _lines(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Text:
    """The table as text, one line per row, because Rich takes a second to lay out a thousand rows of cells."""
    text = Text(no_wrap=True, overflow="ignore")
    text.append(visible(title), "table.title")
    split = [heading.rpartition("\n") for heading in headings]
    above, below = [parts[0] for parts in split], [parts[2] for parts in split]
    for heading in (above, below):
        text.append(f"\n{_aligned(heading, widths)}", "table.header")
    for row in rows:
        text.append(f"\n{_aligned(row[:-1], widths)} ")
        text.append(row[-1], _style(row[-1]))
    return text


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Texts left-aligned, and the numbers between them right-aligned."""
    padded = [
        cell.rjust(width) if 1 < place < len(widths) - 1 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    return " ".join(padded).rstrip()


def _wrapped(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    narrowest = [NAME_WIDTH, KEY_WIDTH, *(max(map(len, heading.split("\n"))) for heading in headings[2:])]
    for place, (heading, least) in enumerate(zip(headings, narrowest, strict=True)):
        number = 1 < place < len(headings) - 1
        table.add_column(heading, justify="right" if number else "left", overflow="fold", min_width=least)
    for *cells, verified in rows:
        table.add_row(*cells, Text(verified, _style(verified)))
    return table


def _counts(status: PartitionStatus, part: TableStatus) -> tuple[list[str], list[str]]:
    """The counts fetched, published and landed, and the counts clean, quarantined and duplicates."""
    published, landed = status.published(part.table), status.landed(part.table)
    raw = (published, published, landed) if status.raw else (None,) * 3
    record = part.record
    clean = (record.clean, record.quarantined, record.duplicates) if record else (None,) * 3
    return _shown(raw), _shown(clean)


def _shown(numbers: Iterable[int | None]) -> list[str]:
    return ["–" if number is None else str(number) for number in numbers]


def _verified(status: PartitionStatus, part: TableStatus) -> str:
    if status.cleared:
        return "yes, the only copy"
    return "yes" if status.raw_backed_up and part.backed_up else "no"


def _style(verified: str) -> str:
    return "yellow" if verified == "no" else "green"


def freshness_json(report: Freshness, *, synthetic: bool) -> dict[str, object]:
    """A source's partitions and gaps as plain data for JSON; ``synthetic``: its rows are made up."""
    return {
        "source": report.source,
        "cadence": report.cadence,
        "synthetic": synthetic,
        "newest": report.newest,
        "late": report.late,
        "drift": report.drift.model_dump(mode="json") if report.drift else None,
        "gaps": [{"partition": g.partition_key, "why": g.why} for g in report.gaps],
        "partitions": [_partition_json(p) for p in report.partitions],
    }


def _partition_json(status: PartitionStatus) -> dict[str, object]:
    return {
        "partition": status.partition_key,
        "up_to_date": status.up_to_date,
        "cleared": status.cleared,
        "responses": status.answers,
        "raw": status.raw_present,
        "raw_backed_up": status.raw_backed_up,
        "tables": [
            {
                "table": part.table,
                "published": status.published(part.table),
                "landed": status.landed(part.table),
                "clean": part.record.clean if part.record else None,
                "quarantined": part.record.quarantined if part.record else None,
                "duplicates": part.record.duplicates if part.record else None,
                "current": part.current,
                "backed_up": part.backed_up,
            }
            for part in status.tables
        ],
    }
