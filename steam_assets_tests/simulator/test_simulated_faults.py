"""Injected faults reach a client as network and services would cause them, and only on the chosen requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from steam_assets.simulator import Simulator, faults
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
    get,
    review_query,
)
from steam_assets_tests.waiting import in_time

Message = dict[str, Any] | None


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(seed=7, apps=100, now=NOW) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    running.faults.clear()
    yield running
    running.faults.clear()


def with_fault(
    sim: Simulator, fault: faults.Fault, path: str = PLAYERS, message: Message = CHART, **params: Any
) -> requests.Response:
    sim.faults.add(fault)
    return get(sim, path, message, **params)


def test_too_many_requests_is_a_page(sim: Simulator) -> None:
    refused = with_fault(sim, faults.TooManyRequests(times=1))
    assert (refused.status_code, refused.headers["content-type"]) == (429, "text/html; charset=UTF-8")
    assert "retry-after" not in refused.headers
    assert get(sim, PLAYERS, CHART).status_code == 200


def test_a_block_is_an_html_page(sim: Simulator) -> None:
    answer = with_fault(sim, faults.AccessDenied())
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=UTF-8")
    assert "Access Denied" in answer.text and "Reference&#32;" in answer.text


def test_server_errors_are_pages(sim: Simulator) -> None:
    answer = with_fault(sim, faults.ServerError())
    assert answer.status_code == 503 and answer.text.startswith("<html>")


def test_an_unknown_app_is_refused_by_an_empty_object_and_not_by_a_page(sim: Simulator) -> None:
    refused = with_fault(sim, faults.UnknownApp(path=NEWS, contains='"appid":"570"'), NEWS, None, appid=570)
    assert (refused.status_code, refused.json()) == (403, {})
    assert "json" in refused.headers["content-type"]
    assert get(sim, NEWS, appid=730).json()["appnews"]["count"] > 0


def test_a_body_shorter_than_its_length_breaks_off(sim: Simulator) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        with_fault(sim, faults.TruncatedBody(times=1))
    assert get(sim, PLAYERS, CHART).json()["response"]["ranks"]


def test_a_body_cut_without_a_length_arrives_as_if_it_were_whole(sim: Simulator) -> None:
    answer = with_fault(sim, faults.TruncatedBody(times=1, content_length=False))
    whole = get(sim, PLAYERS, CHART)
    assert answer.status_code == 200 and "content-length" not in answer.headers
    assert answer.content == whole.content[: len(whole.content) // 2]


def test_a_reset_is_a_connection_error(sim: Simulator) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        with_fault(sim, faults.ConnectionReset(times=1))
    assert list(sim.requests)[-1].status == 0
    assert get(sim, PLAYERS, CHART).status_code == 200


def test_html_empty_and_null_come_with_status_200(sim: Simulator) -> None:
    html = with_fault(sim, faults.HtmlForJson(times=1))
    empty = with_fault(sim, faults.EmptyResponse(times=1))
    null = with_fault(sim, faults.FixedBody(times=1))
    assert {answer.status_code for answer in (html, empty, null)} == {200}
    assert html.text.startswith("<!DOCTYPE html>") and "json" not in html.headers["content-type"]
    assert (empty.json(), empty.headers["x-eresult"]) == ({"response": {}}, "15")
    assert null.json() is None and "json" in null.headers["content-type"]


def test_an_oversized_body_is_json_and_far_too_long(sim: Simulator) -> None:
    answer = with_fault(sim, faults.OversizedBody(megabytes=3))
    assert int(answer.headers["content-length"]) > 3 << 20 and answer.json()["response"]["ranks"]


def test_a_gzip_bomb_is_small_on_the_wire_and_large_in_memory(sim: Simulator) -> None:
    answer = with_fault(sim, faults.GzipBomb(megabytes=16))
    assert int(answer.headers["content-length"]) < 200_000
    assert len(answer.content) > 16 << 20
    assert answer.json()["response"]["ranks"]


def test_a_slow_body_trickles_within_read_timeouts(sim: Simulator) -> None:
    begun = time.monotonic()
    answer = with_fault(sim, faults.SlowBody(seconds=0.6, pieces=6))
    assert time.monotonic() - begun >= 0.55
    assert answer.json()["response"]["ranks"]


def test_other_requests_are_served_while_one_response_trickles(sim: Simulator) -> None:
    sim.faults.add(faults.SlowBody(path=NEWS, seconds=60, pieces=50))
    with requests.get(sim.url + NEWS, params={"appid": 730}, stream=True, timeout=30) as slow:
        begun = time.monotonic()
        assert get(sim, PLAYERS, CHART).status_code == 200
        assert in_time(time.monotonic() - begun, 3)
        assert slow.status_code == 200


def test_a_redirect_points_elsewhere(sim: Simulator) -> None:
    answer = with_fault(sim, faults.Redirect(location="http://169.254.169.254/latest/"))
    assert (answer.status_code, answer.headers["location"]) == (302, "http://169.254.169.254/latest/")


def test_a_repeated_cursor_is_the_one_that_was_sent(sim: Simulator) -> None:
    cursor = get(sim, REVIEWS, review_query(730)).json()["response"]["cursor"]
    page = with_fault(sim, faults.RepeatedCursor(), REVIEWS, review_query(730, cursor=cursor)).json()["response"]
    assert page["cursor"] == cursor and page["reviews"]


def test_a_wrong_week_says_so(sim: Simulator) -> None:
    wrong = with_fault(sim, faults.WrongWeek(), SELLERS, WEEK_CHART).json()["response"]
    assert wrong["start_date"] == FINISHED_WEEK - WEEK and len(wrong["ranks"]) == 100


def test_a_stale_body_is_yesterdays(sim: Simulator) -> None:
    stale = with_fault(sim, faults.StaleBody(hours=24)).json()["response"]
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
def test_a_field_may_hold_any_literal_even_invalid_json(sim: Simulator, literal: str, text: str) -> None:
    body = with_fault(sim, faults.Drift(field="concurrent_in_game", literal=literal)).text
    assert body.count(text) == 100 and len(body) > 1000


def test_every_tenth_item_may_be_another(sim: Simulator) -> None:
    ranks = with_fault(sim, faults.Drift(field="rank", literal="null", every=10)).json()["response"]["ranks"]
    assert [place for place, entry in enumerate(ranks, 1) if entry["rank"] is None] == list(range(10, 101, 10))


def test_a_fault_applies_only_to_its_path_and_query(sim: Simulator) -> None:
    sim.faults.add(faults.ServerError(path=NEWS, contains='"appid":"730"'))
    assert get(sim, PLAYERS, CHART).status_code == 200
    assert get(sim, NEWS, appid=570).status_code == 200
    assert get(sim, NEWS, appid=730).status_code == 503


def test_a_fault_ends_after_its_times(sim: Simulator) -> None:
    sim.faults.add(faults.ServerError(times=2))
    assert [get(sim, PLAYERS, CHART).status_code for _ in range(4)] == [503, 503, 200, 200]
    assert sim.faults.hits() == 2


def test_the_clock_is_set_over_http_too() -> None:
    with Simulator(apps=10) as sim:
        clock = f"{sim.url}/_simulator/clock"
        moved = requests.put(clock, json={"now": "2026-03-01T12:00:00Z"}, timeout=30)
        assert moved.json() == {"now": "2026-03-01T12:00:00+00:00"}
        assert sim.clock.now() == datetime(2026, 3, 1, 12, tzinfo=UTC)
        for body in ({"now": "2026-03-01T12:00:00"}, {}, [], {"now": 1}):
            refused = requests.put(clock, json=body, timeout=30)
            assert refused.status_code == 400 and "ISO time" in refused.json()["error"]
        assert sim.clock.now() == datetime(2026, 3, 1, 12, tzinfo=UTC)
