"""The table of partitions that demo, run and status print, and the same as JSON.

Belongs here: its columns and colours, names in JSON. Does not belong here: the numbers (ledger/partition_status.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from steam_assets.commands.terminal import Terminal
from steam_assets.ledger.freshness import Freshness
from steam_assets.ledger.partition_status import PartitionStatus, TableStatus

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


def partition_table(statuses: Iterable[PartitionStatus], title: str, width: int = NARROW) -> Table:
    """One row per clean table and partition, for a console of ``width`` columns; the numbers count items.

    Fetched = published = landed = clean + quarantined + duplicates holds in every row, unless the run or one of its
    checks failed. Text that does not fit is wrapped, never cut.
    """
    narrow = width < NARROW
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("source", overflow="fold", min_width=NAME_WIDTH)
    table.add_column("partition", overflow="fold", min_width=KEY_WIDTH)
    for heading in NARROW_HEADINGS if narrow else HEADINGS:
        table.add_column(heading, justify="right", overflow="fold", min_width=max(map(len, heading.split("\n"))))
    table.add_column("backup\nverified", overflow="fold", min_width=len("verified"))
    for status in statuses:
        for index, part in enumerate(status.tables):
            lead = (f" {part.table}", "") if index else (status.source, status.partition_key)
            raw, clean = _counts(status, part)
            shown = ["/".join(dict.fromkeys(raw)), *clean] if narrow else [*raw, *clean]
            table.add_row(*lead, *shown, _verified(status, part))
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


def _verified(status: PartitionStatus, part: TableStatus) -> Text:
    if status.cleared:
        return Text("yes, the only copy", "green")
    return Text("yes", "green") if status.raw_backed_up and part.backed_up else Text("no", "yellow")


def freshness_json(report: Freshness) -> dict[str, Any]:
    """A source's partitions and gaps as plain data for JSON."""
    return {
        "source": report.source,
        "cadence": report.cadence,
        "newest": report.newest,
        "late": report.late,
        "drift": report.drift.model_dump(mode="json") if report.drift else None,
        "gaps": [{"partition": g.partition_key, "why": g.why} for g in report.gaps],
        "partitions": [_partition_json(p) for p in report.partitions],
    }


def _partition_json(status: PartitionStatus) -> dict[str, Any]:
    return {
        "partition": status.partition_key,
        "up_to_date": status.up_to_date,
        "cleared": status.cleared,
        "answers": status.answers,
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
