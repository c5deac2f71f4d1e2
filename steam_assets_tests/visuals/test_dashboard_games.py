"""Games on the page: filters and order in the URL, event lanes, the brush, prices, and links to panels."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from chart_year import LAST_DAY, row, schemas
from market_year import HOSTILE, MarketYear
from page_visit import Visit, visit
from playwright.sync_api import Browser, Locator, expect

from steam_assets.visuals.dashboard import DashboardData, render

pytestmark = pytest.mark.slow


def ranks(seen: Visit) -> list[str]:
    return seen.page.locator("tbody tr td:first-child").all_inner_texts()


def test_filters_combine_and_are_in_the_address_with_the_order(browser: Browser, file: Path) -> None:
    """Filters survive a reload, free and paid replace each other, and one button clears all."""
    year = MarketYear()
    on_sale = {app for app, _ in year.charts[LAST_DAY] if year._store(app)["discount_percent"]}
    free = {app for app, _ in year.charts[LAST_DAY] if year._store(app)["is_free"]}
    with visit(browser, file.as_uri()) as seen:
        seen.to("games")
        press = seen.page.get_by_role("group", name="Show")
        press.get_by_role("button", name="Paid").click()
        press.get_by_role("button", name="Discounted").click()
        expect(seen.page.locator("tbody tr")).to_have_count(len(on_sale))
        seen.page.get_by_role("button", name="28 days").click()
        assert seen.page.url.endswith("#/games?show=paid,discounted&sort=-month")
        order = ranks(seen)
        assert order != sorted(order, key=int)
        seen.page.reload()
        expect(seen.page.locator("th[aria-sort=descending]")).to_have_text(re.compile("28 days"))
        assert ranks(seen) == order
        assert {int(line["app_id"]) for line in seen.csv_of("Most played")} == on_sale
        press.get_by_role("button", name="Discounted").click()
        press.get_by_role("button", name="Free").click()
        assert "show=free&" in seen.page.url
        assert {int(line["app_id"]) for line in seen.csv_of("Most played")} == free
        seen.page.get_by_role("button", name="Clear filters").click()
        expect(seen.page.get_by_role("button", name="Show all 100")).to_be_visible()
        first = seen.page.locator("tbody tr").first
        for name, host in (("Store", "store.steampowered.com"), ("SteamDB", "steamdb.info")):
            expect(first.get_by_role("link", name=name, exact=True)).to_have_attribute(
                "href", re.compile(rf"^https://{re.escape(host)}/app/\d+/$")
            )
        expect(seen.page.get_by_role("columnheader", name=f"Highest since {year.days[0]}")).to_be_visible()


def test_each_games_events_have_a_lane_and_open_their_article(browser: Browser, file: Path) -> None:
    """A marker of one article links to it; one of several articles lists that day. Kinds of events can be hidden."""
    year = MarketYear()
    games = (440, 450, 600)
    with visit(browser, file.as_uri()) as seen:
        seen.to(f"games?ids={','.join(map(str, games))}")
        expect(seen.page.locator(".plot .lane")).to_have_count(len(games))
        news = {one["url"] for one in year._news() if one["app_id"] in games and LAST_DAY - timedelta(91) < one["day"]}
        links = seen.page.locator("a.event").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert links and {*links} <= {url for url in news if url.startswith("https:")}
        assert any(url.startswith("javascript:") for url in news)
        # Without a web address, the marker lists the day instead.
        seen.page.locator("g.event").first.click()
        expect(seen.page.locator(".day-events li", has_text="with fixes and").first).to_be_visible()
        seen.page.locator(".plot").first.focus()
        seen.page.keyboard.press("ArrowUp")
        seen.page.keyboard.press("Enter")
        day = seen.page.locator(".day-events h3").inner_text()
        told = {one["title"] for one in year._news() if one["app_id"] in games and one["day"].isoformat() == day}
        opened = seen.page.locator(".day-events li bdi").evaluate_all("all => all.map(one => one.textContent)")
        assert told <= {*opened}
        assert seen.page.evaluate("document.activeElement.closest('.day-events') !== null")
        seen.page.get_by_role("button", name="Press", exact=True).click()
        expect(seen.page.locator(".event-mark.other")).to_have_count(0)
        expect(seen.page.locator(".event-mark.patch").first).to_be_attached()
        assert "hide=other" in seen.page.url
        seen.to(f"games?ids={','.join(str(400 + 10 * n) for n in range(6))}")
        expect(seen.page.locator(".multiples .lane")).to_have_count(6)
        assert seen.harm() == [None, 0]


def drag(seen: Visit, start: float, end: float) -> None:
    """Drag across the brush, between two fractions of its width, until the page shows the dates."""
    before = seen.page.evaluate("location.hash")
    box = seen.page.locator(".brush").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    seen.page.mouse.move(box["x"] + start * box["width"], middle)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + end * box["width"], middle, steps=3)
    seen.page.mouse.up()
    seen.until(f"location.hash !== {before!r} && document.querySelector('.brush-words') !== null")


def chosen(seen: Visit) -> tuple[date, date]:
    found = re.search(r"from=([\d-]+)&to=([\d-]+)", seen.page.url)
    assert found is not None, seen.page.url
    return date.fromisoformat(found[1]), date.fromisoformat(found[2])


def test_updates_are_shown_by_their_headlines(browser: Browser, file: Path) -> None:
    """The cell adds only the number of further articles, with or without "patch notes"."""
    with visit(browser, file.as_uri()) as seen:
        seen.to("games?ids=450")
        panel = seen.page.locator(".panel", has=seen.page.get_by_role("heading", name="Players around updates"))
        cells = panel.locator("tbody .wrap").evaluate_all(
            "all => all.map(one => [one.querySelector('bdi')?.textContent, one.textContent])"
        )
        assert cells
        added = {told.removeprefix(title) for title, told in cells if title}
        assert added == {" and 1 more", " and 1 more patch notes"}


def test_the_brush_chooses_dates(browser: Browser, file: Path) -> None:
    """It works by dragging, moving and keys. Chart, table and URL follow; Back undoes it, and a range button clears it.

    Chart, table and URL follow, Back undoes it, and choosing a range ends it.
    """
    with visit(browser, file.as_uri()) as seen:
        seen.to("games?ids=450&range=all")
        drag(seen, 0.2, 0.4)
        first, last = chosen(seen)
        assert 70 <= (last - first).days <= 75
        assert "range=" not in seen.page.url
        days = [line["day"] for line in seen.csv_of("Daily peak players")]
        assert [min(days), max(days)] == [first.isoformat(), last.isoformat()]
        expect(seen.page.locator(".brush-words")).to_contain_text(f"{first} to {last}, {(last - first).days + 1} days")
        drag(seen, 0.3, 0.35)
        moved = chosen(seen)
        assert moved[0] > first and moved[1] - moved[0] == last - first
        seen.page.locator("#brush-to").focus()
        seen.page.keyboard.press("ArrowLeft")
        seen.page.keyboard.press("PageUp")
        seen.until(f"!location.hash.includes('to={moved[1]}')")
        assert chosen(seen) == (moved[0], moved[1] + timedelta(days=27))
        expect(seen.page.locator("#brush-to")).to_be_focused()
        seen.page.go_back()
        expect(seen.page.locator(".brush-words")).to_contain_text(f"{moved[0]} to {moved[1]}")
        seen.page.get_by_role("button", name="28 days", exact=True).click()
        assert "from=" not in seen.page.url and "range=28" in seen.page.url


def test_prices_are_those_of_the_collected_days(browser: Browser, file: Path) -> None:
    """Each sale has its days, price and a bar in the lane; the CSV has every day. Free games have no price panel."""
    year, game = MarketYear(), 440
    charted = [day for day, chart in year.charts.items() if game in dict(chart)]
    expected = {day.isoformat(): year._store(game, day) for day in charted}
    on_sale = [day for day in charted if year._store(game, day)["discount_percent"]]
    starts = [day for day in on_sale if not {day - timedelta(days=n) for n in range(1, 8)} & {*on_sale}]
    with visit(browser, file.as_uri()) as seen:
        seen.to(f"games?ids={game}&range=all")
        panel = seen.page.locator(".panel", has=seen.page.get_by_role("heading", name="Price and sales"))
        expect(panel.locator("tbody tr")).to_have_count(len(starts))
        assert panel.locator("tbody th").all_inner_texts() == [day.isoformat() for day in reversed(starts)]
        expect(panel.locator(".event-mark.sale")).to_have_count(len(starts))
        lines = {line["day"]: line for line in seen.csv_of("Price and sales")}
        assert {day: int(line["price_cents"]) for day, line in lines.items()} == {
            day: facts["final_price_cents"] for day, facts in expected.items()
        }
        assert {day for day, line in lines.items() if line["discount_percent"] != "0"} == {
            day.isoformat() for day in on_sale
        }
        free = next(app for app, _ in year.charts[LAST_DAY] if year._store(app)["is_free"])
        seen.to(f"games?ids={free}")
        expect(seen.page.get_by_role("heading", name="Price and sales")).to_have_count(0)


def test_a_link_to_a_panel_shows_it(browser: Browser, file: Path) -> None:
    """Every panel copies a URL that opens the same view with the focus on this panel."""
    with visit(browser, file.as_uri(), permissions=["clipboard-read", "clipboard-write"]) as seen:
        seen.to("games?ids=450&metric=index")
        expect(seen.page.locator(".panel [data-link]")).to_have_count(seen.page.locator(".panel").count())
        copied = copied_by(seen, seen.page.get_by_role("button", name="Copy link to Players around updates"))
        assert copied.endswith("#/games?ids=450&metric=index&panel=players-around-updates")
        expect(seen.page.locator("#live")).to_have_text("Link copied")
        seen.page.goto("about:blank")
        seen.page.goto(copied)
        heading = seen.page.get_by_role("heading", name="Players around updates")
        expect(heading).to_be_focused()
        expect(heading).to_be_in_viewport()
        expect(seen.page.get_by_role("button", name="Index", exact=True)).to_have_attribute("aria-pressed", "true")
        seen.page.get_by_role("button", name="Rank", exact=True).click()
        assert "panel=" not in seen.page.url


def copied_by(seen: Visit, button: Locator) -> str:
    button.click()
    seen.until("document.getElementById('live').textContent === 'Link copied'")
    return seen.page.evaluate("navigator.clipboard.readText()")


def collected() -> dict[str, pa.Table]:
    """Three charted games by two makers, with their store facts."""
    at = datetime.combine(LAST_DAY, time(21), UTC)
    charted = [
        row(
            day=LAST_DAY, rank=app, app_id=app, name=f"Game {app}", players_now=9, players_peak=9, sampled_at=at,
            partition_key=LAST_DAY.isoformat(),
        )
        for app in (1, 2, 3)
    ]  # fmt: skip
    kept = schemas()
    chart = pa.Table.from_pylist(charted, schema=kept["most_played"])
    for name, values in (("developers", [["A & B"], ["C"], None]), ("publishers", [["P"], ["P", HOSTILE[0]], []])):
        chart = chart.drop_columns([name] if name in chart.column_names else [])
        chart = chart.append_column(name, pa.array(values, pa.list_(pa.string())))
    trend = [
        row(day=LAST_DAY, app_id=app, name=f"Game {app}", rank=app, status="same", players_peak=9,
            partition_key=LAST_DAY.isoformat())
        for app in (1, 2, 3)
    ]  # fmt: skip
    return {
        "most_played": chart,
        "insight_player_trend": pa.Table.from_pylist(trend, schema=kept["insight_player_trend"]),
        "store_facts": pa.table({"app_id": [1], "released_at": [datetime(2020, 2, 29, 17, tzinfo=UTC)]}),
        "store_tags": pa.table({"app_id": [1, 1, 2], "tag": ["Action", "Co-op", "Action"], "weight": [9, 8, 7]}),
        "country_sellers": pa.table(
            {"app_id": [1, 1], "week_start": [date(2026, 11, 10)] * 2, "country": ["US", "JP"], "rank": [7, 2]}
        ),
    }


def test_makers_tags_and_countries_fill_their_panels(browser: Browser, tmp_path: Path) -> None:
    """Chips and facts link to all games of a maker or tag. Without data, one line says what is missing."""
    tables = collected()
    page = tmp_path / "store.html"
    page.write_text(render(DashboardData(tables)), encoding="utf-8")
    with visit(browser, page.as_uri()) as seen:
        seen.to("games?ids=1")
        facts = seen.page.locator(".facts-list")
        expect(facts.locator("dt:text-is('Released') + dd")).to_have_text("2020-02-29")
        expect(facts.locator("dt:text-is('Tags') + dd")).to_have_text("Action, Co-op")
        ranks = {line["country_code"]: line["rank"] for line in seen.csv_of("Rank by country")}
        assert ranks == {"JP": "2", "US": "7"}
        facts.get_by_role("link", name="A & B").click()
        assert seen.page.url.endswith("#/games?developer=A%20%26%20B")
        expect(seen.page.locator("tbody th")).to_have_text(["Game 1"])
        seen.page.get_by_label("Developer").select_option("")
        seen.page.get_by_label("Tag").select_option("Action")
        expect(seen.page.locator("tbody th")).to_have_text(["Game 1", "Game 2"])
        seen.page.get_by_label("Publisher").select_option(HOSTILE[0])
        expect(seen.page.locator("tbody th")).to_have_text(["Game 2"])
        assert seen.harm() == [None, 0]
    page.write_text(render(DashboardData({"most_played": tables["most_played"].drop_columns(["developers"])})))
    with visit(browser, page.as_uri()) as seen:
        seen.to("games?ids=1")
        expect(seen.page.locator(".facts-list dt", has_text="Tags")).to_have_count(0)
        missing = seen.page.locator("details.missing")
        missing.locator("summary").click()
        for place in ("Developer and publisher", "Release date", "Tags", "Rank by country", "Players through the day"):
            expect(missing.locator("li", has_text=place)).to_have_text(re.compile(r": .{20}"))
