"""Chromium and the pages that the dashboard tests open, created once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from market_year import MarketYear
from playwright.sync_api import Browser, expect, sync_playwright

from steam_assets.visuals.dashboard import DashboardData, render
from steam_assets_tests.waiting import START_SECONDS

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; install the package chromium")
    expect.set_options(timeout=START_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of daily data for a hundred games."""
    where = tmp_path_factory.mktemp("dashboard") / "year.html"
    where.write_text(render(MarketYear().data()), encoding="utf-8")
    return where


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("dashboard") / "empty.html"
    where.write_text(render(DashboardData()), encoding="utf-8")
    return where
