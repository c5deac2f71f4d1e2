"""The page's numbers: comparisons are like for like, scales are not misleading, and CSV rows can be traced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from chart_year import LAST_DAY, row, schemas, weekly
from market_year import MarketYear
from page_visit import VIEWS, Visit, visit
from playwright.sync_api import Browser, expect

from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard import DashboardData, render
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days, two weeks and one month, as after a newcomer's first hour."""
    where = tmp_path_factory.mktemp("dashboard") / "three.html"
    where.write_text(render(MarketYear(days=3, weeks=2, months=1).data()), encoding="utf-8")
    return where


def written(share: float) -> str:
    return f"{'+' if share > 0 else '−'}{abs(share) * 100:.1f} %"


def test_changes_compare_whole_weeks(browser: Browser, file: Path) -> None:
    """Changes over 7, 28 and 91 days match the daily peaks, for market and game, on the page and in the CSV."""
    year = MarketYear()
    sums = {day: float(sum(peak for _, peak in chart)) for day, chart in year.charts.items()}
    game = year.ids[5]
    own = {day: float(peak) for day, chart in year.charts.items() for app, peak in chart if app == game}
    with visit(browser, file.as_uri()) as seen:
        for values, view, places in (
            (sums, "overview", ".stats dd"),
            (own, f"games?ids={game}", ".facts-list dt:has-text('-day change') + dd"),
        ):
            expected = weekly(values, LAST_DAY, "mean")
            seen.to(view)
            shown = seen.page.locator(places).all_inner_texts()
            for place, days in enumerate((7, 28, 91)):
                change = expected[f"peak_change_{days}d"]
                assert change is not None
                assert shown[place].replace("▲", "").replace("▼", "").strip() == written(change), (view, days)
        seen.to("overview")
        for tile in ("Players, sum of daily peaks", "Most played"):
            # The tile's value is that of a day, the change is not.
            expect(seen.page.locator(".tile", has_text=tile)).to_contain_text(
                re.compile(r"7-day mean: \W+\d+\.\d % against the week before")
            )
        seen.to(f"games?ids={game}")
        lines = {line["day"]: line for line in seen.csv_of("Daily peak players")}
        week = [own[LAST_DAY - timedelta(days=n)] for n in range(7)]
        assert float(lines[LAST_DAY.isoformat()]["peak_7d_mean"]) == pytest.approx(sum(week) / 7)


def test_the_overview_begins_with_what_happened(browser: Browser, file: Path, three: Path) -> None:
    """It shows the market's change, the largest gains and losses, and the top seller, as in the insights."""
    tables = MarketYear().data().tables
    trend = [one for one in tables["insight_player_trend"].to_pylist() if one["players_gained_7d"] is not None]
    trend.sort(key=lambda one: -one["players_gained_7d"])
    market = tables["insight_market_day"].to_pylist()[-1]
    with visit(browser, file.as_uri()) as seen:
        seen.to("overview")
        said = seen.page.locator(".lead").inner_text()
        assert f"{abs(market['peak_change_7d']) * 100:.1f} % below that of the week before" in said
        assert f"{trend[0]['name']} gained the most players in 7 days (+{trend[0]['players_gained_7d']:,.0f})" in said
        assert f"lost the most (−{-trend[-1]['players_gained_7d']:,.0f})" in said
        assert "leads the weekly US top sellers (52 weeks in a row on that chart)." in said
        seen.page.locator(".fresh-line summary").click()
        expect(seen.page.locator(".fresh-line li", has_text="Most played")).to_contain_text("3 gaps")
    with visit(browser, three.as_uri()) as seen:
        seen.to("overview")
        said = seen.page.locator(".lead").inner_text()
        assert "week before" not in said and "gained" not in said


