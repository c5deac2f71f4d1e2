"""All data of the page, ready for JSON.

Belongs here: combining the results of the queries. Does not belong here: the queries, HTML (page.py).

Apps are referred to by index in ``apps``; see json_values.py for days, times and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NotRequired, TypedDict

from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard.app_facts import app_facts
from steam_assets.visuals.dashboard.daily_players import Markers, Players, daily_players, marked_days
from steam_assets.visuals.dashboard.data import DashboardData, insight_of
from steam_assets.visuals.dashboard.json_values import EPOCH, Columns, packed, seconds
from steam_assets.visuals.dashboard.page_tables import PageTables
from steam_assets.visuals.dashboard.panel_queries import ABOUT_SHOWN, PANEL_QUERIES, PanelQuery
from steam_assets.visuals.dashboard.price_history import price_runs
from steam_assets.visuals.dashboard.quotes import quote


class About(TypedDict):
    """The origin of a table of the page: an insight or clean table, its method, and its as-of time."""

    table: str
    method: str
    as_of: int | None


class PanelData(About):
    """A table of the page. ``why`` says why it is empty; null if it has rows."""

    columns: Columns
    why: str | None
    note: NotRequired[str]


class PlayerData(About):
    """The daily players. ``why`` as in ``PanelData``."""

    why: str | None
    series: Players


class SourceState(TypedDict):
    """A source with the states of its periods, oldest first."""

    name: str
    title: str
    cadence: str
    as_of: int | None
    table: str
    periods: list[str]


class Payload(TypedDict):
    """All data of the page."""

    as_of: int | None
    synthetic: bool
    apps: Columns
    players: PlayerData
    markers: Markers
    prices: Columns
    sources: list[SourceState]
    panels: dict[str, PanelData]


def payload(data: DashboardData, limits: Mapping[str, int]) -> Payload:
    """The data of the page. ``limits`` has the maximum number of articles and effects."""
    tables = PageTables(data, limits)
    panels = {query.name: _panel(tables, query) for query in PANEL_QUERIES}
    quotes = panels["quotes"]["columns"]
    if "text" in quotes:
        quotes["text"] = [quote(text) if isinstance(text, str) else None for text in quotes["text"]]
    players, markers, prices = daily_players(tables), marked_days(tables), price_runs(tables)
    others = [panels[name]["columns"] for name in panels.keys() - ABOUT_SHOWN if "app" in panels[name]["columns"]]
    in_panels = {app for columns in others for app in columns["app"] if isinstance(app, int)}
    shown = sorted({*players["app"], *markers["app"], *in_panels})
    about = [columns for columns in (*(panels[name]["columns"] for name in ABOUT_SHOWN), prices) if "app" in columns]
    for columns in about:
        _keep(columns, {*shown})
    of_apps = others + about
    places = {app: place for place, app in enumerate(shown)}
    for columns in of_apps:
        columns["app"] = [places[app] for app in columns["app"] if isinstance(app, int)]
    players["app"], markers["app"] = ([places[app] for app in one["app"]] for one in (players, markers))
    panels["news"]["note"] = _articles_note(data, len(panels["news"]["columns"].get("moment", ())))
    panels["periods"] = _periods(data)
    return Payload(
        as_of=seconds(data.newest),
        synthetic=data.synthetic,
        apps=app_facts(tables, shown),
        players=PlayerData(**_about(data, "most_played"), why=data.why_empty("most_played"), series=players),
        markers=markers,
        prices=prices,
        sources=_sources(data),
        panels=panels,
    )


def _keep(columns: Columns, apps: Set[int]) -> None:
    """Leave out the rows of other apps."""
    kept = [app in apps for app in columns["app"]]
    for values in columns.values():
        values[:] = [value for value, keep in zip(values, kept, strict=True) if keep]


def _panel(tables: PageTables, query: PanelQuery) -> PanelData:
    why = tables.data.why_empty(query.table)
    columns = {} if why else packed(tables.rows(query.table, query.sql, query.parameters))
    made = PanelData(**_about(tables.data, query.table), columns=columns, why=why)
    made["method"] = query.method or made["method"]
    return made


def _about(data: DashboardData, table: str) -> About:
    insight = insight_of(table)
    if insight is None:
        described = {each.name: each.description for source in SOURCES for each in source.tables}
        return About(table=table, method=described.get(table, ""), as_of=seconds(data.known_at((table,))))
    method = f"{insight.method} Limitations: {insight.limitations}"
    return About(table=insight.name, method=method, as_of=seconds(data.measured_at(insight)))


def _articles_note(data: DashboardData, shown: int) -> str:
    table = data.tables.get("insight_news_markers")
    known = table.num_rows if table is not None else 0
    return f"This page has the newest {shown:,} of the year's {known:,} headlines." if known > shown else ""


def _sources(data: DashboardData) -> list[SourceState]:
    return [
        SourceState(
            name=source.name,
            title=source.title,
            cadence=source.cadence.value,
            as_of=seconds(data.known_at(table.name for table in source.tables)),
            table=source.tables[0].name,
            periods=[period.state for period in data.periods if period.source == source.name],
        )
        for source in SOURCES
    ]


def _periods(data: DashboardData) -> PanelData:
    """The periods of the last year by source."""
    newest = max((period.start for period in data.periods), default=EPOCH)
    kept = [period for period in data.periods if (newest - period.start).days <= 366]
    columns: Columns = {
        "source": [period.source for period in kept],
        "period": [(period.start - EPOCH).days for period in kept],
        "state": [period.state for period in kept],
        "why": [period.why for period in kept],
        "rows": [period.rows for period in kept],
        "quarantined": [period.quarantined for period in kept],
    }
    why = None if kept else "Nothing has been collected yet; for synthetic data, type `steam-assets demo`."
    return PanelData(**_about(data, "insight_freshness"), columns=columns, why=why)
