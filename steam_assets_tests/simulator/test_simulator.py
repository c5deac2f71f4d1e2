"""The simulator implements each endpoint's contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from steam_assets.simulator import Simulator
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

VISITS = "/v1/website/store.steampowered.com/total-traffic-and-engagement/visits"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(seed=7, apps=100, now=NOW) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    running.set_now(NOW)
    yield running
    running.faults.clear()


def ask(sim: Simulator, path: str, message: dict[str, Any] | None = None, **params: Any) -> Any:
    answer = get(sim, path, message, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sellers(sim: Simulator, **message: Any) -> dict[str, Any]:
    return ask(sim, SELLERS, WEEK_CHART | message)["response"]


def test_players_chart_has_a_hundred_ranks_in_order_counted_today(sim: Simulator) -> None:
    chart = ask(sim, PLAYERS, CHART)["response"]
    now = [entry["concurrent_in_game"] for entry in chart["ranks"]]
    assert [entry["rank"] for entry in chart["ranks"]] == list(range(1, 101))
    assert now == sorted(now, reverse=True)
    assert all(entry["peak_in_game"] >= entry["concurrent_in_game"] > 0 for entry in chart["ranks"])
    assert 0 <= NOW.timestamp() - chart["last_update"] < 600
    assert now[0] > 5 * now[20] and now[0] > 50 * now[99], "the chart's tail is heavy"


def test_the_peak_covers_the_24_hours_before_the_count(sim: Simulator) -> None:
    players: list[int] = []
    peaks: list[int] = []
    for hour in range(0, 48, 3):
        sim.set_now(NOW.replace(hour=1, minute=0) + timedelta(hours=hour))
        ranks = ask(sim, PLAYERS, CHART)["response"]["ranks"]
        entry = next(entry for entry in ranks if entry["appid"] == 730)
        players.append(entry["concurrent_in_game"])
        peaks.append(entry["peak_in_game"])
        assert peaks[-1] >= max(players[-8:])
    assert max(peaks) < 1.5 * max(players)


def test_weekly_charts_contain_hardware_an_add_on_and_a_restricted_app(sim: Simulator) -> None:
    seen: set[int] = set()
    for back in range(6):
        for entry in sellers(sim, start_date=FINISHED_WEEK - back * WEEK)["ranks"]:
            seen.add(entry["appid"])
    assert {1675200, 2138330} <= seen
    restricted = [e for e in ask(sim, PLAYERS, CHART)["response"]["ranks"] if e["item"]["success"] == 15]
    assert restricted and all("is_free" not in entry["item"] for entry in restricted)


def test_top_sellers_have_ten_per_page_by_default(sim: Simulator) -> None:
    message = {name: value for name, value in WEEK_CHART.items() if name != "page_count"}
    first = ask(sim, SELLERS, message)["response"]
    assert (len(first["ranks"]), first["next_page_start"]) == (10, 10)
    second = sellers(sim, page_start=10, page_count=10)
    assert [entry["rank"] for entry in second["ranks"]] == list(range(11, 21))
    whole = sellers(sim)
    assert "next_page_start" not in whole
    assert whole["ranks"][:20] == first["ranks"] + second["ranks"]


def test_a_week_is_published_on_tuesday_at_16_utc(sim: Simulator) -> None:
    sim.set_now(datetime(2026, 11, 17, 15, 59, tzinfo=UTC))
    assert len(sellers(sim, start_date=FINISHED_WEEK - WEEK)["ranks"]) == 100
    assert "ranks" not in sellers(sim)
    sim.set_now(datetime(2026, 11, 17, 16, 0, tzinfo=UTC))
    assert len(sellers(sim)["ranks"]) == 100


@pytest.mark.parametrize("start", [FINISHED_WEEK + 86400, FINISHED_WEEK + 1, FINISHED_WEEK + 10 * WEEK, 86400])
def test_starts_other_than_published_tuesdays_have_no_ranks(sim: Simulator, start: int) -> None:
    answer = sellers(sim, start_date=start)
    assert answer == {"start_date": start}


def test_last_weeks_rank_and_streaks_follow_from_the_week_before(sim: Simulator) -> None:
    before = {e["appid"]: e for e in sellers(sim, start_date=FINISHED_WEEK - WEEK)["ranks"]}
    newcomers = 0
    for entry in sellers(sim, start_date=FINISHED_WEEK)["ranks"]:
        earlier = before.get(entry["appid"])
        assert entry.get("last_week_rank") == (earlier["rank"] if earlier else None)
        assert entry["consecutive_weeks"] == (earlier["consecutive_weeks"] + 1 if earlier else 1)
        assert not (earlier and "first_top100" in entry)
        newcomers += earlier is None
    assert 0 < newcomers < 40


def test_news_is_newest_first_and_its_count_is_the_total(sim: Simulator) -> None:
    news = ask(sim, NEWS, appid=730, count=50)["appnews"]
    dates = [item["date"] for item in news["newsitems"]]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == 50 < news["count"]
    assert dates[0] <= NOW.timestamp()


def test_paging_news_by_enddate_loses_none_and_repeats_none(sim: Simulator) -> None:
    whole = ask(sim, NEWS, appid=570, count=60)["appnews"]["newsitems"]
    paged: list[Any] = []
    while len(paged) < 60:
        end = {"enddate": paged[-1]["date"]} if paged else {}
        paged += ask(sim, NEWS, appid=570, count=20, **end)["appnews"]["newsitems"]
    assert [item["gid"] for item in paged] == [item["gid"] for item in whole]


def test_news_has_the_quirks_of_real_news(sim: Simulator) -> None:
    news = {app: ask(sim, NEWS, appid=app, count=100)["appnews"]["newsitems"] for app in (730, 570, 578080, 252490)}
    news[730] += ask(sim, NEWS, appid=730, count=20, enddate=1_725_000_000)["appnews"]["newsitems"]
    items = [item for listed in news.values() for item in listed]
    texts = " ".join(item["contents"] for item in items)
    assert any(item["appid"] != app for app, listed in news.items() for item in listed), "filed under another app"
    assert len({item["gid"] for item in items}) < len(items), "one article under two apps"
    assert any(" " in item["url"] for item in items), "unescaped addresses"
    assert "[p]" in texts and "[h1]" in texts, "both styles of markup"
    assert "{STEAM_CLAN_IMAGE}" in texts and "<strong>" in texts and "&amp;" in texts
    assert any("tags" not in item for item in items) and any(item["author"] == "" for item in items)


def test_players_rise_after_patch_notes(sim: Simulator) -> None:
    listed = ask(sim, NEWS, appid=570, count=50)["appnews"]["newsitems"]
    news = next(item for item in listed if "patchnotes" in item.get("tags", ()))
    players: list[int] = []
    for offset in (timedelta(minutes=-10), timedelta(minutes=10)):
        sim.set_now(datetime.fromtimestamp(news["date"], UTC) + offset)
        ranks = ask(sim, PLAYERS, CHART)["response"]["ranks"]
        players.append(next(entry["concurrent_in_game"] for entry in ranks if entry["appid"] == 570))
    assert players[1] > 1.05 * players[0]


def test_paging_returns_each_review_of_a_week_once_in_order_and_as_counted(sim: Simulator) -> None:
    pages = review_pages(sim, 730)
    reviews = [review for page in pages for review in page.get("reviews", ())]
    created = [review["timestamp_created"] for review in reviews]
    summary = pages[0]["query_summary"]
    assert len({review["recommendationid"] for review in reviews}) == len(reviews) == pages[0]["total_matching"] > 300
    assert created == sorted(created, reverse=True)
    assert created[-1] >= FINISHED_WEEK and created[0] < FINISHED_WEEK + WEEK
    assert summary["total_positive"] == sum(review["voted_up"] for review in reviews)
    assert summary["total_reviews"] == len(reviews)
    assert pages[-1]["query_summary"] == {"num_reviews": 0} and "reviews" not in pages[-1]
    assert all("total_reviews" not in page["query_summary"] for page in pages[1:])


def test_pages_in_the_middle_may_be_short(sim: Simulator) -> None:
    lengths = {len(page["reviews"]) for page in review_pages(sim, 730)[:-2]}
    lengths |= {len(page["reviews"]) for page in review_pages(sim, 570)[:-2]}
    lengths |= {len(page["reviews"]) for page in review_pages(sim, 730, num_per_page=20)[:-2]}
    assert lengths <= {99, 100, 19, 20} and lengths & {99, 19}


def test_cursors_need_to_be_encoded_exactly_once(sim: Simulator) -> None:
    cursor = review_pages(sim, 730)[0]["cursor"]
    assert all(mark in cursor for mark in "+/=")
    twice = quote(cursor, safe="")
    assert "reviews" not in ask(sim, REVIEWS, review_query(730, cursor=twice))["response"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (PLAYERS, {}),
        (PLAYERS, CHART | {"data_request": {}}),
        (PLAYERS, CHART | {"context": {"country_code": "JP"}}),
        (SELLERS, CHART | {"country_code": "US"}),
        (SELLERS, WEEK_CHART | {"country_code": ""}),
        (REVIEWS, review_query(730, filter=2)),
        (REVIEWS, review_query(730, languages=["english"])),
        (REVIEWS, review_query(730, date_range_start=None)),
        (REVIEWS, {name: value for name, value in review_query(730).items() if name != "filter_offtopic_activity"}),
    ],
)
def test_a_request_that_the_pipeline_must_not_send_fails(sim: Simulator, path: str, message: dict[str, Any]) -> None:
    """This includes flat and doubly encoded parameters."""
    for params in ({"input_json": json.dumps(message)}, {"input_json": json.dumps(json.dumps(CHART))}, message, {}):
        answer = requests.get(sim.url + path, params=params, timeout=30)
        assert (answer.json(), answer.headers["x-eresult"]) == ({"response": {}}, "8")


def test_some_reviews_were_edited(sim: Simulator) -> None:
    found = all_reviews(sim, 730)
    assert 0.05 < sum(r["timestamp_updated"] > r["timestamp_created"] for r in found) / len(found) < 0.3


def test_hardware_has_no_reviews_and_an_unknown_app_an_empty_answer(sim: Simulator) -> None:
    (deck,) = review_pages(sim, 1675200)
    assert (deck["total_matching"], "reviews" in deck) == (0, False)
    assert ask(sim, REVIEWS, review_query(1)) == {"response": {}}


def test_site_traffic_has_three_months_and_a_new_one_from_the_fifteenth(sim: Simulator) -> None:
    newest: list[str] = []
    for day in (14, 15):
        sim.set_now(datetime(2026, 11, day, tzinfo=UTC))
        body = ask(sim, "/api/v1/data", domain="store.steampowered.com")
        assert len(body["EstimatedMonthlyVisits"]) == 3
        assert all(isinstance(value, str) for value in body["Engagments"].values())
        assert abs(sum(body["TrafficSources"].values()) - 1) < 1e-9
        newest.append(max(body["EstimatedMonthlyVisits"]))
    assert newest == ["2026-09-01", "2026-10-01"]


def test_visits_are_written_in_several_notations_of_the_same_number(sim: Simulator) -> None:
    written: list[str] = []
    for month in (7, 8, 9):
        sim.set_now(datetime(2026, month, 20, tzinfo=UTC))
        body = ask(sim, "/api/v1/data", domain="store.steampowered.com")
        text = body["Engagments"]["Visits"]
        assert abs(float(text) - body["EstimatedMonthlyVisits"][f"2026-{month - 1:02}-01"]) <= 2
        written.append(text)
    assert sum("E" in text for text in written) == 1 and sum(text.isdigit() for text in written) == 1


def test_an_unknown_site_is_echoed_without_figures(sim: Simulator) -> None:
    body = ask(sim, "/api/v1/data", domain="nobody.example")
    assert body["SiteName"] == "nobody.example" and "EstimatedMonthlyVisits" not in body


def test_the_official_visits_agree_and_bad_requests_are_refused(sim: Simulator) -> None:
    key = "0123456789abcdef"
    good = ask(sim, VISITS, api_key=key, start_date="2026-08", end_date="2026-10", granularity="monthly")
    free = ask(sim, "/api/v1/data", domain="store.steampowered.com")["EstimatedMonthlyVisits"]
    assert [row["date"] for row in good["visits"]] == list(free)
    assert all(abs(row["visits"] - free[row["date"]]) <= 2 for row in good["visits"])
    for params, status, words in (
        ({}, 400, "user_key_invalid"),
        ({"api_key": key, "start_date": "14-2014", "end_date": "2026-10"}, 400, "not valid for Start"),
        ({"api_key": key, "start_date": "2026-10", "end_date": "2026-08"}, 400, "Date range is not valid"),
        ({"api_key": key, "start_date": "2026-08", "end_date": "2026-12"}, 400, "Date range is not valid"),
    ):
        refused = requests.get(sim.url + VISITS, params=params, timeout=30)
        assert (refused.status_code, words in refused.text) == (status, True), refused.text


def test_requests_are_logged_without_secrets(sim: Simulator) -> None:
    requests.get(sim.url + VISITS, params={"api_key": "canary-0001"}, timeout=30)
    ask(sim, NEWS, appid=730, count=1)
    first, second = list(sim.requests)[-2:]
    assert "canary-0001" not in repr(first) and first.status == 400
    assert (second.path, dict(second.params), second.time) == (NEWS, {"appid": "730", "count": "1"}, NOW)


def test_a_client_cannot_detect_the_simulator(sim: Simulator) -> None:
    answers = [
        requests.get(sim.url + path, params=params, allow_redirects=False, timeout=30)
        for path, params in (
            (PLAYERS, {"input_json": json.dumps(CHART)}),
            (SELLERS, {"input_json": json.dumps(WEEK_CHART)}),
            (NEWS, {"appid": "730", "count": "100"}),
            (NEWS, {}),
            (REVIEWS, {"input_json": json.dumps(review_query(730))}),
            ("/api/v1/data", {"domain": "store.steampowered.com"}),
            (VISITS, {"api_key": "0123456789abcdef", "start_date": "2026-08", "end_date": "2026-10"}),
            (VISITS, {}),
            ("/nowhere", {}),
        )
    ]
    seen = " ".join(f"{answer.headers} {answer.text}" for answer in answers).lower()
    seen = re.sub("euro.truck.simulator", "", seen)
    assert re.search(r"simulat|synthetic|fake|mock|uvicorn|starlette|python", seen) is None