def test_the_line_is_the_weekly_mean_and_its_days_are_a_band(browser: Browser, file: Path, three: Path) -> None:
    """Days are shown instead if selected, or if there are too few for a mean."""
    with visit(browser, file.as_uri()) as seen:
        for view in ("overview", "games?ids=450"):
            seen.to(view)
            plot = seen.page.locator(".panel:has(.segmented)").first
            expect(plot.locator("path.band")).to_have_count(1)
            plot.get_by_role("button", name="Daily", exact=True).click()
            plot = seen.page.locator(".panel:has(.segmented)").first
            expect(plot.locator("path.line")).to_have_count(1)
            expect(plot.locator("path.band")).to_have_count(0)
        assert "line=daily" in seen.page.url
    with visit(browser, three.as_uri()) as seen:
        seen.to("games?ids=450")
        expect(seen.page.get_by_role("button", name="Daily", exact=True)).to_have_attribute("aria-pressed", "true")
        expect(seen.page.locator("path.band")).to_have_count(0)


def test_every_day_with_an_article_is_marked(browser: Browser, file: Path) -> None:
    """Days are marked all year, though the page has only the newest 4,000 of 10,400 headlines."""
    year, game = MarketYear(), 450
    news = [one for one in year._news() if one["app_id"] == game and one["day"] >= year.days[0]]
    kinds = [
        (one["day"], "patch" if one["is_patch_notes"] else "update" if one["is_update"] else "other")
        for one in news
        if one["day"] <= LAST_DAY
    ]
    with visit(browser, file.as_uri()) as seen:
        seen.to(f"games?ids={game}&range=all")
        for kind in ("patch", "update", "other"):
            days = {day for day, own in kinds if own == kind}
            expect(seen.page.locator(f".plot .event-mark.{kind}")).to_have_count(len(days))
        seen.to(f"games?ids={game}&range=all&at={min(kinds)[0]}")
        expect(seen.page.locator(".tip").first).to_contain_text("headline not in this page")
        panel = seen.page.locator(".panel", has_text="Players around updates")
        assert panel.locator("tbody tr").count() > 0


@pytest.mark.nightly
def test_bars_are_drawn_on_the_scale_below_them(browser: Browser, file: Path) -> None:
    """Shares range from 0 to 100 %, whatever the maximum; movers extend both ways from a shared zero."""
    with visit(browser, file.as_uri()) as seen:
        for view in ("overview", "reviews", "traffic"):
            seen.to(view)
            checked = 0
            for bars in seen.page.locator(".bars:not(:has(.centred))").all():
                for item in bars.locator("li").all():
                    share = float(item.locator(".bar-value").inner_text().split(" %")[0])
                    assert width_of(item.locator(".bar").get_attribute("style")) == pytest.approx(share, abs=0.06)
                    checked += 1
            assert checked >= 5
        seen.to("overview")
        movers = seen.page.locator(".bars:has(.centred)")
        expect(movers).to_have_count(1)
        gains, widths = [], []
        for item in movers.locator("li").all():
            gain = re.search(r"([+−])([\d,]+)", item.locator(".bar-value").inner_text())
            style = item.locator(".bar").get_attribute("style")
            assert gain is not None and style is not None
            gains.append(float(gain[2].replace(",", "")) * (1 if gain[1] == "+" else -1))
            widths.append(width_of(style))
            left = float(re.findall(r"left: ([\d.]+)%", style)[0])
            assert left == pytest.approx(50 if gains[-1] > 0 else 50 - widths[-1], abs=0.02)
        largest = max(map(abs, gains))
        assert widths == pytest.approx([abs(gain) / largest * 50 for gain in gains], abs=0.02)
        assert gains == sorted(gains, reverse=True)


def width_of(style: str | None) -> float:
    return float(re.findall(r"width: ([\d.]+)%", style or "")[0])


