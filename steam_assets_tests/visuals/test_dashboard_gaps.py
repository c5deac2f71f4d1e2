"""What was not collected shows as a gap, and what was collected as it was: sparklines, months, sales, large numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from chart_year import row, schemas
from page_visit import visit
from playwright.sync_api import Browser, Locator, expect

from steam_assets.visuals.dashboard import DashboardData, render
from steam_assets.visuals.dashboard.payload import payload
from steam_assets.visuals.dashboard.plain_tables import plain_tables
from steam_assets_tests.nightly import rest_nightly

LIMITS = {"articles": 0, "effects": 0}
DAY = date(2026, 11, 16)
WEEK = date(2026, 11, 10)


def data_of(**tables: list[dict[str, Any]]) -> DashboardData:
    """The dashboard's data with these tables only; a row's partition is its period."""
    keyed = {
        name: [row(partition_key=str(one.get("day") or one.get("week_start") or one["month"])) | one for one in rows]
        for name, rows in tables.items()
    }
    return DashboardData({name: pa.Table.from_pylist(rows, schema=schemas()[name]) for name, rows in keyed.items()})


def address(folder: Path, data: DashboardData) -> str:
    where = folder / "page.html"
    where.write_text(render(data), encoding="utf-8")
    return where.as_uri()


def charted(day: date, price: int | None = None, discount: int | None = None) -> dict[str, Any]:
    return row(
        day=day, rank=1, app_id=1, name="Game", is_free=False, players_now=9, players_peak=9,
        sampled_at=datetime(day.year, day.month, day.day, 21, tzinfo=UTC), final_price_cents=price,
        discount_percent=discount,
    )  # fmt: skip


def lines(spark: Locator) -> int:
    """Into how many lines the known values of a sparkline are broken."""
    return (spark.locator("path.line").get_attribute("d") or "").count("M")


@pytest.mark.slow
def test_sparklines_break_at_what_was_not_collected(browser: Browser, tmp_path: Path) -> None:
    """Two days, and two weeks, on each side of a gap are two lines, whatever the sparkline shows."""
    days = [DAY - timedelta(n) for n in (5, 4, 1, 0)]
    weeks = [WEEK - timedelta(7 * n) for n in (5, 4, 1, 0)]
    data = data_of(
        insight_market_day=[row(day=day, games=1, players_now=9, players_peak_sum=day.day) for day in days],
        insight_sentiment=[row(week_start=week, app_id=1, positive=week.day, negative=9, reviews=9) for week in weeks],
        insight_review_scores=[
            row(week_start=WEEK, app_id=1, off_topic_included=False, total_positive=9, total_negative=1)
            | row(total_reviews=10, positive_share=0.9, adjusted_score=0.7)
        ],
        insight_top_seller_moves=[
            row(week_start=week, app_id=1, rank=week.day, status="same", weeks_on_chart=1, best_rank=1)
            for week in weeks
        ],
    )
    with visit(browser, address(tmp_path, data)) as seen:
        seen.to("overview")
        for tile in ("Players, sum of daily peaks", "Positive reviews"):
            assert lines(seen.page.locator(".tile", has_text=tile).locator(".spark")) == 2, tile
        seen.to("reviews")
        assert lines(seen.page.locator(".panel", has_text="Scores").locator(".spark").first) == 2
        seen.to("top-sellers")
        expect(seen.page.get_by_role("columnheader", name="Last 6 weeks")).to_have_count(1)
        assert lines(seen.page.locator(".spark").first) == 2
        assert seen.said == []


@pytest.mark.slow
def test_months_that_were_not_collected_keep_their_place(browser: Browser, tmp_path: Path) -> None:
    """Of five months, the fourth is missing: its place is empty, and says so."""
    months = [date(2026, month, 1) for month in (6, 7, 8, 10)]
    data = data_of(
        visits=[row(month=month, visits=month.month * 1000, kind="estimate") for month in months],
        insight_traffic_vs_players=[
            row(month=month, visits=9000, visits_kind="estimate", mean_daily_players=9.0, visits_per_player=2.0)
            | row(days_collected=30, days_in_month=30)
            for month in months
        ],
    )
    with visit(browser, address(tmp_path, data)) as seen:
        seen.to("traffic")
        for title in ("Visits per month", "Visits and players"):
            plot = seen.page.locator(".panel", has=seen.page.locator("h2", has_text=title)).locator(".plot").first
            expect(plot.locator("rect.area")).to_have_count(4)
            plot.focus()
            plot.press("ArrowLeft")
            expect(plot.locator(".tip")).to_contain_text("Sep 2026")
            expect(plot.locator(".tip")).to_contain_text("no data")
        assert seen.said == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("between", "expected"),
    rest_nightly(
        [
            ({2: 0, 3: 0}, ["2026-11-01 to 2026-11-01", "2026-11-09 to 2026-11-09"]),  # at full price meanwhile
            ({}, ["2026-11-01 to 2026-11-09"]),  # seven days without data
            ({1: 50, 7: 50}, ["2026-11-01 to 2026-11-09"]),
        ],
        several=True,
    ),
)
def test_a_sale_ends_with_a_known_day_without_it_and_not_with_a_gap(
    browser: Browser, tmp_path: Path, between: dict[int, int], expected: list[str]
) -> None:
    """Days without data do not end a sale, up to seven in a row."""
    first, last = date(2026, 11, 1), date(2026, 11, 9)
    discounts = {first: 50, **{first + timedelta(n): off for n, off in between.items()}, last: 50}
    chart = [charted(day, 500 if off else 1000, off or None) for day, off in discounts.items()]
    with visit(browser, address(tmp_path, data_of(most_played=chart))) as seen:
        seen.to("games?ids=1&range=all")
        sales = seen.csv_of("Price and sales")
        assert len(sales) == len(discounts)
        rows = seen.page.locator(".panel", has_text="Price and sales").locator("table", has_text="Discount").first
        found = [" to ".join(one.locator(".date").all_inner_texts()) for one in rows.locator("tbody tr").all()]
        assert sorted(found) == expected


def test_a_price_in_another_currency_is_not_shown_in_dollars() -> None:
    """On a day on which the store answers in yen, the price is that of the chart, in dollars, or unknown."""
    offer = row(app_id=1, country="US", offer_kind="package", offer_id=1, is_best=True)
    days = [DAY - timedelta(2), DAY - timedelta(1), DAY]
    data = data_of(
        most_played=[charted(days[0], 1999), charted(days[1], 1999), charted(days[2])],
        store_prices=[
            offer | row(day=day, final_price=price, currency=currency)
            for day, price, currency in ((days[0], 1899, "USD"), (days[1], 240_000, "JPY"), (days[2], 3000, "KWD"))
        ],
    )
    prices = payload(data, LIMITS)["prices"]
    assert list(zip(prices["price"], prices["store"], strict=True)) == [(1899, 1), (1999, 0)]


def test_large_numbers_keep_the_digits_that_are_shown() -> None:
    """A mean of millions of players is not rounded to tens or hundreds, as its digits are shown to the last."""
    market = row(day=DAY, games=100, players_now=9, players_peak_sum=9, peak_sum_7d_mean=12_345_678.4)
    market |= row(peak_change_7d=0.123456789, players_gained_7d=-123_456.6)
    columns = payload(data_of(insight_market_day=[market]), LIMITS)["panels"]["market"]["columns"]
    assert columns["peak_sum_7d_mean"] == [12_345_678]
    assert columns["players_gained_7d"] == [-123_457]
    assert columns["peak_change_7d"] == [0.12346]


def test_the_largest_shares_of_top_sellers_are_listed_though_nobody_plays_them() -> None:
    """A publisher of many top sellers that are on no chart of players is not cut off behind sixty small ones."""
    labels = [(f"Publisher {n}", 100 - n, 0) for n in range(80)] + [("Bundles", 0, 40)]
    shares = [
        row(
            week_start=WEEK, kind="publisher", label=label, games=1, players=float(players), players_share=players / 9e3
        )
        | row(places=places, places_share=places / 100)
        for label, players, places in labels
    ]
    columns = payload(data_of(insight_market_share=shares), LIMITS)["panels"]["shares"]["columns"]
    assert "Bundles" in columns["label"]
    assert 60 <= len(columns["label"]) < len(labels)


def test_an_app_that_left_the_store_has_no_price_of_before_and_its_newest_name() -> None:
    """Whether it is free is unknown, as its price is, once the newest chart does not say; its last name stays."""
    earlier, week_before = DAY - timedelta(1), WEEK - timedelta(7)
    renamed = [
        row(week_start=week, app_id=7, name=name, positive=1, negative=0, reviews=1)
        for week, name in ((week_before, "Old name"), (WEEK, "New name"))
    ]
    left = charted(DAY) | row(is_free=None, name=None)
    data = data_of(most_played=[charted(earlier, 1999, 50), left], insight_sentiment=renamed)
    apps = payload(data, LIMITS)["apps"]
    facts = {app: {column: values[place] for column, values in apps.items()} for place, app in enumerate(apps["id"])}
    assert (facts[1]["name"], facts[1]["free"], facts[1]["price"], facts[1]["discount"]) == ("Game", None, None, None)
    assert facts[7]["name"] == "New name"


@pytest.mark.parametrize(
    ("change", "written"),
    [(0.1234, "+12.3 %"), (-0.05, "−5.0 %"), (-0.0004, "±0.0 %"), (0.0, "±0.0 %"), (None, "–")],
)
def test_a_change_that_rounds_to_nothing_has_no_direction(change: float | None, written: str) -> None:
    trend = row(day=DAY, app_id=1, name="Game", rank=1, players_peak=9, peak_change_7d=change)
    (table,) = plain_tables(data_of(insight_player_trend=[trend]))
    assert table.rows == [("1", "Game", "9", written, "–")]


@pytest.mark.slow
def test_a_week_in_which_nobody_gained_players_is_said_in_whole_sentences(browser: Browser, tmp_path: Path) -> None:
    """Changes of zero name no winner and no loser; a loser alone is a sentence of its own."""
    for gained, said in ((0.0, ""), (-5.0, "Game lost the most (−5). ")):
        trend = row(day=DAY, app_id=1, name="Game", rank=1, players_peak=9, players_gained_7d=gained)
        seller = row(week_start=WEEK, app_id=1, name="Game", rank=1, status="same", weeks_on_chart=1, best_rank=1)
        data = data_of(insight_player_trend=[trend], insight_top_seller_moves=[seller])
        with visit(browser, address(tmp_path, data)) as seen:
            seen.to("overview")
            expect(seen.page.locator(".lead")).to_have_text(f"{said}Game leads the weekly US top sellers.")
