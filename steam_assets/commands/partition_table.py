"""The table of partitions that demo, run and status print.

Belongs here: its columns and colours. Does not belong here: the numbers (lake/partition_status.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from steam_assets.lake.partition_status import PartitionStatus, TableStatus

HEADINGS = ("fetched", "pub-\nlished", "landed", "clean", "quaran-\ntined", "dupli-\ncates")


def partition_table(statuses: Iterable[PartitionStatus], title: str) -> Table:
    """One line for each clean table of each partition; the numbers count its items.

    Fetched = published = landed = clean + quarantined + duplicates holds in every line, or the run or one of its
    checks failed.
    """
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("source", no_wrap=True)
    table.add_column("partition", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("backup\nverified", no_wrap=True)
    for status in statuses:
        for index, part in enumerate(status.tables):
            lead = (f" {part.table}", "") if index else (status.source, status.partition_key)
            table.add_row(*lead, *_counts(status, part), _verified(status, part))
    return table


def _counts(status: PartitionStatus, part: TableStatus) -> list[str]:
    published, landed = status.published(part.table), status.landed(part.table)
    raw = (published, published, landed) if status.raw else (None,) * 3
    record = part.record
    clean = (record.clean, record.quarantined, record.duplicates) if record else (None,) * 3
    return ["–" if number is None else str(number) for number in (*raw, *clean)]


def _verified(status: PartitionStatus, part: TableStatus) -> str:
    if status.cleared:
        return "[green]yes, the only copy[/]"
    return "[green]yes[/]" if status.raw_backed_up and part.backed_up else "[yellow]no[/]"