def test_positive_reviews_compare_the_games_of_both_weeks(browser: Browser, tmp_path: Path) -> None:
    """If a badly reviewed game enters and a well reviewed one leaves, that is not a change in sentiment."""
    weeks = (date(2026, 11, 3), date(2026, 11, 10))
    votes = {weeks[0]: {1: (900, 100), 2: (990, 10)}, weeks[1]: {1: (900, 100), 3: (100, 900)}}
    rows = [
        row(week_start=week, app_id=app, positive=up, negative=down, reviews=up + down, partition_key=week.isoformat())
        for week, games in votes.items()
        for app, (up, down) in games.items()
    ]
    with visit(browser, page_of(tmp_path, insight_sentiment=rows)) as seen:
        seen.to("overview")
        tile = seen.page.locator(".tile", has_text="Positive reviews")
        expect(tile.locator(".big")).to_have_text("50.0 %")
        expect(tile).to_contain_text("±0.0 points in the 1 game reviewed in both weeks")


def test_visits_are_compared_per_day(browser: Browser, tmp_path: Path) -> None:
    """Equal daily visits in January and February are no decline, though February is three days shorter."""
    rows = [
        row(month=month, visits=days * 5_000_000, kind="estimate", partition_key=month.isoformat())
        for month, days in ((date(2026, 1, 1), 31), (date(2026, 2, 1), 28))
    ]
    with visit(browser, page_of(tmp_path, visits=rows)) as seen:
        seen.to("overview")
        expect(seen.page.locator(".tile", has_text="Visits to the store")).to_contain_text("±0.0 % per day")


def page_of(folder: Path, **tables: list[dict[str, Any]]) -> str:
    """The URL of a page built from these tables only."""
    data = {name: pa.Table.from_pylist(rows, schema=schemas()[name]) for name, rows in tables.items()}
    where = folder / "page.html"
    where.write_text(render(DashboardData(data)), encoding="utf-8")
    return where.as_uri()


def test_a_games_first_days_are_first_seen_and_nothing_is_longer_than_collected(browser: Browser, three: Path) -> None:
    """Three days are not called 30, nor two weeks 26; a game that appears on the third day is not called new."""
    with visit(browser, three.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            texts = seen.page.locator("main").inner_text()
            for found in re.findall(r"(?:Last|over|of) (\d+) (day|week)s", texts):
                assert int(found[0]) <= {"day": 7, "week": 2}[found[1]] or "12 week" in texts, (view, found)
        seen.to("games")
        expect(seen.page.get_by_role("columnheader", name="Last 3 days")).to_have_count(1)
        rows = seen.csv_of("Most played")
        arrived = [line for line in rows if not line["rank_change_1d"]]
        assert {line["status"] for line in arrived} <= {"first_seen"}


@pytest.mark.parametrize("lake", rest_nightly(["file", "three"]))
def test_axis_labels_differ_and_a_baseline_that_is_not_zero_is_marked(
    browser: Browser, lake: str, request: pytest.FixtureRequest
) -> None:
    """This holds on every chart of every view, at both widths."""
    page: Path = request.getfixturevalue(lake)
    for width in (375, 1440):
        with visit(browser, page.as_uri(), width) as seen:
            for view in (*VIEWS, "games?ids=450,460&metric=index", "games?ids=450&metric=rank"):
                seen.to(view)
                for host in seen.page.locator(".panel-body:has(.plot)").all():
                    lowest = []
                    for plot in host.locator(".plot").all():
                        labels = plot.locator("text.value").all_text_contents()
                        assert len({*labels}) == len(labels) >= 2, (view, labels)
                        lowest.append(labels[0])
                    cut = [low for low in lowest if not re.fullmatch(r"\$?[01](?: %)?", low)]
                    assert host.locator(".axis-break").count() == len(cut), (view, lowest)
                    assert host.get_by_text("The vertical axis starts at").count() == len(cut), (view, lowest)


@pytest.mark.nightly
def test_a_narrow_range_of_shares_has_labels_that_differ(browser: Browser, tmp_path: Path) -> None:
    """63.1, 63.2 and 63.3 % are not all labelled 63 %."""
    weeks = [date(2026, 10, 27), date(2026, 11, 3), date(2026, 11, 10)]
    rows = [
        row(week_start=week, app_id=1, positive=6310 + 10 * n, negative=3690 - 10 * n, partition_key=week.isoformat())
        for n, week in enumerate(weeks)
    ]
    with visit(browser, page_of(tmp_path, insight_sentiment=rows)) as seen:
        seen.to("reviews")
        labels = seen.page.locator(".plot").nth(1).locator("text.value").all_text_contents()
        assert len({*labels}) == len(labels) >= 3
        assert all(62 < float(label.removesuffix(" %")) < 64 for label in labels)


KINDS = {
    "number": r"-?\d+(?:\.\d+)?(?:e-?\d+)?",
    "day": r"\d{4}-\d\d-\d\d",
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "truth": "true|false",
}
TEXTS = {"name", "title", "text", "feed", "url"}
"""Columns of free text, which may look like anything."""


@pytest.mark.nightly
def test_every_csv_is_data_and_says_where_each_row_comes_from(browser: Browser, file: Path) -> None:
    """In every view, each column has values of one type and each row names its table and partition."""
    tables = {table.name for source in SOURCES for table in source.tables}
    keys = {name: {*table["partition_key"].to_pylist()} for name, table in MarketYear().data().tables.items()}
    saved = 0
    for view in VIEWS:
        # A browser asks before it saves more than ten files per visit.
        with visit(browser, file.as_uri()) as seen:
            seen.to(view)
            for button in seen.page.locator("[data-csv]").all():
                name, rows = seen.sheet(button)
                saved += 1
                assert rows, name
                for column in rows[0]:
                    values = {line[column] for line in rows} - {""}
                    found = {kind_of(value) for value in values}
                    assert len(found) <= 1 or column in TEXTS, (view, name, column, sorted(values)[:5])
                for line in rows:
                    table, key = line["trace_table"], line["trace_partition"]
                    if name == "freshness.csv":
                        assert (table in tables) == (line["state"] == "ok"), line
                    else:
                        assert key in keys[table if table in tables else f"insight_{table}"], (view, name, line)
    assert saved > 30


def kind_of(value: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, value)), "text")


