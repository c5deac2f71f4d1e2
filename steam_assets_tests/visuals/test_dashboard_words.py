"""What the page says of its numbers: the day or week that they are of, what they are measured by, and what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from chart_year import LAST_DAY
from market_year import MarketYear
from page_visit import Visit, visit
from playwright.sync_api import Browser, Locator, expect

pytestmark = pytest.mark.slow


def panel_of(seen: Visit, title: str) -> Locator:
    return seen.page.locator(".panel", has=seen.page.get_by_role("heading", name=title, exact=True))


def test_a_panel_of_the_newest_period_names_it(browser: Browser, file: Path) -> None:
    """The day or week is named where no column and no axis has it; the time of collection may be days later."""
    week, day = f"eek of {MarketYear().weeks[-1]} (Tuesday)", f"{LAST_DAY}"
    expected = {
        "market": {
            "Regional hits": week,
            "Similarity of country charts": week,
            "Market share by tag, developer and publisher": week,
            "Daily peaks and audience time zone": day,
            "Launches of the month": day,
        },
        "overview": {"Movers of the week": day, "New, returning, dropped": week},
        "reviews": {"Most helpful reviews": week, "Languages": week, "Scores": week},
        "games?ids=400": {"Players through the day": day},
    }
    with visit(browser, file.as_uri()) as seen:
        for view, panels in expected.items():
            seen.to(view)
            for title, period in panels.items():
                expect(panel_of(seen, title).locator(".note").first).to_contain_text(period)
        assert seen.harm() == [None, 0]
