"""The synthetic year as the dashboard's data: clean tables, insights, periods, and the label that says what it is.

Belongs here: putting them together. Does not belong here: rows (clean_year.py), SQL (insight_sql.py), the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow

from steam_assets.insights import INSIGHTS
from steam_assets.insights.declared_tables import declared_tables
from steam_assets.lake.columns import iceberg_schema
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Column, History
from steam_assets.tour.clean_year import CleanYear
from steam_assets.tour.insight_sql import NAMES, SQL
from steam_assets.visuals.dashboard import DashboardData, render
from steam_assets.visuals.dashboard.data import Period

AS_OF = datetime(2026, 11, 18, 21, tzinfo=UTC)
SILENT = date(2026, 11, 7)
"""A day without a chart, so that the year has a gap."""

LABEL = (
    '<p class="behind" role="note"><strong>Synthetic data.</strong> Names and prices of games are real; players, sales, '
    "reviews, news and visits are made up. Nothing was fetched. For data of your own, type "
    "<code>steam-assets run daily</code>.</p>\n"
)
BEFORE = '<main id="main"'


def year() -> DashboardData:
    """A year of all tables that the page shows. The same in each call."""
    source = CleanYear(AS_OF, SILENT)
    declared = {table.name: table.columns for table in declared_tables(SOURCES)}
    clean = {name: pa.Table.from_pylist(rows, schema=_schema(declared[name])) for name, rows in source.tables()}
    periods = list(_periods(source, {name: _by_period(table) for name, table in clean.items()}))
    as_of = dict.fromkeys(clean, AS_OF)
    return DashboardData(clean | _insights(clean), as_of, tuple(periods))


def page() -> str:
    """The year's page, labelled as synthetic. Raises ValueError if it has no place for the label."""
    made = render(year())
    if made.count(BEFORE) != 1:
        raise ValueError(f"the page has no {BEFORE}, before which it would be labelled as synthetic")
    return made.replace(BEFORE, LABEL + BEFORE)


def _insights(clean: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    duck = duckdb.connect()
    duck.execute("set TimeZone = 'UTC'")
    for name, table in clean.items():
        duck.register(name, table)
    duck.execute(f"create table names as {NAMES}")
    made: dict[str, pa.Table] = {}
    for insight in INSIGHTS:
        if insight.name in SQL:
            schema = _schema(insight.schema)
            made[insight.table] = duck.sql(SQL[insight.name]).to_arrow_table().select(schema.names).cast(schema)
    return made


def _schema(columns: Iterable[Column]) -> pa.Schema:
    """The columns as Arrow has them, all nullable: rows lack what the page does not read."""
    fields = schema_to_pyarrow(iceberg_schema(tuple(columns)), include_field_ids=False)
    return pa.schema([pa.field(field.name, field.type) for field in fields])


def _by_period(table: pa.Table) -> dict[str, int]:
    counted = table.group_by("partition_key").aggregate([([], "count_all")]).to_pylist()
    return {row["partition_key"]: row["count_all"] for row in counted}


def _periods(made: CleanYear, rows: Mapping[str, Mapping[str, int]]) -> Iterable[Period]:
    for source in SOURCES:
        for window in made.windows[source.cadence]:
            counts = [rows[table.name].get(window.key, 0) for table in source.tables if table.name in rows]
            missing = source.history is History.LIVE and window.start.date() == SILENT
            why = source.history.refusal(window, AS_OF) if missing else None
            told = f"never collected, and no longer available: {why}" if why else None
            yield Period(source.name, window.start.date(), "missing" if missing else "ok", told, sum(counts))
