"""The synthetic market is a function of its seed, looks realistic, and works at any scale."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests

from steam_assets.simulator import Simulator
from steam_assets.simulator.catalogue import Catalogue
from steam_assets.simulator.chance import Dice
from steam_assets.simulator.items import store_item
from steam_assets.simulator.market import Market, ReviewBomb
from steam_assets.simulator.stores import STORES, sale_of
from steam_assets.simulator.weeks import start_of, week_of
from steam_assets_tests.simulator.queries import (
    CHART,
    FINISHED_WEEK,
    NEWS,
    NOW,
    PLAYERS,
    REVIEWS,
    SELLERS,
    WEEK,
    WEEK_CHART,
    all_reviews,
    get,
    review_pages,
    review_query,
)
from steam_assets_tests.waiting import in_time

LATER = datetime(2027, 3, 2, 9, 30, tzinfo=UTC)

SCRIPTS = {
    "Chinese": ("\u4e00", "\u9fff"),
    "Arabic": ("\u0600", "\u06ff"),
    "Thai": ("\u0e00", "\u0e7f"),
    "Korean": ("\uac00", "\ud7a3"),
    "Cyrillic": ("\u0400", "\u04ff"),
    "emoji": ("\U0001f300", "\U0001faff"),
}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(seed=7, apps=100, now=NOW) as simulator:
        yield simulator


def finished_week(sim: Simulator) -> list[Any]:
    news = get(sim, NEWS, appid=730, count=40, enddate=FINISHED_WEEK + WEEK).json()["appnews"]["newsitems"]
    return [ranks_of(sim, FINISHED_WEEK), news, all_reviews(sim, 570)]


def ranks_of(sim: Simulator, start: int, country: str = "US") -> list[Any]:
    """A week's chart without its items, which depend on the request time."""
    chart = WEEK_CHART | {"start_date": start, "country_code": country, "context": {"country_code": country}}
    ranks = get(sim, SELLERS, chart).json()["response"]["ranks"]
    return [{name: value for name, value in entry.items() if name != "item"} for entry in ranks]


def reviews_of_week(sim: Simulator, app_id: int, start: int, **more: Any) -> list[dict[str, Any]]:
    return all_reviews(sim, app_id, date_range_start=start, date_range_end=start + WEEK - 1, **more)


def a_bomb() -> ReviewBomb:
    """The latest review bomb that is over at NOW."""
    market = Market(7, Catalogue(400))
    last = week_of(FINISHED_WEEK)
    return next(bomb for week in range(last, last - 40, -1) if (bomb := market.bomb(week)))


def test_a_finished_week_is_the_same_at_any_time_and_in_any_process(sim: Simulator) -> None:
    before = finished_week(sim)
    with Simulator(seed=7, apps=100, now=LATER) as another:
        assert finished_week(another) == before


def test_another_seed_is_another_market(sim: Simulator) -> None:
    with Simulator(seed=8, apps=100, now=NOW) as another:
        assert all(ours != theirs for ours, theirs in zip(finished_week(sim), finished_week(another), strict=True))


def test_countries_have_charts_of_their_own_with_much_in_common(sim: Simulator) -> None:
    """About half of the top ten is shared; some app is high in one country and on no other chart."""
    charts = {country: [entry["appid"] for entry in ranks_of(sim, FINISHED_WEEK, country)] for country in STORES}
    for country, chart in charts.items():
        assert len(chart) == len({*chart}) == 100
        assert country == "US" or 1 <= len({*chart[:10]} & {*charts["US"][:10]}) <= 9
    of_others = {
        country: {app for name, chart in charts.items() if name != country for app in chart} for country in charts
    }
    assert any(app not in of_others[country] for country, chart in charts.items() for app in chart[:60])


def test_prices_are_in_the_countrys_currency_and_drop_in_a_sale_until_its_end(sim: Simulator) -> None:
    """In the pipeline's form: hundredths, a text with the currency's sign, and the end of the discount."""
    market, now = Market(7, Catalogue(400)), int(NOW.timestamp())
    paid = [app for app in map(Catalogue(400).at, range(300)) if not app.free]
    sales = {app.app_id: sale for app in paid if (sale := sale_of(market.dice, app, now))}
    assert len(paid) / 20 < len(sales) < len(paid) / 4
    for app in paid:
        for store in STORES.values():
            offer = cast("dict[str, Any]", store_item(market.dice, app, store, now)["best_purchase_option"])
            final, sale = int(offer["final_price_in_cents"]), sales.get(app.app_id)
            assert f"{final // 100:,}" in offer["formatted_final_price"].replace(".", ",")
            if sale:
                assert final < int(offer["original_price_in_cents"]) and sale.start <= now < sale.end
                assert offer["active_discounts"][0]["discount_end_date"] == sale.end
                assert sale_of(market.dice, app, sale.end) is None
            else:
                assert "discount_pct" not in offer


def test_no_response_contains_the_future(sim: Simulator) -> None:
    later = int(LATER.timestamp())
    page = get(sim, REVIEWS, review_query(730, date_range_end=later)).json()["response"]
    news = get(sim, NEWS, appid=730, count=5, enddate=later).json()["appnews"]["newsitems"]
    now = NOW.timestamp()
    assert now - 3600 < max(review["timestamp_created"] for review in page["reviews"]) <= now
    assert all(review["timestamp_updated"] <= now for review in page["reviews"])
    assert all(item["date"] <= now for item in news)


