"""Every table that analysts read, clean or insight, with its declaration in one form.

Belongs here: the list, and what a table's declaration states. Does not belong here: rows (lake/), what is derived from
a declaration (the packages above).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import Input, Insight
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column, Source, Table

PERIODS = ("day", "week_start", "month", "period")
"""Columns that hold the first day of a row's period; a table with several means the first of these."""


@dataclass(frozen=True)
class DeclaredTable:
    """A table and what its source or insight declares about it.

    ``cadence`` is None for a table without partitions, ``key`` is the natural key over all partitions. ``origins`` are
    the sources that its rows come from, ``inputs`` the clean tables whose partitions it depends on: itself, if it is
    one; none for a table that only an export has. Clean tables have ``rules`` (SQL conditions by name), insights a
    ``method``.
    """

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cadence: Cadence | None
    origins: tuple[Source, ...]
    inputs: tuple[Input, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    method: str = ""
    limitations: str = ""

    @property
    def is_insight(self) -> bool:
        return bool(self.method)

    @property
    def period(self) -> str | None:
        """The column with the first day of a row's period; None if there is none."""
        names = {column.name for column in self.columns}
        return next((name for name in PERIODS if name in names), None)


def declared_tables(sources: Sequence[Source], insights: Iterable[Insight] = INSIGHTS) -> list[DeclaredTable]:
    """The clean tables of ``sources``, then the insights."""
    clean = [_clean(source, table) for source in sources for table in source.tables]
    return [*clean, *(_insight(insight, sources) for insight in insights)]


def _clean(source: Source, table: Table) -> DeclaredTable:
    return DeclaredTable(
        name=table.name,
        title=source.title if table.name == source.name else f"{source.title}: {table.name.replace('_', ' ')}",
        description=table.description,
        columns=(*table.columns, *ORIGIN),
        key=("partition_key", *table.key),
        cadence=source.cadence,
        origins=(source,),
        inputs=(Input(table.name),),
        rules=table.rules,
    )


def _insight(insight: Insight, sources: Sequence[Source]) -> DeclaredTable:
    read = {needed.table for needed in insight.inputs}
    return DeclaredTable(
        name=insight.table,
        title=insight.title,
        description=f"{insight.title}.",
        columns=insight.schema,
        key=("partition_key", *insight.key),
        cadence=insight.cadence,
        origins=tuple(source for source in sources if read & {table.name for table in source.tables}),
        inputs=insight.inputs,
        method=insight.method,
        limitations=insight.limitations,
    )
