"""The audit of snapshot tables: a chart has every rank once, and each app once.

Belongs here: what makes a snapshot complete. Does not belong here: counts, selecting the snapshot (cleaning.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from steam_assets.sources.source import Table
from steam_assets.spark.item_counts import Counts

Row: TypeAlias = "dict[str, Any]"


class AuditFailed(Exception):
    """The written rows must not become visible; readers still see the previous ones."""


def audited_columns(table: Table) -> tuple[str, ...]:
    """The columns that ``audit_full_snapshots`` reads."""
    return ("partition_key", *table.charts, *table.ranked)


def audit_full_snapshots(table: Table, keys: Sequence[str], counts: Counts, rows: pa.Table | None) -> None:
    """Raise AuditFailed if a chart among ``rows``, those to commit, repeats a rank or an app, or skips a rank.

    Only ranked tables are audited. Gaps explained by an item in quarantine are allowed.
    """
    if not table.ranked:
        return
    charts: dict[str, dict[tuple[str, ...], list[Row]]] = {key: {} for key in keys}
    for row in rows.select([*audited_columns(table)]).to_pylist() if rows else ():
        chart = tuple(str(row[name]) for name in table.charts)
        charts[row["partition_key"]].setdefault(chart, []).append(row)
    for key, of_key in charts.items():
        holes = {name: found for name, rows in of_key.items() if (found := _holes(table, " ".join((key, *name)), rows))}
        if sum(map(len, holes.values())) > counts[key]["quarantined"]:
            chart, missing = next(iter(holes.items()))
            raise AuditFailed(
                f"{table.name} {' '.join((key, *chart))}: {table.ranked[0]} {', '.join(map(str, missing[:5]))} is "
                "missing; nothing was committed. Fetch it again: `steam-assets run SOURCE --from PARTITION --refetch`"
            )


def _holes(table: Table, chart: str, rows: Sequence[Row]) -> list[int]:
    """The missing ranks of a chart. Raises AuditFailed if a value occurs twice."""
    for column in table.ranked:
        values = [row[column] for row in rows]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise AuditFailed(
                f"{table.name} {chart}: {column} {', '.join(map(str, twice[:5]))} occurs twice; nothing was committed"
            )
    ranks = {row[table.ranked[0]] for row in rows}
    return sorted(set(range(1, max(ranks, default=0) + 1)) - ranks)
