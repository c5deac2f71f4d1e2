"""What is known about each clean table and insight: columns, units, method, limitations, and what it was made from.

Belongs here: one description for both kinds. Does not belong here: the declarations (sources/, insights/), gaps
(coverage.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import Input, Insight
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column, Source, Table


@dataclass(frozen=True)
class Description:
    """``name`` is the table's; ``inputs`` are the clean tables whose partitions it depends on, itself if it is one.

    ``cadence`` is that of its partitions; None if there is one for all time.
    """

    name: str
    kind: str
    title: str
    method: str
    limitations: str
    cadence: Cadence | None
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    inputs: tuple[Input, ...]


@cache
def descriptions() -> Mapping[str, Description]:
    """All clean tables and insights, by the names of their tables."""
    clean = [_of_table(source, table) for source in SOURCES for table in source.tables]
    return {one.name: one for one in (*clean, *map(_of_insight, INSIGHTS))}


def source_of(table: str) -> Source:
    """The source of a clean table. Raises LookupError if there is none."""
    for source in SOURCES:
        if any(one.name == table for one in source.tables):
            return source
    raise LookupError(f"no source has a clean table {table!r}")


def why_missing(table: str) -> str | None:
    """Why a declared table does not exist, and what to type; None if it is not declared."""
    found = descriptions().get(table)
    if found is None:
        return None
    if found.kind == "insight":
        return f"{table} was not computed yet; type steam-assets refresh"
    return f"nothing of {table} was collected yet; type steam-assets run {source_of(table).name}"


def _of_table(source: Source, table: Table) -> Description:
    return Description(
        name=table.name,
        kind="table",
        title=table.description,
        method=f"Collected from {source.title} ({source.cadence.value}) and cleaned; names are as of collection.",
        limitations="Rows are missing where a period was not collected; items that failed a rule are in quarantine.",
        cadence=source.cadence,
        columns=(*table.columns, *ORIGIN),
        key=("partition_key", *table.key),
        inputs=(Input(table.name),),
    )


def _of_insight(insight: Insight) -> Description:
    return Description(
        name=insight.table,
        kind="insight",
        title=insight.title,
        method=insight.method,
        limitations=insight.error,
        cadence=insight.cadence,
        columns=insight.schema,
        key=("partition_key", *insight.key),
        inputs=insight.inputs,
    )
