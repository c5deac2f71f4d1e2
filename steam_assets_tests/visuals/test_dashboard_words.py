"""What the page says of its numbers: the day or week that they are of, what they are measured by, and what it lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from chart_year import LAST_DAY
from market_year import AS_OF, BOMB_WEEK, MarketYear, row, schemas
from page_visit import Visit, visit
from playwright.sync_api import Browser, Locator, expect

from steam_assets.visuals.dashboard import DashboardData, Period, render
from steam_assets.visuals.dashboard.load import periods

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


def test_the_games_table_says_what_it_is_ranked_by(browser: Browser, file: Path) -> None:
    """Peaks do not descend with the rank, and the last update may be too new to be measured."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games")
        expect(panel_of(seen, "Most played").locator(".note")).to_contain_text("ranked (#) by players at Steam's count")
        expect(seen.page.get_by_role("columnheader", name="Last measured update, net")).to_be_visible()
        seen.to("games?ids=450")
        expect(seen.page.locator(".facts-list dt", has_text="Net effect of the last measured update")).to_be_visible()


def test_blank_days_of_a_chart_are_explained_for_its_line(browser: Browser, file: Path) -> None:
    """A missing day is one blank day of the daily line, and seven of the 7-day mean."""
    with visit(browser, file.as_uri()) as seen:
        for view, title in (("overview", "Players on the chart"), ("games?ids=450", "Daily peak players")):
            seen.to(view)
            note = panel_of(seen, title).locator(".note")
            expect(note).to_contain_text("seven days blank")
            seen.page.get_by_role("button", name="Daily", exact=True).click()
            expect(note).not_to_contain_text("seven days blank")
            expect(note).to_contain_text("The line breaks where a day was not collected")


def test_hours_of_reviews_are_called_playtime(browser: Browser, file: Path) -> None:
    year = MarketYear()
    with visit(browser, file.as_uri()) as seen:
        seen.to(f"reviews?app={year.ids[5]}&week={year.weeks[BOMB_WEEK]}")
        expect(panel_of(seen, "Languages").locator(".bar-value").first).to_contain_text(
            "80 % positive, median 32 h played"
        )


def test_a_column_says_what_it_is_a_share_or_a_mean_of(browser: Browser, file: Path) -> None:
    """Sums of peaks are not called players, and a net change names what it is net of."""
    expected = {
        "market": ["% of its best peak", "Estimated above samples"],
        "traffic": ["Mean sum of daily peaks", "Visits per peak player"],
        "games?ids=450": ["Net of the market"],
    }
    with visit(browser, file.as_uri()) as seen:
        for view, titles in expected.items():
            seen.to(view)
            for title in titles:
                expect(seen.page.get_by_role("columnheader", name=title, exact=True)).to_be_visible()


def test_consecutive_gaps_with_one_reason_are_one_line(browser: Browser, tmp_path: Path) -> None:
    """Days and weeks in a row are a range, also if each names its own command; another reason is another line."""
    command = "not collected yet; type steam-assets run news --from {0} --to {0}"
    news = [date(2026, 10, 20) + timedelta(weeks=n) for n in range(4)]
    days = [date(2026, 11, day) for day in (11, 12, 13, 16)]
    gaps = [Period("most_played", day, "missing", "no longer available") for day in days]
    weeks = [Period("news", week, "missing", command.format(week)) for week in news[:3]]
    ranged = f"not collected yet; type steam-assets run news --from {news[0]} --to {news[2]}"
    failed = Period("news", news[3], "failed", "raw exists")
    page = tmp_path / "page.html"
    page.write_text(render(DashboardData(periods=(*gaps, *weeks, failed))), encoding="utf-8")
    with visit(browser, page.as_uri()) as seen:
        seen.to("overview")
        expect(panel_of(seen, "Collected periods").locator(".gap-list li")).to_have_text(
            [
                "Most played, 2026-11-16: gap: no longer available",
                "Most played, 2026-11-11 to 2026-11-13: gap: no longer available",
                "News, 2026-11-10: incomplete: raw exists",
                f"News, {news[0]} to {news[2]}: gap: {ranged}",
            ]
        )


