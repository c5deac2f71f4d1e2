"""The audit of pictures of a moment: a chart has every rank once, and each app once.

Belongs here: what makes a picture whole. Does not belong here: counts (cleaning.py), which picture counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.sources.source import Table


class AuditFailed(Exception):
    """Rows were written that must not be seen; readers still see those before them."""


def audit_pictures(
    table: Table, target: IcebergTable, keys: Sequence[str], counts: Mapping[str, Mapping[str, int]], snapshot: int
) -> None:
    """AuditFailed if a ranked table's partition, at ``snapshot``, has a value twice, or a hole in its ranks.

    A hole is one that no item in quarantine explains.
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
                    f"{table.name} {key}: {column} {', '.join(map(str, twice[:5]))} stands twice; nothing was committed"
                )
        ranks = {row[table.ranked[0]] for row in of_key}
        holes = sorted(set(range(1, max(ranks, default=0) + 1)) - ranks)
        if len(holes) > counts[key]["quarantined"]:
            raise AuditFailed(
                f"{table.name} {key}: {table.ranked[0]} {', '.join(map(str, holes[:5]))} is missing; nothing was "
                "committed. Ask the source again by `steam-assets run SOURCE --from PARTITION --refetch`"
            )
