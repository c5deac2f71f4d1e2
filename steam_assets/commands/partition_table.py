"""The table of partitions that demo, run and status print.

Belongs here: its columns and colours. Does not belong here: the numbers (lake/partition_status.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from steam_assets.lake.partition_status import PartitionStatus

COLUMNS = ("fetched", "published", "landed", "items", "clean", "quarantined", "duplicates")


def partition_table(statuses: Iterable[PartitionStatus], title: str) -> Table:
    """One line for each clean table of each partition. Fetched to landed count answers; items to duplicates, rows."""
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for name in ("source", "partition", "table"):
        table.add_column(name, no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    table.add_column("backup verified")
    for status in statuses:
        answers = [str(status.envelopes(stage)) for stage in COLUMNS[:3]] if status.manifest else ["–"] * 3
        for index, part in enumerate(status.tables):
            record = part.record
            rows = (
                [str(n) for n in (record.items, record.clean, record.quarantined, record.duplicates)]
                if record
                else ["–"] * 4
            )
            verified = status.raw_backed_up and part.backed_up
            lead = (status.source, status.partition_key) if index == 0 else ("", "")
            table.add_row(
                *lead,
                part.table,
                *(answers if index == 0 else [""] * 3),
                *rows,
                "[green]yes[/]" if verified else "[yellow]no[/]",
            )
    return table
