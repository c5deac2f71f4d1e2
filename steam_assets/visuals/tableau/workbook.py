"""The starter workbook as XML: one dashboard, and the sheets on it, over the data source.

Belongs here: the sheets and how they are drawn. Does not belong here: the data source (datasource.py).

A sheet whose tables are not in the extract is left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from steam_assets.visuals.tableau.datasource import (
    CAPTION,
    NAME,
    PLATFORM,
    USER,
    VERSION,
    add_calculation,
    add_datasource,
    add_manifest,
    add_text,
    column_attributes,
)
from steam_assets.visuals.tableau.extract import APPS, CALENDAR
from steam_assets.visuals.tableau.model import Calculation, Model

DASHBOARD = "Steam market"
WIDTH, HEIGHT = 1200, 900
WHOLE = 100_000
"""The width and height of a dashboard in the units of its zones."""
HEADER = 8_000

Derivation = Literal["None", "Sum", "Max", "User"]
Kind = Literal["nominal", "ordinal", "quantitative"]
_SUFFIXES: dict[Kind, str] = {"nominal": "nk", "ordinal": "ok", "quantitative": "qk"}

REVIEWS = "insight_sentiment"
POSITIVE_SHARE = Calculation(
    "positive share of all reviews",
    "Positive share of all reviews",
    f"SUM([positive ({REVIEWS})]) / SUM([reviews ({REVIEWS})])",
    "p0.0%",
    ("positive", "reviews"),
)
"""Weighted by reviews, which a mean of the games' shares would not be."""


@dataclass(frozen=True)
class Pill:
    """A field on a shelf: how it is aggregated, and whether its axis has headers or is continuous (quantitative).

    ``of`` is a column of ``table``, or a calculation over its columns.
    """

    table: str
    of: str | Calculation
    kind: Kind
    derivation: Derivation = "None"

    @property
    def field(self) -> str:
        return self.of.name if isinstance(self.of, Calculation) else f"{self.of} ({self.table})"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.of.columns if isinstance(self.of, Calculation) else (self.of,)

    @property
    def instance(self) -> str:
        prefix = "usr" if self.derivation == "User" else self.derivation.lower()
        return f"[{prefix}:{self.field}:{_SUFFIXES[self.kind]}]"

    @property
    def reference(self) -> str:
        return f"[{NAME}].{self.instance}"


@dataclass(frozen=True)
class Sheet:
    """A sheet: its mark and shelves. ``top`` limits the rows to those with the greatest values of ``columns``."""

    name: str
    title: str
    mark: Literal["Line", "Bar", "Square"]
    columns: Pill
    rows: Pill
    color: Pill | None = None
    top: int | None = None

    @property
    def pills(self) -> list[Pill]:
        return [pill for pill in (self.columns, self.rows, self.color) if pill]

    @property
    def id(self) -> str:
        return _id(f"sheet {self.name}")


SHEETS = (
    Sheet(
        "Players",
        "Players of the hundred most played games: sum of their daily peaks",
        "Line",
        Pill(CALENDAR, "day", "quantitative"),
        Pill("insight_market_day", "players_peak_sum", "quantitative", "Sum"),
    ),
    Sheet(
        "Most played",
        "Highest daily peak of a game, top 20",
        "Bar",
        Pill("most_played", "players_peak", "quantitative", "Max"),
        Pill(APPS, "name", "nominal"),
        top=20,
    ),
    Sheet(
        "Reviews",
        "Positive share of the week's reviews of the top sellers",
        "Line",
        Pill(CALENDAR, "week_start", "quantitative"),
        Pill(REVIEWS, POSITIVE_SHARE, "quantitative", "User"),
    ),
    Sheet(
        "Store visits",
        "Visits to the Steam store's site in a month, estimated",
        "Bar",
        Pill(CALENDAR, "month", "ordinal"),
        Pill("visits", "visits", "quantitative", "Sum"),
    ),
    Sheet(
        "Gaps",
        "Collected and missing periods of each source",
        "Square",
        Pill(CALENDAR, "day", "quantitative"),
        Pill("insight_freshness", "title", "nominal"),
        color=Pill("insight_freshness", "state", "nominal"),
    ),
)


def workbook_file(model: Model, extract: str) -> etree._Element | None:
    """The root of a ``.twb`` file; None if no sheet has its tables. ``extract`` is the ``.hyper`` file's path."""
    sheets = [sheet for sheet in SHEETS if all(model.has(pill.table) for pill in sheet.pills)]
    if not sheets:
        return None
    root = etree.Element("workbook", {"original-version": VERSION}, nsmap={"user": USER})
    root.attrib.update({"source-build": "0.0.0 (0000.0.0.0)", "source-platform": PLATFORM, "version": VERSION})
    add_manifest(root)
    calculations = [pill.of for sheet in sheets for pill in sheet.pills if isinstance(pill.of, Calculation)]
    add_datasource(etree.SubElement(root, "datasources"), model, extract, calculations)
    worksheets = etree.SubElement(root, "worksheets")
    for sheet in sheets:
        _add_sheet(worksheets, sheet, model)
    _add_dashboard(etree.SubElement(root, "dashboards"), sheets)
    _add_windows(root, sheets)
    return root


def _id(name: str) -> str:
    """A UUID in Tableau's form; the same each time."""
    return f"{{{uuid.uuid5(uuid.NAMESPACE_URL, f'steam-assets {name}')}}}".upper()


