"""The table of partitions that demo, run and status print.

Belongs here: its columns and colours. Does not belong here: the numbers (lake/partition_status.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table

from steam_assets.lake.partition_status import PartitionStatus, TableStatus

HEADINGS = ("answers", "fetched", "pub-\nlished", "landed", "clean", "quaran-\ntined", "dupli-\ncates")


def partition_table(statuses: Iterable[PartitionStatus], title: str) -> Table:
    """One line for each clean table of each partition; all numbers but ``answers`` count its items.

    Fetched = published = landed = clean + quarantined + duplicates holds in every line, or the run failed.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("source", no_wrap=True)
    table.add_column("partition", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("backup\nverified", no_wrap=True)
    for status in statuses:
        answers = str(status.answers) if status.manifest else "–"
        for index, part in enumerate(status.tables):
            first = index == 0
            name = status.source if first else f"  {part.table}"
            table.add_row(
                name,
                status.partition_key if first else "",
                answers if first else "",
                *_counts(status, part),
                _verified(status, part),
            )
    return table


def _counts(status: PartitionStatus, part: TableStatus) -> list[str]:
    raw = (
        [status.published(part.table), status.published(part.table), status.landed(part.table)]
        if status.manifest
        else None
    )
    record = part.record
    clean = [record.clean, record.quarantined, record.duplicates] if record else None
    return (
        [f"{n}" for n in raw or ()]
        + ["–"] * (0 if raw else 3)
        + [f"{n}" for n in clean or ()]
        + ["–"] * (0 if clean else 3)
    )


def _verified(status: PartitionStatus, part: TableStatus) -> str:
    return "[green]yes[/]" if status.raw_backed_up and part.backed_up else "[yellow]no[/]"
