"""The audit of snapshot tables: a chart has every rank once, and each app once.

Belongs here: what makes a snapshot complete. Does not belong here: counts, selecting the snapshot (cleaning.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.sources.source import Table


class AuditFailed(Exception):
    """The written rows must not become visible; readers still see the previous ones."""


def audit_pictures(
    table: Table, target: IcebergTable, keys: Sequence[str], counts: Mapping[str, Mapping[str, int]], snapshot: int
) -> None:
    """Raise AuditFailed if a ranked table's partition, at ``snapshot``, has a value twice or a gap in its ranks.

    Gaps explained by an item in quarantine are allowed.
    """
    if not table.ranked:
        return
    rows = target.arrow(keys, ("partition_key", *table.ranked), snapshot)
    for key in keys:
        of_key = [row for row in (rows.to_pylist() if rows else ()) if row["partition_key"] == key]
        for column in table.ranked:
            values = [row[column] for row in of_key]
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise AuditFailed(
                    f"{table.name} {key}: {column} {', '.join(map(str, twice[:5]))} occurs twice; nothing was committed"
                )
        ranks = {row[table.ranked[0]] for row in of_key}
        holes = sorted(set(range(1, max(ranks, default=0) + 1)) - ranks)
        if len(holes) > counts[key]["quarantined"]:
            raise AuditFailed(
                f"{table.name} {key}: {table.ranked[0]} {', '.join(map(str, holes[:5]))} is missing; nothing was "
                "committed. Fetch it again: `steam-assets run SOURCE --from PARTITION --refetch`"
            )
