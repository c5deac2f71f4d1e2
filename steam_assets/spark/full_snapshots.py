"""The audit of snapshot tables: a chart has every rank once, and each app once.

Belongs here: what makes a snapshot complete. Does not belong here: counts, selecting the snapshot (cleaning.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from steam_assets.sources.ranks import in_short, missing_ranks, repeated
from steam_assets.sources.source import Table
from steam_assets.spark.item_counts import Counts

Row: TypeAlias = "dict[str, Any]"
Charts: TypeAlias = "Mapping[tuple[str, ...], Sequence[Row]]"
"""The rows of a partition's charts, by the values that tell them apart."""


def audited_columns(table: Table) -> tuple[str, ...]:
    """The columns that ``audit_full_snapshots`` reads."""
    return ("partition_key", *table.charts, *table.ranked)


def audit_full_snapshots(table: Table, keys: Sequence[str], counts: Counts, rows: pa.Table | None) -> dict[str, str]:
    """Why partitions of ``rows``, those to commit, are refused, by key: a chart skips a rank, or repeats one or an app.

    Only ranked tables are audited. Gaps explained by an item in quarantine are allowed.
    """
    if not table.ranked:
        return {}
    charts: dict[str, dict[tuple[str, ...], list[Row]]] = {key: {} for key in keys}
    for row in rows.select([*audited_columns(table)]).to_pylist() if rows else ():
        chart = tuple(str(row[name]) for name in table.charts)
        charts[row["partition_key"]].setdefault(chart, []).append(row)
    found = {key: _fault(table, of_key, counts[key]["quarantined"]) for key, of_key in charts.items()}
    return {key: f"{table.name} {key}{fault}" for key, fault in found.items() if fault}


def _fault(table: Table, charts: Charts, quarantined: int) -> str | None:
    """What is wrong with a partition's charts; None if nothing is."""
    holes = 0
    first = ""
    for chart, rows in charts.items():
        named = "".join(f" {value}" for value in chart)
        for column in table.ranked:
            if twice := repeated(row[column] for row in rows):
                return f"{named}: {column} {in_short(sorted(twice))} occurs twice"
        missing, ranks = missing_ranks(row[table.ranked[0]] for row in rows)
        holes += missing
        first = first or (f"{named}: {table.ranked[0]} {in_short(ranks)} is missing" if missing else "")
    return first if holes > quarantined else None
