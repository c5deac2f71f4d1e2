"""The audit of snapshot tables: a chart has every rank once, and each app once.

Belongs here: what makes a snapshot complete. Does not belong here: counts, selecting the snapshot (cleaning.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from steam_assets.sources.source import Table
from steam_assets.spark.item_counts import Counts


class AuditFailed(Exception):
    """The written rows must not become visible; readers still see the previous ones."""


def audit_pictures(table: Table, keys: Sequence[str], counts: Counts, rows: pa.Table | None) -> None:
    """Raise AuditFailed if a partition of ``rows``, those to commit, has a rank or an app twice or a gap in its ranks.

    Only ranked tables are audited; ``rows`` must have their ranked columns and the partition key. Gaps explained by an
    item in quarantine are allowed.
    """
    if not table.ranked:
        return
    seen = rows.select(["partition_key", *table.ranked]).to_pylist() if rows else []
    for key in keys:
        of_key = [row for row in seen if row["partition_key"] == key]
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
