"""The input of the dashboard: Arrow tables by name, as-of times and collected periods.

Belongs here: the plain input of ``render``. Does not belong here: reading it (load.py), querying it (panel_queries.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import Insight
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source


@dataclass(frozen=True)
class Period:
    """A period of a source, by its first day (UTC). ``state`` is ok, failed, late or missing; ``why`` is None if ok."""

    source: str
    start: date
    state: str
    why: str | None = None
    rows: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class DashboardData:
    """The existing clean and insight tables, by table name.

    ``as_of`` has the newest ``fetched_at`` (aware, UTC) of each clean table. ``periods`` are those of all sources,
    each source's oldest first; a period that is not ``ok`` is a gap. ``behind`` has the partitions, by clean table,
    that the insights do not include yet. ``synthetic``: the data are made up, which the page and its images say.
    """

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    as_of: Mapping[str, datetime] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()
    behind: Mapping[str, Sequence[str]] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def gaps(self) -> tuple[Period, ...]:
        return tuple(period for period in self.periods if period.state != "ok")

    @property
    def newest(self) -> datetime | None:
        """The as-of time of the newest data; None if there is none."""
        return max(self.as_of.values(), default=None)

    def known_at(self, tables: Iterable[str]) -> datetime | None:
        """The as-of time of something computed from clean tables: that of the newest of them; None if there is none."""
        return max((self.as_of[name] for name in tables if name in self.as_of), default=None)

    @property
    def judged_at(self) -> datetime | None:
        """When the states of periods were known; None if there are none.

        The freshness insight is only computed when data land: what became due later is not in it. Its newest ``since``
        is that of the commit before it.
        """
        table = self.tables.get("insight_freshness")
        newest = pc.call_function("max", [table["since"]]).as_py() if table is not None else None
        return newest.astimezone(UTC) if newest is not None else self.newest

    def measured_at(self, insight: Insight) -> datetime | None:
        """The as-of time of an insight's numbers: that of the input with what was measured, as far as it is known.

        Others, such as the store's facts of a game, may be newer and change no number.
        """
        if insight.compute is None:
            return self.judged_at
        inputs = (insight.measured, *(each.table for each in insight.inputs))
        return next((self.as_of[name] for name in inputs if name in self.as_of), None)

    def why_empty(self, table: str) -> str | None:
        """Why a table is empty and what to do about it; None if it has rows."""
        if table not in self.tables:
            insight, source = insight_of(table), source_of(table)
            if insight is None and source is None:
                return f"No source or insight of this version has the table {table}."
            asset, command = (
                (f"{source.name}/raw and {source.name}/clean", f"run {source.name}")
                if source
                else (f"insights/{table.removeprefix('insight_')}", "refresh")
            )
            return f"The table {table} does not exist yet; type steam-assets {command}, or materialize {asset}."
        if self.tables[table].num_rows == 0:
            return f"The table {table} has no rows for the year shown."
        return None


def insight_of(table: str) -> Insight | None:
    """The insight whose table this is; None for a clean table."""
    return next((insight for insight in INSIGHTS if insight.table == table), None)


def source_of(table: str) -> Source | None:
    """The source whose clean table this is; None for an insight."""
    return next((source for source in SOURCES for each in source.tables if each.name == table), None)