def test_freshness_says_as_of_when(browser: Browser, tmp_path: Path) -> None:
    """The states are those of the newest commit that they include, though newer data may have landed since.

    A newest period that can no longer be collected is a gap and not late.
    """
    judged = datetime(2026, 11, 17, 21, tzinfo=UTC)
    states = [
        row(source=source, title=source, cadence="daily", period=LAST_DAY, state=state, since=judged, rows=0)
        | row(quarantined=0, partition_key="all", why=None if state == "ok" else "Reason.")
        for source, state in (("most_played", "ok"), ("player_samples", "missing"), ("store_facts", "late"))
    ]
    table = pa.Table.from_pylist(states, schema=schemas()["insight_freshness"])
    as_of = {"most_played": AS_OF, "player_samples": judged, "store_facts": judged}
    page = tmp_path / "page.html"
    data = DashboardData({"insight_freshness": table}, as_of, periods(table, {}))
    page.write_text(render(data), encoding="utf-8")
    with visit(browser, page.as_uri()) as seen:
        seen.to("overview")
        expect(seen.page.locator(".fresh-line summary")).to_contain_text(
            "1 source late, 1 source with gaps, 1 source complete, as of 2026-11-17 21:00 UTC"
        )
        panel = panel_of(seen, "Collected periods")
        expect(panel.locator(".note")).to_contain_text("What became due after 2026-11-17 21:00 UTC is not judged yet.")
        expect(panel.locator(".facts")).to_contain_text("As of 2026-11-17 21:00 UTC")


def test_an_address_of_what_the_page_lacks_says_so(browser: Browser, file: Path) -> None:
    """An unknown game or week is named, a weekday opens its week, and a day that no calendar has is ignored."""
    year = MarketYear()
    week, app = year.weeks[BOMB_WEEK], year.ids[5]
    with visit(browser, file.as_uri()) as seen:
        note = seen.page.locator("main [role=note]")
        for view in ("games?ids=999999999", "reviews?app=999999999", "news?app=999999999"):
            seen.to(view)
            expect(note).to_contain_text("This page has no data of the app 999999999.")
        seen.to(f"games?ids={app},999999999,<b>1</b>")
        expect(note).to_contain_text("no data of the apps 999999999, <b>1</b>.")
        expect(seen.page.locator("h1")).to_have_text(year.names[5])
        seen.to(f"reviews?app={app}&week={week + timedelta(days=1)}")
        expect(seen.page.locator(".lead")).to_contain_text(f"Week of {week} (Tuesday)")
        expect(panel_of(seen, "Words of negative reviews")).to_be_visible()
        seen.to("top-sellers?week=2020-01-01")
        expect(note).to_have_text("The week of 2019-12-31 (Tuesday) was not collected; the newest week is shown.")
        seen.to(f"top-sellers?week={week + timedelta(days=6)}")
        expect(seen.page.locator("#week")).to_have_value(f"{week}")
        expect(note).to_have_count(0)
        for view in (f"reviews?app={app}&week=2026-13-45", f"games?ids={app}&at=2026-13-45&from=2026-13-45&to=x"):
            seen.to(view)
            expect(seen.page.locator("h1")).to_have_text(year.names[5])
        assert seen.said == [] and seen.harm() == [None, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_placeholder_has_enough_contrast(browser: Browser, file: Path, scheme: str) -> None:
    """It has a colour of text, all of which have enough contrast, and is opaque."""
    style = "getComputedStyle(document.getElementById('game-search'), '::placeholder')"
    token = (
        "(() => { const one = document.createElement('i'); one.style.color = 'var(--ink-3)';"
        " document.body.append(one); return getComputedStyle(one).color; })()"
    )
    with visit(browser, file.as_uri(), color_scheme=scheme) as seen:
        seen.to("games")
        assert seen.page.evaluate(f"{style}.color") == seen.page.evaluate(token)
        assert seen.page.evaluate(f"{style}.opacity") == "1"
