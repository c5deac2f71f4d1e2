"""Column lineage in the Dagster UI: from which columns of which assets a column is computed.

Belongs here: the format, and declared lineage where it cannot be read. Does not belong here: reading it from Spark's
plan (spark/column_lineage.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from steam_assets.lake.columns import ORIGIN
from steam_assets.sources.source import Column, Source, Table
from steam_assets.spark.column_lineage import Lineage

KEY = "dagster/column_lineage"


def shown_lineage(
    lineage: Lineage, columns: Iterable[Column], assets: Mapping[str, dg.AssetKey]
) -> dict[str, dg.MetadataValue]:
    """The metadata entry; none if there is no lineage. ``assets`` are the assets by the names of their tables."""
    origins = {column.name: sorted(lineage.get(column.name, ())) for column in columns}
    made = {
        name: [dg.TableColumnDep(assets[table], column) for table, column in found]
        for name, found in origins.items()
        if found
    }
    if not made:
        return {}
    return {KEY: dg.MetadataValue.column_lineage(dg.TableColumnLineage(made))}


def clean_lineage(source: Source, table: Table, lineage: Lineage | None = None) -> dict[str, dg.MetadataValue]:
    """The same for a clean table. Without ``lineage``, as when another program cleaned it, the declared one."""
    lineage = _declared(source, table) if lineage is None else lineage
    return shown_lineage(lineage, (*table.columns, *ORIGIN), {source.name: dg.AssetKey([source.name, "raw"])})


def _declared(source: Source, table: Table) -> Lineage:
    """Rows come from bodies; lineage columns come from the envelope."""
    beside = {"partition_key": "partition_key", "fetched_at": "fetched_at", "source_sha256": "sha256"}
    names = (column.name for column in (*table.columns, *ORIGIN))
    return {name: frozenset({(source.name, beside.get(name, "body"))}) for name in names}
