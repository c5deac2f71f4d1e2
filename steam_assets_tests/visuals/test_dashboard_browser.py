"""The dashboard in a browser: no injected script runs, nothing is fetched, everything is accessible and readable."""

from __future__ import annotations

import re
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from market_year import HOSTILE
from page_visit import VIEWS, Visit, visit
from playwright.sync_api import Browser, Locator, expect

from steam_assets_tests.visuals.conftest import CHROMIUM, FLAGS
from steam_assets_tests.waiting import in_time

pytestmark = pytest.mark.slow


def test_a_year_opens_within_two_seconds(browser: Browser, file: Path) -> None:
    """The time from opening the file to the first view drawn. There are three attempts, as the machine may be busy."""
    took = list[float]()
    while len(took) < 3 and not any(seconds < 2 for seconds in took):
        with visit(browser, file.as_uri(), color_scheme="light") as seen:
            started = time.perf_counter()
            seen.to("overview")
            took.append(time.perf_counter() - started)
    assert in_time(min(took), 2), took


def test_hostile_texts_are_shown_and_never_run(browser: Browser, file: Path) -> None:
    """On every view no script runs, nothing is fetched, the policy reports no violation, and the console is silent."""
    with visit(browser, file.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            seen.page.evaluate("document.querySelectorAll('.more:not([hidden])').forEach(more => more.click())")
            assert seen.page.locator("main script, main img, main iframe, main b b").count() == 0
            assert seen.page.locator("a[href^='javascript' i]").count() == 0
            assert seen.harm() == [None, 0], view
        assert seen.said == []
        assert {asked.split("#")[0] for asked in seen.asked} == {file.as_uri()}


def test_hostile_names_are_shown_literally(browser: Browser, file: Path) -> None:
    """They are plain text in the table of games, in the game's headline and in search results."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games")
        seen.page.get_by_role("button", name="Show all 100").click()
        listed = seen.page.locator("table .game bdi").evaluate_all("all => all.map(one => one.textContent)")
        assert {*HOSTILE} <= {*listed}
        for text in HOSTILE:
            seen.to("games")
            seen.page.locator("#game-search").fill(text)
            found = seen.page.locator("#game-results bdi").evaluate_all("all => all.map(one => one.textContent)")
            assert text in found, text
            seen.page.locator("#game-search").press("Enter")
            expect(seen.page.locator("h1")).to_have_text(re.compile(re.escape(text.split()[0])))
            assert seen.page.locator("h1").evaluate("one => one.textContent") == text
            assert seen.harm() == [None, 0], text


def test_over_http_the_page_requests_only_itself(browser: Browser, file: Path) -> None:
    """A web server receives one request, with none for an icon, style or script."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(file.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with visit(browser, f"http://127.0.0.1:{server.server_port}/{file.name}") as seen:
            for view in VIEWS:
                seen.to(view)
            assert seen.said == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert {*asked} == {f"/{file.name}"}


def test_each_view_has_an_address_and_the_back_button_returns(browser: Browser, file: Path) -> None:
    with visit(browser, file.as_uri()) as seen:
        seen.to("overview")
        for name, heading in (("Games", "Games"), ("Top sellers", "Top sellers"), ("News", "News")):
            seen.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
            expect(seen.page.locator("h1")).to_have_text(heading)
            expect(seen.page.locator("#tabs [aria-current=page]")).to_have_text(name)
        seen.page.go_back()
        expect(seen.page.locator("h1")).to_have_text("Top sellers")
        seen.page.go_back()
        seen.page.go_back()
        expect(seen.page.locator("h1")).to_have_text("Steam market")
        seen.page.go_forward()
        expect(seen.page.locator("h1")).to_have_text("Games")


def test_a_week_can_be_picked_and_kept_as_an_address(browser: Browser, file: Path) -> None:
    with visit(browser, file.as_uri()) as seen:
        seen.to("top-sellers")
        expect(seen.page.locator("#week")).to_have_value("2026-11-10")
        expect(seen.page.locator("#week-after")).to_be_disabled()
        seen.page.locator("#week-before").click()
        expect(seen.page.get_by_role("heading", name="Week of 2026-11-03 (Tuesday)")).to_be_visible()
        seen.page.locator("#week").focus()
        seen.page.locator("#week").select_option("2026-06-02")
        expect(seen.page.get_by_role("heading", name="Week of 2026-06-02 (Tuesday)")).to_be_visible()
        assert seen.page.url.endswith("#/top-sellers?week=2026-06-02")
        expect(seen.page.locator("#week")).to_be_focused()


@pytest.mark.nightly
def test_the_keyboard_reaches_tabs_search_and_points(browser: Browser, file: Path) -> None:
    """There is a skip link; arrows and Enter work in tabs, search and charts.

    Points are announced and focus is visible.
    """
    with visit(browser, file.as_uri()) as seen:
        seen.to("overview")
        page = seen.page
        page.keyboard.press("Tab")
        expect(page.locator("#skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.locator("#tab-overview").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#tab-games")).to_be_focused()
        assert page.locator("#tab-games").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Games")
        page.locator("#game-search").focus()
        page.keyboard.type("signal")
        expect(page.locator("#live")).to_have_text(re.compile(r"^\d+ games found$"))
        page.keyboard.press("ArrowDown")
        expect(page.locator("#game-results [aria-selected=true]")).to_have_count(1)
        page.keyboard.press("Enter")
        page.locator(".plot").first.focus()
        before = page.locator("#live").text_content()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#live")).not_to_have_text(before or "")
        expect(page.locator("#live")).to_have_text(re.compile(r"^2026-11-17: .*\d"))
        page.keyboard.press("Home")
        expect(page.locator(".plot").first).to_have_attribute("data-at", "0")


@pytest.mark.nightly
def test_up_to_four_games_share_a_chart(browser: Browser, file: Path) -> None:
    """The lines differ by more than colour and are labelled at their ends."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games?ids=400,410,420,430")
        expect(seen.page.locator(".plot path.line")).to_have_count(4)
        dashes = seen.page.locator(".plot path.line").evaluate_all(
            "all => all.map(one => one.getAttribute('stroke-dasharray'))"
        )
        assert len({*dashes}) == 4, "lines must be distinguishable without colour"
        places = seen.page.locator(".end-label").evaluate_all("all => all.map(one => Number(one.getAttribute('y')))")
        assert len(places) == 4 and all(lower - upper >= 14 for upper, lower in pairwise(sorted(places)))
        seen.page.get_by_role("button", name="Remove").first.click()
        expect(seen.page.locator(".chips li")).to_have_count(3)


@pytest.mark.nightly
def test_five_to_ten_games_have_separate_charts_with_one_scale(browser: Browser, file: Path) -> None:
    """An eleventh game cannot be added; linear and logarithmic axes have their own labels."""
    with visit(browser, file.as_uri()) as seen:
        seen.to(f"games?ids={','.join(str(400 + 10 * n) for n in range(11))}")
        expect(seen.page.locator(".chips li")).to_have_count(10)
        expect(seen.page.locator("#game-search")).to_be_disabled()
        for button in ("Linear", "Log"):
            seen.page.get_by_role("button", name=button, exact=True).click()
            expect(seen.page.get_by_role("button", name=button, exact=True)).to_have_attribute("aria-pressed", "true")
            expect(seen.page.locator(".multiples .plot")).to_have_count(10)
            charts = seen.page.evaluate(
                "[...document.querySelectorAll('.multiples .plot')]"
                ".map(one => [...one.querySelectorAll('text.value')].map(label => label.textContent))"
            )
            (labels,) = {tuple(of_one) for of_one in charts}
            assert len({*labels}) == len(labels) > 2
        assert "scale=log" in seen.page.url


def test_updates_are_marked_on_the_line_and_news_links_to_it(browser: Browser, file: Path) -> None:
    with visit(browser, file.as_uri()) as seen:
        seen.to("news?kind=patch")
        link = seen.page.get_by_role("link", name="show on chart").first
        link.click()
        expect(seen.page.locator(".event-mark.patch").first).to_be_attached()
        expect(seen.page.locator(".tip").first).to_contain_text("patch notes")
        expect(seen.page.locator(".day-events a").first).to_contain_text("update")


@pytest.mark.nightly
@pytest.mark.parametrize("lake", ["file", "empty_file"])
def test_nothing_is_wider_than_the_screen(browser: Browser, lake: str, request: pytest.FixtureRequest) -> None:
    """Whether it is opened on the narrowest screen or made wider step by step."""
    page: Path = request.getfixturevalue(lake)
    widths = (320, 375, 761, 780, 797, 1000, 1440)
    with visit(browser, page.as_uri(), widths[0]) as seen:
        for width in widths:
            seen.page.set_viewport_size({"width": width, "height": 900})
            for view in VIEWS:
                seen.to(view)
                wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert seen.page.evaluate(wide) == 0, (width, view)


@pytest.mark.nightly
def test_the_width_stays_the_same_when_the_page_is_taller_than_the_screen(
    browser: Browser, empty_file: Path, file: Path
) -> None:
    """An appearing scroll bar would redraw every chart while panels open."""
    with_bars = browser.browser_type.launch(
        executable_path=CHROMIUM, args=list(FLAGS), ignore_default_args=["--hide-scrollbars"]
    )
    widths: list[list[int]] = []
    for page, height in ((empty_file, 4000), (file, 900)):
        with visit(with_bars, page.as_uri(), viewport={"width": 1440, "height": height}) as seen:
            seen.to("traffic")
            measured = "[document.documentElement.scrollHeight > innerHeight, document.documentElement.clientWidth]"
            widths.append(seen.page.evaluate(measured))
    with_bars.close()
    assert [scrolls for scrolls, _ in widths] == [False, True]
    assert len({width for _, width in widths}) == 1


def test_a_charts_rows_are_saved_as_formula_safe_csv(browser: Browser, file: Path) -> None:
    """All rows are saved by RFC 4180.

    Names that start like a formula get an apostrophe; negative numbers are unchanged.
    """
    with visit(browser, file.as_uri()) as seen:
        seen.to("games")
        name, rows = seen.sheet(seen.page.get_by_role("button", name="Download CSV of Most played"))
    assert name == "player_trend.csv"
    names = {row["name"] for row in rows}
    assert len(rows) == 100
    assert "'=cmd|' /C calc'!A0" in names and "'+1+1 @SUM(1;2)" in names
    assert {"<!-- <script> --!>", "Line\u2028separator\u2029here", '"><img src=x onerror="window.pwned = 3">'} <= names
    assert not [name for name in names if name[0] in "=+-@\t\r"]
    falling = [row["peak_change_7d"] for row in rows if row["peak_change_7d"].startswith("-")]
    assert falling and all(float(value) < 0 for value in falling)


@pytest.mark.nightly
def test_every_panel_with_data_offers_csv_and_every_chart_a_table(browser: Browser, file: Path) -> None:
    with visit(browser, file.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            for panel in seen.page.locator(".panel").all():
                title = panel.locator(".panel-title").text_content()
                assert panel.locator("[data-csv]").count() == 1, title
                assert panel.locator("details.method-note").count() == 1, title
                expect(panel.locator(".panel-foot .facts").first).to_contain_text("UTC")
                if panel.locator(".plot").count():
                    assert panel.locator("details.alt, table.list").count() >= 1, title
        alternative = seen.page.locator("details.alt").first
        alternative.locator("summary").click()
        expect(alternative.locator("table caption")).to_be_visible()


def test_an_empty_lake_says_why_on_every_panel(browser: Browser, empty_file: Path) -> None:
    with visit(browser, empty_file.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            for panel in seen.page.locator(".panel").all():
                assert len(panel.locator(".empty").inner_text()) > 40, panel.inner_text()
        assert seen.said == []
        assert seen.harm() == [None, 0]


@pytest.mark.nightly
def test_a_screen_reader_finds_names_headings_and_landmarks(browser: Browser, file: Path) -> None:
    with visit(browser, file.as_uri()) as seen:
        for view in VIEWS:
            seen.to(view)
            levels = seen.page.locator("h1, h2, h3").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
            assert levels[0] == 1 and levels.count(1) == 1, view
            assert all(later - sooner <= 1 for sooner, later in pairwise(levels)), (view, levels)
            for landmark in ("main", "nav[aria-label]", "[role=status][aria-live=polite]"):
                assert seen.page.locator(landmark).count() == 1, landmark
            nameless = seen.page.locator("img, svg").evaluate_all(
                "all => all.filter(one => !one.closest('[aria-hidden=true]') && !one.getAttribute('aria-label'))"
                ".map(one => one.outerHTML.slice(0, 80))"
            )
            assert nameless == [], view
            unlabelled = seen.page.locator("input, select").evaluate_all(
                "all => all.filter(one => !one.labels.length).length"
            )
            assert unlabelled == 0, view
            silent = seen.page.locator("button, a").evaluate_all(
                "all => all.filter(one => !one.textContent.trim() && !one.getAttribute('aria-label')).length"
            )
            assert silent == 0, view
            assert seen.page.locator("table:not(:has(caption))").count() == 0, view
            assert seen.page.locator("[id]").evaluate_all("all => all.length === new Set(all.map(one => one.id)).size")


@pytest.mark.nightly
def test_colours_follow_the_system_and_the_button(browser: Browser, file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, file.as_uri(), color_scheme="dark") as seen:
        seen.to("overview")
        dark = seen.page.evaluate(ground)
        seen.page.get_by_role("button", name="Switch to light colours").click()
        light = seen.page.evaluate(ground)
        assert light != dark
        seen.page.reload()
        seen.page.wait_for_selector("html[data-ready]")
        assert seen.page.evaluate(ground) == light
    with visit(browser, file.as_uri(), color_scheme="light") as seen:
        seen.to("overview")
        assert seen.page.evaluate(ground) == light


@pytest.mark.nightly
def test_a_table_that_scrolls_can_be_scrolled_by_keyboard(browser: Browser, file: Path) -> None:
    """On a narrow screen a wide table is a named region in the tab order; where it fits, it is no tab stop."""
    for width, stops in ((280, 1), (1440, 0)):
        with visit(browser, file.as_uri(), width) as seen:
            seen.to("reviews?app=450")
            box = seen.page.locator(".panel", has_text="Lifetime totals").locator(
                ".scroller[tabindex='0'][role=region]"
            )
            expect(box).to_have_count(stops)


def test_gaps_and_dropped_rows_are_reported(browser: Browser, file: Path) -> None:
    """The first view lists missing days with reasons and the number of unusable items."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("overview")
        panel = seen.page.locator(".panel", has_text="Collected periods")
        expect(panel).to_contain_text("Most played, 2026-10-08 to 2026-10-09: gap: Only the present can be asked.")
        expect(panel.locator(".calendar-row", has_text="News")).to_contain_text("52 quarantined")
        expect(panel.locator(".calendar-row", has_text="Reviews")).to_contain_text("none quarantined")
        expect(panel.locator(".cell.missing")).to_have_count(3)
        expect(panel.locator(".cell.late")).to_have_count(1)


@pytest.mark.nightly
def test_each_chart_is_saved_as_a_picture_with_its_source(browser: Browser, file: Path) -> None:
    """The SVG has no external style or script and looks alike in every program. It and the PNG name what they show."""
    for view in VIEWS:
        with visit(browser, file.as_uri()) as seen:
            seen.to(view)
            expect(seen.page.locator(".panel:has(.plot) [data-svg]")).to_have_count(
                seen.page.locator(".panel:has(.plot)").count()
            )
            for button in seen.page.locator(".panel:has(.plot) [data-svg]").all():
                drawn = fromstring(saved(seen, button, ".svg"))
                texts = [one.text or "" for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
                assert texts[-1].startswith("Source: ") and "as of 2026-11-18" in texts[-1]
                assert not [one for one in drawn.iter() if one.get("class") or one.get("style") or one.tag == "script"]
                widest = [float(one.get("width", 0)) for one in drawn.iter("{http://www.w3.org/2000/svg}svg")]
                assert max(widest[1:]) + 32 == widest[0], "a chart wider than the picture is cut off"
            assert seen.harm() == [None, 0]
    with visit(browser, file.as_uri()) as seen:
        seen.to("games?ids=450,460")
        content = saved(seen, seen.page.locator("[data-png]"), ".png")
        assert content.startswith(b"\x89PNG") and len(content) > 20_000


def saved(seen: Visit, button: Locator, ending: str) -> bytes:
    with seen.page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename.endswith(ending)
    return Path(download.value.path()).read_bytes()


def test_the_watchlist_survives_a_reload(browser: Browser, file: Path) -> None:
    """They are kept in the browser's storage: after a reload the filter shows only them."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games?show=watched")
        expect(seen.page.locator(".empty")).to_contain_text("watchlist")
        seen.to("games?ids=450")
        seen.page.get_by_role("button", name="Watch").click()
        expect(seen.page.get_by_role("button", name="Watch")).to_have_attribute("aria-pressed", "true")
        seen.to("games?show=watched")
        seen.page.reload()
        expect(seen.page.locator("tbody tr")).to_have_count(1)


@pytest.mark.nightly
def test_without_javascript_the_top_of_charts_and_scores_are_tables(browser: Browser, file: Path) -> None:
    """Names are shown as plain text, changes with their signs."""
    with visit(browser, file.as_uri(), java_script_enabled=False) as seen:
        seen.page.goto(file.as_uri())
        tables = seen.page.locator("noscript table")
        expect(tables).to_have_count(3)
        for table in tables.all():
            expect(table.locator("tbody tr")).to_have_count(20)
        expect(tables.first).to_contain_text("<script>window.pwned = 1</script>")
        assert re.search(r"[+−]\d+\.\d %", tables.first.inner_text())