@pytest.mark.nightly
def test_a_tables_numbers_are_aligned_with_their_headers(browser: Browser, file: Path) -> None:
    """Right-aligned numbers have right-aligned headers, and headers are not raw column names."""
    aligned = (
        "table => [...table.querySelectorAll('thead th')].map((head, place) => [head.textContent, "
        "getComputedStyle(head).textAlign, "
        "getComputedStyle(table.querySelector('tbody tr').children[place]).textAlign])"
    )
    with visit(browser, file.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            seen.page.evaluate("document.querySelectorAll('details.alt').forEach(one => { one.open = true; })")
            for table in seen.page.locator("main table:has(tbody tr)").all():
                for text, head, cell in table.evaluate(aligned):
                    sides = {"left": "left", "start": "left", "right": "right", "end": "right"}
                    assert sides[head] == sides[cell], (view, text)
                    assert not re.search(r"[a-z]_[a-z]", text), (view, text)


@pytest.mark.parametrize("width", rest_nightly([375, 768, 1440]))
def test_no_column_is_cut_off_and_those_left_out_are_named(browser: Browser, file: Path, width: int) -> None:
    with visit(browser, file.as_uri(), width) as seen:
        for view in VIEWS:
            seen.to(view)
            for box in seen.page.locator(".scroller:has(table.list)").all():
                assert box.evaluate("one => one.scrollWidth - one.clientWidth") <= 0, (view, box.inner_text()[:60])
                left_out = box.locator("thead th[hidden]").all_text_contents()
                for title in left_out:
                    note = box.locator("xpath=following-sibling::p")
                    expect(note).to_contain_text(title.rstrip(" ↑↓"))


@pytest.mark.nightly
def test_print_cuts_nothing_off(browser: Browser, file: Path) -> None:
    """On A4, no table is wider than its box, and bars, which are backgrounds, are printed."""
    with visit(browser, file.as_uri(), 794, color_scheme="light") as seen:
        seen.page.emulate_media(media="print")
        for view in VIEWS:
            seen.to(view)
            wide = (
                "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > "
                "document.documentElement.clientWidth + 1).map(one => one.textContent.slice(0, 60))"
            )
            assert seen.page.evaluate(wide) == [], view
            assert seen.page.evaluate("getComputedStyle(document.body).printColorAdjust") == "exact"


SHORT_AT_FIRST = """() => {
  const main = document.getElementById("main");
  main.style.display = "none";
  addEventListener("hashchange", () => setTimeout(() => { main.style.display = ""; }, 1000), { once: true });
}"""
"""The next view takes a moment to grow to its height, as on a slow computer."""


@pytest.mark.nightly
def test_back_returns_to_the_position_and_the_order(browser: Browser, file: Path) -> None:
    """After sorting, scrolling down and opening a game, Back restores the same view, even if its panels draw late."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games")
        seen.page.get_by_role("button", name="Show all 100").click()
        seen.page.get_by_role("button", name="7 days").click()
        first = seen.page.locator("tbody th").first.inner_text()
        seen.page.mouse.wheel(0, 1800)
        seen.until("window.scrollY > 1000 && history.state.y === window.scrollY")
        place = seen.page.evaluate("window.scrollY")
        seen.page.locator("tbody th a").nth(50).evaluate("one => one.click()")
        expect(seen.page.locator("h1")).not_to_have_text("Games")
        assert seen.page.evaluate("window.scrollY") == 0
        seen.page.evaluate(SHORT_AT_FIRST)
        seen.page.go_back()
        expect(seen.page.locator("h1")).to_have_text("Games")
        seen.until(f"Math.abs(window.scrollY - {place}) < 2")
        expect(seen.page.locator("tbody tr")).to_have_count(100)
        expect(seen.page.locator("tbody th").first).to_have_text(first)
        expect(seen.page.locator("th[aria-sort=descending]")).to_have_text(re.compile("7 days"))


SEARCHED = {
    "Counter-Strike 2": ("counter strike", "counterstrike", "cs2", "CS 2", "strike counter"),
    "Baldur's Gate 3": ("baldurs", "baldur’s gate", "bg3", "gate 3"),
    "Grand Theft Auto V": ("gta", "gta5", "gtav", "grand theft 5"),
    "FINAL FANTASY XIV Online": ("ff14", "ffxiv", "final fantasy 14"),
    "Tom Clancy's Rainbow Six® Siege": ("rainbow six siege", "tom clancys"),
    "POKÉMON Café": ("pokemon cafe",),
    "NieR:Automata™": ("nier automata", "nierautomata"),
    "遊戯王 マスターデュエル": ("遊戯王", "マスター"),
}


def named_games() -> Iterator[dict[str, Any]]:
    for rank, name in enumerate(SEARCHED, 1):
        sampled_at = datetime.combine(LAST_DAY, time(21), UTC)
        yield row(
            day=LAST_DAY, rank=rank, app_id=rank, name=name, players_now=9, players_peak=9, sampled_at=sampled_at,
            partition_key=LAST_DAY.isoformat(),
        )  # fmt: skip


@pytest.mark.nightly
def test_search_finds_games_however_they_are_written(browser: Browser, tmp_path: Path) -> None:
    """It ignores punctuation, accents, trademark signs and word order, and matches initials and Roman numerals."""
    with visit(browser, page_of(tmp_path, most_played=list(named_games()))) as seen:
        seen.to("games")
        for name, queries in SEARCHED.items():
            for query in queries:
                assert found(seen, query)[:1] == [name], query
        assert found(seen, "half life") == []
        assert found(seen, "!?") == []


def found(seen: Visit, query: str) -> list[str]:
    seen.page.locator("#game-search").fill(query)
    return seen.page.locator("#game-results bdi").all_text_contents()
