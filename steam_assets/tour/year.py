"""The synthetic year as the dashboard's data: clean tables, insights and periods.

Belongs here: combining them. Does not belong here: rows (clean_year.py), the queries (insights/), the page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.insights import INSIGHTS
from steam_assets.insights.declared_tables import declared_tables
from steam_assets.insights.small_inputs import SmallInputs, nullable_schema
from steam_assets.ledger.freshness import gap
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import History
from steam_assets.tour.clean_year import CleanYear
from steam_assets.visuals.dashboard import DashboardData, Period
from steam_assets.visuals.dashboard.table_reads import TABLE_READS

AS_OF = datetime(2026, 11, 18, 21, tzinfo=UTC)
SILENT = date(2026, 11, 7)
"""A day without a chart, so that the year has a gap."""


def year() -> DashboardData:
    """A year of the tables that the page shows; the same on each call."""
    source = CleanYear(AS_OF, SILENT)
    declared = {table.name: table.columns for table in declared_tables(SOURCES)}
    keys = {cadence: {window.key for window in windows} for cadence, windows in source.windows.items()}
    clean = {name: pa.Table.from_pylist(rows, schema=nullable_schema(declared[name])) for name, rows in source.tables()}
    periods = list(_periods(source, {name: _by_period(table) for name, table in clean.items()}))
    as_of = dict.fromkeys(clean, AS_OF)
    tables = {name: _as_loaded(name, table) for name, table in (clean | _insights(clean, keys)).items()}
    return DashboardData(tables, as_of, tuple(periods), synthetic=True)


def _as_loaded(name: str, table: pa.Table) -> pa.Table:
    """What the page would load from a lake: of some tables only the newest partition (visuals/dashboard/load.py)."""
    read = TABLE_READS.get(name)
    # It also reads reviews of unusual weeks, and there are no others here.
    if read is None or not read.newest_only or name == "reviews":
        return table
    return table.filter(pc.equal(table["partition_key"], pc.max(table["partition_key"])))


def _insights(clean: Mapping[str, pa.Table], keys: Mapping[Cadence, Collection[str]]) -> dict[str, pa.Table]:
    """The insights' finished periods by table."""
    inputs = SmallInputs(clean)
    computed = [(insight, insight.cadence) for insight in INSIGHTS if insight.compute]
    return {insight.table: inputs.rows(insight, [*keys[cadence]]) for insight, cadence in computed if cadence}


def _by_period(table: pa.Table) -> dict[str, int]:
    counted = table.group_by("partition_key").aggregate([([], "count_all")]).to_pylist()
    return {row["partition_key"]: row["count_all"] for row in counted}


def _periods(made: CleanYear, rows: Mapping[str, Mapping[str, int]]) -> Iterable[Period]:
    for source in SOURCES:
        for window in made.windows[source.cadence]:
            count = sum(rows.get(table.name, {}).get(window.key, 0) for table in source.tables)
            missing = source.history is History.LIVE and window.start.date() == SILENT
            if missing:
                why = f"no longer available: {gap(source, window, AS_OF).why}"
                yield Period(source.name, SILENT, "missing", why)
            elif count:
                yield Period(source.name, window.start.date(), "ok", rows=count)
