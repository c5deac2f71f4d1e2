"""``steam-assets tour`` writes a page on which every panel has data, marked as made up."""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import date
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.insights.declared_tables import declared_tables
from steam_assets.sources import SOURCES
from steam_assets.tour.year import SILENT
from steam_assets.visuals.dashboard import DashboardData, render
from steam_assets.visuals.dashboard.panel_queries import PANEL_QUERIES
from steam_assets_tests.conftest import REPOSITORY

README = REPOSITORY / "README.md"
LABEL = "<strong>Synthetic data.</strong>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("tour") / "new folder" / "tour.html"
    without_java = {"PATH": "/nowhere", "JAVA_HOME": "/nowhere"}
    done = CliRunner().invoke(app, ["tour", "--out", str(where)], env=without_java)
    assert done.exit_code == 0, done.output
    assert "synthetic" in done.output and str(where) in done.output
    assert [*where.parent.iterdir()] == [where], "nothing but the page is written"
    return where.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def given(page: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def test_every_panel_is_filled(given: dict[str, Any]) -> None:
    declared = {table.name for table in declared_tables(SOURCES)}
    empty = {query.name: given["panels"][query.name]["why"] for query in PANEL_QUERIES if query.table in declared}
    assert not {name: why for name, why in empty.items() if why}
    assert given["players"]["why"] is None and given["markers"]["app"] and given["prices"]["app"]
    assert all(source["as_of"] for source in given["sources"])


def test_tags_and_trends_have_no_duplicates(given: dict[str, Any]) -> None:
    """As in a lake, the page reads only the newest day of the store's tables."""
    tags = given["panels"]["tags"]["columns"]
    assert len({*zip(tags["app"], tags["tag"], strict=True)}) == len(tags["app"]) > 0
    trend = given["panels"]["trend"]["columns"]["app"]
    assert len({*trend}) == len(trend)


def test_every_flagged_week_has_characteristic_words(given: dict[str, Any]) -> None:
    terms, bombs = (given["panels"][name]["columns"] for name in ("terms", "bombs"))
    weeks = zip(bombs["app"], bombs["week"], bombs["flagged"], strict=True)
    flagged = {(app, week) for app, week, unusual in weeks if unusual}
    assert flagged and flagged <= {*zip(terms["app"], terms["week"], strict=True)}


def test_the_year_has_one_gap_and_unusual_weeks(given: dict[str, Any]) -> None:
    assert given["players"]["series"]["days"] == 365
    periods = given["panels"]["periods"]["columns"]
    gaps = [period for period, state in zip(periods["period"], periods["state"], strict=True) if state != "ok"]
    assert {*gaps} == {(SILENT - date(1970, 1, 1)).days}
    assert 1 in given["panels"]["bombs"]["columns"]["flagged"]


def test_the_page_says_that_it_is_synthetic(page: str, given: dict[str, Any]) -> None:
    """Saved images say so as well; a page of collected data does not."""
    assert page.count(LABEL) == 1
    assert given["synthetic"] is True
    assert LABEL not in render(DashboardData())


@pytest.fixture(scope="module")
def screenshots() -> ModuleType:
    """The script that makes the README's screenshots."""
    spec = importlib.util.spec_from_file_location("screenshots", REPOSITORY / "docs" / "screenshots.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_opens_with_small_screenshots(screenshots: ModuleType) -> None:
    opening = README.read_text(encoding="utf-8").split("\n## ")[0]
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", opening)
    assert [*map(REPOSITORY.joinpath, shown)] == [
        screenshots.IMAGES / name for name in ("dashboard.webp", "assets.webp")
    ]
    assert all(0 < (REPOSITORY / path).stat().st_size <= screenshots.LARGEST < 150_001 for path in shown)


@pytest.mark.slow
@pytest.mark.nightly
def test_the_screenshots_match_the_page_and_the_asset_graph(
    screenshots: ModuleType, browser: Browser, page: str
) -> None:
    """They match the page's headings and the asset groups; after changing one, run `make screenshots`."""
    shown = json.loads(screenshots.SHOWN.read_text(encoding="utf-8"))
    with screenshots.opened_page(browser, page) as opened:
        assert shown["dashboard"] == screenshots.headings_of(opened)
    assert shown["assets"] == screenshots.graph()