def _add_sheet(parent: etree._Element, sheet: Sheet, model: Model) -> None:
    worksheet = etree.SubElement(parent, "worksheet", {"name": sheet.name})
    add_text(etree.SubElement(etree.SubElement(worksheet, "layout-options"), "title"), sheet.title)
    table = etree.SubElement(worksheet, "table")
    view = etree.SubElement(table, "view")
    etree.SubElement(etree.SubElement(view, "datasources"), "datasource", {"caption": CAPTION, "name": NAME})
    _add_dependencies(view, sheet, model)
    if sheet.top:
        _add_top(view, sheet, sheet.top)
    etree.SubElement(view, "aggregation", {"value": "true"})
    etree.SubElement(table, "style")
    pane = etree.SubElement(etree.SubElement(table, "panes"), "pane")
    etree.SubElement(etree.SubElement(pane, "view"), "breakdown", {"value": "auto"})
    etree.SubElement(pane, "mark", {"class": sheet.mark})
    if sheet.color:
        etree.SubElement(etree.SubElement(pane, "encodings"), "color", {"column": sheet.color.reference})
    etree.SubElement(table, "rows").text = sheet.rows.reference
    etree.SubElement(table, "cols").text = sheet.columns.reference
    etree.SubElement(worksheet, "simple-id", {"uuid": sheet.id})


def _add_dependencies(view: etree._Element, sheet: Sheet, model: Model) -> None:
    dependencies = etree.SubElement(view, "datasource-dependencies", {"datasource": NAME})
    for pill in sheet.pills:
        for column in pill.columns:
            etree.SubElement(dependencies, "column", column_attributes(model.field(pill.table, column)))
        if isinstance(pill.of, Calculation):
            add_calculation(dependencies, pill.of)
    for pill in sheet.pills:
        attributes = {"column": f"[{pill.field}]", "derivation": pill.derivation, "name": pill.instance}
        etree.SubElement(dependencies, "column-instance", attributes | {"pivot": "key", "type": pill.kind})


def _add_top(view: etree._Element, sheet: Sheet, count: int) -> None:
    """The rows with the greatest values, in descending order."""
    measured = f"{sheet.columns.derivation.upper()}([{sheet.columns.field}])"
    top = etree.SubElement(view, "filter", {"class": "categorical", "column": sheet.rows.reference})
    end = {"count": str(count), "end": "top", "function": "end", "units": "records"}
    order = {"direction": "DESC", "expression": measured, "function": "order"}
    members = {"function": "level-members", "level": sheet.rows.instance}
    group = etree.SubElement(etree.SubElement(top, "groupfilter", end), "groupfilter", order)
    etree.SubElement(group, "groupfilter", members)
    sort = {"column": sheet.rows.reference, "direction": "DESC", "using": sheet.columns.reference}
    etree.SubElement(view, "computed-sort", sort)


def _add_dashboard(parent: etree._Element, sheets: Sequence[Sheet]) -> None:
    dashboard = etree.SubElement(parent, "dashboard", {"name": DASHBOARD})
    etree.SubElement(dashboard, "style")
    size = {"maxheight": HEIGHT, "maxwidth": WIDTH, "minheight": HEIGHT, "minwidth": WIDTH}
    etree.SubElement(dashboard, "size", {name: str(value) for name, value in size.items()})
    zones = etree.SubElement(dashboard, "zones")
    whole = etree.SubElement(zones, "zone", _zone(1, 0, 0, WHOLE, WHOLE) | {"type-v2": "layout-basic"})
    etree.SubElement(whole, "zone", _zone(2, 0, 0, WHOLE, HEADER) | {"type-v2": "title"})
    rows = (len(sheets) + 1) // 2
    height = (WHOLE - HEADER) // rows
    for number, sheet in enumerate(sheets):
        row, right = divmod(number, 2)
        # An odd last sheet has the whole width.
        width = WHOLE // 2 if right or number < len(sheets) - 1 else WHOLE
        place = _zone(3 + number, right * WHOLE // 2, HEADER + row * height, width, height)
        etree.SubElement(whole, "zone", place | {"name": sheet.name})
    etree.SubElement(dashboard, "simple-id", {"uuid": _id(f"dashboard {DASHBOARD}")})


def _zone(number: int, x: int, y: int, width: int, height: int) -> dict[str, str]:
    place = {"h": height, "id": number, "w": width, "x": x, "y": y}
    return {name: str(value) for name, value in place.items()}


def _add_windows(root: etree._Element, sheets: Sequence[Sheet]) -> None:
    windows = etree.SubElement(root, "windows", {"source-height": "30"})
    front = etree.SubElement(windows, "window", {"class": "dashboard", "maximized": "true", "name": DASHBOARD})
    viewpoints = etree.SubElement(front, "viewpoints")
    for sheet in sheets:
        viewpoint = etree.SubElement(viewpoints, "viewpoint", {"name": sheet.name})
        etree.SubElement(viewpoint, "zoom", {"type": "entire-view"})
    etree.SubElement(front, "active", {"id": "-1"})
    etree.SubElement(front, "simple-id", {"uuid": _id(f"window {DASHBOARD}")})
    for sheet in sheets:
        window = etree.SubElement(windows, "window", {"class": "worksheet", "name": sheet.name})
        cards = etree.SubElement(window, "cards")
        for edge, strips in (("left", ("pages", "filters", "marks")), ("top", ("columns", "rows", "title"))):
            side = etree.SubElement(cards, "edge", {"name": edge})
            strip = etree.SubElement(side, "strip", {"size": "160"})
            for card in strips:
                etree.SubElement(strip, "card", {"type": card})
        etree.SubElement(window, "simple-id", {"uuid": _id(f"window {sheet.name}")})
