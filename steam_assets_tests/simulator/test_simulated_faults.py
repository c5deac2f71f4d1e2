"""Faults on demand reach a client as the network and the services would send them, and only where they were put."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import (
    AccessDenied,
    ConnectionReset,
    Drift,
    EmptyResponse,
    Fault,
    FixedBody,
    GzipBomb,
    HtmlForJson,
    OversizedBody,
    Redirect,
    RepeatedCursor,
    ServerError,
    SlowBody,
    StaleBody,
    TooManyRequests,
    TruncatedBody,
    UnknownApp,
    WrongWeek,
)

NOW = datetime(2026, 11, 19, 13, 7, tzinfo=UTC)

PLAYERS = "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/"
SELLERS = "/IStoreTopSellersService/GetWeeklyTopSellers/v1/"
NEWS = "/ISteamNews/GetNewsForApp/v2/"
REVIEWS = "/IUserReviewsService/GetAppReviews/v1/"
WITH_ITEMS = json.dumps({"country_code": "US", "page_count": 100, "data_request": {"include_basic_info": True}})


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(seed=7, apps=100, now=NOW) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    running.faults.clear()
    running.requests.clear()
    yield running
    running.faults.clear()


def get(sim: Simulator, path: str = PLAYERS, **params: Any) -> requests.Response:
    return requests.get(sim.url + path, params=params, allow_redirects=False, timeout=30)


def with_fault(sim: Simulator, fault: Fault, path: str = PLAYERS, **params: Any) -> requests.Response:
    sim.faults.add(fault)
    return get(sim, path, **params)


def reviews(cursor: str = "*") -> str:
    return json.dumps({"appid": 730, "filter": 1, "languages": ["all"], "purchase_type": 1, "cursor": cursor})


def test_too_many_requests_with_seconds_with_a_date_and_without(sim: Simulator) -> None:
    seconds = with_fault(sim, TooManyRequests(times=1, retry_after=30))
    dated = with_fault(sim, TooManyRequests(times=1, retry_after=30, as_date=True))
    bare = with_fault(sim, TooManyRequests(times=1))
    assert {answer.status_code for answer in (seconds, dated, bare)} == {429}
    assert {answer.headers["content-type"] for answer in (seconds, dated, bare)} == {"text/html; charset=UTF-8"}
    assert seconds.headers["retry-after"] == "30"
    wait = parsedate_to_datetime(dated.headers["retry-after"]) - datetime.now(UTC)
    assert timedelta(seconds=20) < wait <= timedelta(seconds=30)
    assert "retry-after" not in bare.headers
    assert get(sim).status_code == 200


def test_a_block_is_the_network_page_in_html(sim: Simulator) -> None:
    answer = with_fault(sim, AccessDenied())
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=UTF-8")
    assert "Access Denied" in answer.text and "Reference&#32;" in answer.text


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_are_pages(sim: Simulator, status: Any) -> None:
    answer = with_fault(sim, ServerError(status=status))
    assert answer.status_code == status and answer.text.startswith("<html>")


def test_an_unknown_app_is_refused_by_an_empty_object_and_not_by_a_page(sim: Simulator) -> None:
    refused = with_fault(sim, UnknownApp(path=NEWS, contains='"appid":"570"'), NEWS, appid=570)
    assert (refused.status_code, refused.json()) == (403, {})
    assert "json" in refused.headers["content-type"]
    assert get(sim, NEWS, appid=730).json()["appnews"]["count"] > 0


def test_a_body_shorter_than_its_length_breaks_off(sim: Simulator) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        with_fault(sim, TruncatedBody(times=1))
    assert get(sim).json()["response"]["ranks"]


def test_a_body_cut_without_a_length_arrives_as_if_it_were_whole(sim: Simulator) -> None:
    answer = with_fault(sim, TruncatedBody(times=1, content_length=False, keep=0.3))
    whole = get(sim)
    assert answer.status_code == 200 and "content-length" not in answer.headers
    assert answer.content == whole.content[: int(len(whole.content) * 0.3)]


def test_a_reset_is_a_connection_error(sim: Simulator) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        with_fault(sim, ConnectionReset(times=1))
    assert sim.requests[0].status == 0 and sim.requests[0].fault == "connection_reset"
    assert get(sim).status_code == 200


def test_html_empty_and_null_come_with_status_200(sim: Simulator) -> None:
    html = with_fault(sim, HtmlForJson(times=1))
    empty = with_fault(sim, EmptyResponse(times=1))
    null = with_fault(sim, FixedBody(times=1))
    assert {answer.status_code for answer in (html, empty, null)} == {200}
    assert html.text.startswith("<!DOCTYPE html>") and "json" not in html.headers["content-type"]
    assert (empty.json(), empty.headers["x-eresult"]) == ({"response": {}}, "15")
    assert null.json() is None and "json" in null.headers["content-type"]


def test_an_oversized_body_is_json_and_far_too_long(sim: Simulator) -> None:
    answer = with_fault(sim, OversizedBody(megabytes=3))
    assert int(answer.headers["content-length"]) > 3 << 20 and answer.json()["response"]["ranks"]


def test_a_gzip_bomb_is_small_on_the_wire_and_large_in_memory(sim: Simulator) -> None:
    answer = with_fault(sim, GzipBomb(megabytes=16))
    assert int(answer.headers["content-length"]) < 200_000
    assert len(answer.content) > 16 << 20
    assert answer.json()["response"]["ranks"]


def test_a_slow_body_trickles_within_read_timeouts(sim: Simulator) -> None:
    begun = time.monotonic()
    answer = with_fault(sim, SlowBody(seconds=0.6, pieces=6))
    assert time.monotonic() - begun >= 0.55
    assert answer.json()["response"]["ranks"]


def test_others_are_served_while_one_answer_trickles(sim: Simulator) -> None:
    sim.faults.add(SlowBody(path=NEWS, seconds=5, pieces=50))
    with requests.get(sim.url + NEWS, params={"appid": 730}, stream=True, timeout=30) as slow:
        begun = time.monotonic()
        assert get(sim).status_code == 200
        assert time.monotonic() - begun < 3
        assert slow.status_code == 200


def test_a_redirect_points_elsewhere(sim: Simulator) -> None:
    answer = with_fault(sim, Redirect(location="http://169.254.169.254/latest/"))
    assert (answer.status_code, answer.headers["location"]) == (302, "http://169.254.169.254/latest/")


def test_a_repeated_cursor_is_the_one_that_was_sent(sim: Simulator) -> None:
    cursor = get(sim, REVIEWS, input_json=reviews()).json()["response"]["cursor"]
    page = with_fault(sim, RepeatedCursor(), REVIEWS, input_json=reviews(cursor)).json()["response"]
    assert page["cursor"] == cursor and page["reviews"]


def test_a_wrong_week_says_so(sim: Simulator) -> None:
    right = get(sim, SELLERS, input_json=WITH_ITEMS).json()["response"]["start_date"]
    wrong = with_fault(sim, WrongWeek(), SELLERS, input_json=WITH_ITEMS).json()["response"]
    assert wrong["start_date"] == right - 7 * 86400 and len(wrong["ranks"]) == 100


def test_a_stale_body_is_yesterdays(sim: Simulator) -> None:
    stale = with_fault(sim, StaleBody(hours=24)).json()["response"]
    assert 86400 <= NOW.timestamp() - stale["last_update"] < 86400 + 600


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("NaN", '"concurrent_in_game":NaN'),
        ("9" * 5000, '"concurrent_in_game":' + "9" * 5000),
        ('"many"', '"concurrent_in_game":"many"'),
        ('"\\ud800"', '"concurrent_in_game":"\\ud800"'),
        ("null", '"concurrent_in_game":null'),
    ],
)
def test_a_field_may_hold_any_literal_even_one_that_is_no_json(sim: Simulator, literal: str, text: str) -> None:
    body = with_fault(sim, Drift(field="concurrent_in_game", literal=literal)).text
    assert body.count(text) == 100 and len(body) > 1000


def test_a_field_may_be_renamed_or_missing_in_each_tenth_item(sim: Simulator) -> None:
    renamed = with_fault(sim, Drift(times=1, field="appid", rename_to="app_id", every=10)).json()["response"]["ranks"]
    missing = with_fault(sim, Drift(times=1, field="appid", every=10)).json()["response"]["ranks"]
    assert [entry["rank"] for entry in renamed if "app_id" in entry] == list(range(10, 101, 10))
    assert [entry["rank"] for entry in missing if "appid" not in entry] == list(range(10, 101, 10))


def test_drift_leaves_what_is_no_json_and_broken_questions_alone(sim: Simulator) -> None:
    sim.faults.add(Drift(path="/nowhere", field="appid"), RepeatedCursor(path=REVIEWS))
    assert get(sim, "/nowhere").status_code == 404
    assert get(sim, REVIEWS, input_json="{broken").json() == {"response": {"cursor": "*"}}


def test_a_fault_hits_its_path_and_query_alone(sim: Simulator) -> None:
    sim.faults.add(ServerError(path=NEWS, contains='"appid":"730"'))
    assert get(sim).status_code == 200
    assert get(sim, NEWS, appid=570).status_code == 200
    assert get(sim, NEWS, appid=730).status_code == 503


def test_a_fault_begins_after_some_requests_and_ends_after_its_times(sim: Simulator) -> None:
    sim.faults.add(ServerError(after=2, times=2))
    assert [get(sim).status_code for _ in range(6)] == [200, 200, 503, 503, 200, 200]
    assert sim.faults.hits() == 2 and sim.faults.active() == []


def test_a_fault_with_a_probability_hits_that_share(sim: Simulator) -> None:
    sim.faults.add(ServerError(path="/nowhere", probability=0.3))
    hit = sum(get(sim, "/nowhere").status_code == 503 for _ in range(200))
    assert 35 < hit < 85


def test_clock_and_faults_are_controlled_over_http_too() -> None:
    with Simulator(apps=10, now=NOW) as sim:
        control = sim.url + "/_simulator"
        assert requests.get(f"{control}/health", timeout=30).json()["status"] == "ok"
        moved = requests.put(f"{control}/clock", json={"now": "2026-03-01T12:00:00Z"}, timeout=30)
        assert moved.json() == {"now": "2026-03-01T12:00:00+00:00"}
        posted = requests.post(
            f"{control}/faults", json={"kind": "server_error", "status": 502, "times": 1}, timeout=30
        )
        assert posted.json()["faults"][0]["status"] == 502
        assert [get(sim).status_code for _ in range(2)] == [502, 200]
        assert [(entry.status, entry.fault) for entry in sim.requests] == [(502, "server_error"), (200, None)]
        requests.post(f"{control}/faults", json={"kind": "access_denied"}, timeout=30)
        assert requests.delete(f"{control}/faults", timeout=30).json()["faults"] == []
        back = requests.delete(f"{control}/clock", timeout=30).json()["now"]
        assert abs(datetime.fromisoformat(back) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("POST", "faults", {"kind": "no_such_fault"}),
        ("POST", "faults", {"kind": "server_error", "status": 418}),
        ("POST", "faults", {"kind": "server_error", "tmies": 1}),
        ("PUT", "clock", {"now": "2026-03-01T12:00:00"}),
        ("PUT", "clock", {}),
    ],
)
def test_a_wrong_order_is_refused_with_its_reason(sim: Simulator, method: str, place: str, body: Any) -> None:
    answer = requests.request(method, f"{sim.url}/_simulator/{place}", json=body, timeout=30)
    assert answer.status_code == 400 and answer.json()["error"]
    assert sim.faults.active() == []
