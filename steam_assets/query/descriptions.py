"""Metadata of each clean table and insight: columns, units, method, limitations, and origins.

Belongs here: what answers state about both kinds. Does not belong here: the declarations
(insights/declared_tables.py), gaps (coverage.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from steam_assets.insights.declared_tables import DeclaredTable, declared_tables
from steam_assets.insights.insight import Input
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column, Source

INCOMPLETE = "Rows are missing where a period was not collected; items that failed a rule are in quarantine."


@dataclass(frozen=True)
class Description:
    """``name`` is the table's; ``inputs`` are the clean tables whose partitions it depends on, itself if it is one.

    ``cadence`` is that of its partitions; None if it has a single one.
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
    """All clean tables and insights by table name."""
    return {one.name: _described(one) for one in declared_tables(SOURCES)}


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
        return f"{table} has not been computed yet; type steam-assets refresh"
    return f"{table} has no data yet; type steam-assets run {source_of(table).name}"


def _described(declared: DeclaredTable) -> Description:
    of_insight = declared.is_insight
    return Description(
        name=declared.name,
        kind="insight" if of_insight else "table",
        title=declared.title if of_insight else declared.description,
        method=declared.method if of_insight else _collected(*declared.origins),
        limitations=declared.limitations if of_insight else INCOMPLETE,
        cadence=declared.cadence,
        columns=declared.columns,
        key=declared.key,
        inputs=declared.inputs,
    )


def _collected(source: Source) -> str:
    return f"Collected from {source.title} ({source.cadence.value}) and cleaned; names are as of collection."