def test_new_apps_and_returning_ones_come_into_the_chart_each_month(sim: Simulator) -> None:
    entries = Counter[str]()
    for back in range(8):
        week = WEEK_CHART | {"start_date": FINISHED_WEEK - back * WEEK}
        for entry in get(sim, SELLERS, week).json()["response"]["ranks"]:
            entries["new"] += entry.get("first_top100", False)
            entries["returning"] += "last_week_rank" not in entry and "first_top100" not in entry
            entries["up"] += entry.get("last_week_rank", 0) > entry["rank"]
            entries["long"] += entry["consecutive_weeks"] > 50
    assert entries["new"] >= 1 and entries["returning"] >= 8 and entries["up"] > 100 and entries["long"] > 100


def test_the_off_topic_days_of_a_review_bomb_are_hidden_unless_asked_for(sim: Simulator) -> None:
    bomb = a_bomb()
    app_id, start = Catalogue(400).at(bomb.slot).app_id, start_of(week_of(bomb.start))
    shown = reviews_of_week(sim, app_id, start)
    everything = reviews_of_week(sim, app_id, start, filter_offtopic_activity=False)
    hidden = [review for review in everything if bomb.start <= review["timestamp_created"] < bomb.end]
    assert len(hidden) > 3 * len(shown) > 0
    assert [review for review in everything if review not in hidden] == shown
    assert sum(review["voted_up"] for review in hidden) < 0.3 * len(hidden)
    assert sum(review["voted_up"] for review in shown) > 0.5 * len(shown)


def test_reviews_have_the_languages_and_quirks_of_real_ones(sim: Simulator) -> None:
    reviews = [
        r
        for app in (730, 570, 578080)
        for back in range(3)
        for r in reviews_of_week(sim, app, FINISHED_WEEK - back * WEEK)
    ]
    texts = " ".join(review["review"] for review in reviews)
    assert len({review["language"] for review in reviews}) >= 12
    for script, (first, last) in SCRIPTS.items():
        assert any(first <= sign <= last for sign in texts), script
    assert "[h1]" in texts and "\n" in texts and any(review["review"] == "" for review in reviews)
    assert {type(review["weighted_vote_score"]) for review in reviews} >= {str, float}
    assert any(review["votes_funny"] == 4294967295 for review in reviews)
    assert any("playtime_at_review" not in review["author"] for review in reviews)
    assert all(isinstance(review["author"]["steamid"], str) for review in reviews)
    assert max(len(review["review"]) for review in reviews) > 2000


def test_a_market_of_a_hundred_thousand_apps_and_a_billion_reviews_responds_at_once() -> None:
    with Simulator(seed=7, apps=100_000, reviews_per_app_week=1000, now=NOW) as sim:
        begun = time.monotonic()
        sampled = [Catalogue(100_000).at(slot).app_id for slot in range(500, 100_000, 5_000)]
        ever = {"date_range_start": 1, "date_range_end": int(NOW.timestamp()), "num_per_page": 1}
        totals = [
            get(sim, REVIEWS, review_query(app_id, **ever)).json()["response"]["total_matching"] for app_id in sampled
        ]
        assert sum(totals) / len(totals) * 100_000 > 1e9
        assert get(sim, NEWS, appid=sampled[-1]).json()["appnews"]["count"] > 0
        assert len(all_reviews(sim, sampled[-1])) > 1
        assert in_time(time.monotonic() - begun, 30)


@pytest.mark.parametrize("hide_off_topic", [True, False])
def test_lifetime_totals_are_the_number_of_reviews_that_paging_finds(hide_off_topic: bool) -> None:
    ever = {"date_range_start": 1, "date_range_end": FINISHED_WEEK + 100_000}
    with Simulator(seed=7, apps=100, reviews_per_app_week=2, now=NOW) as sim:
        pages = review_pages(sim, 431960, filter_offtopic_activity=hide_off_topic, **ever)
    found = [review for page in pages for review in page.get("reviews", ())]
    assert pages[0]["total_matching"] == len({review["recommendationid"] for review in found}) == len(found) > 100
    assert pages[0]["query_summary"]["total_positive"] == sum(review["voted_up"] for review in found)


def test_a_small_market_has_a_small_chart() -> None:
    with Simulator(seed=7, apps=10, now=NOW) as sim:
        assert len(get(sim, PLAYERS, CHART).json()["response"]["ranks"]) == 10


def test_a_market_without_apps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Simulator(apps=0)


def test_the_clock_may_run_and_be_set_again() -> None:
    with Simulator(apps=10) as sim:
        counted = get(sim, PLAYERS, CHART).json()["response"]["last_update"]
        assert abs(counted - datetime.now(UTC).timestamp()) < 900
        sim.set_now(NOW)
        assert get(sim, PLAYERS, CHART).json()["response"]["last_update"] <= NOW.timestamp()
        sim.clear_now()
        assert get(sim, PLAYERS, CHART).json()["response"]["last_update"] >= counted
        with pytest.raises(ValueError, match="no time zone"):
            sim.set_now(datetime(2026, 1, 1))  # noqa: DTZ001


def test_random_values_are_the_same_on_every_machine() -> None:
    assert Dice(7).words("app", 1)[0] == 3568823415014211675
    assert len({Dice(7).share("day", slot) for slot in range(1000)}) == 1000


@pytest.mark.slow
def test_pages_of_a_hundred_reviews_are_generated_fast_enough(sim: Simulator) -> None:
    session, cursor, pages = requests.Session(), "*", 200
    begun = time.monotonic()
    for _ in range(pages):
        asked = json.dumps(review_query(730, cursor=cursor, date_range_start=1))
        answer = session.get(sim.url + REVIEWS, params={"input_json": asked}, timeout=30)
        cursor = answer.json()["response"]["cursor"]
    assert in_time(time.monotonic() - begun, pages / 20)
