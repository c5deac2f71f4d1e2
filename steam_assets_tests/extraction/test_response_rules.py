"""The response table: each row, and what the client does with such a response over a real connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from faulty_server import Exchange
from hypothesis import given
from hypothesis import strategies as st
from test_http_client import GOOD, QUICK, asking, parse

from steam_assets.extraction.errors import Blocked, EndpointGone, Evidence, KeyRequired, StaleResponse, Unreachable
from steam_assets.extraction.limits import SEVERAL_APPS
from steam_assets.extraction.response_rules import TABLE, Body, Concerns, Meaning, body_of, row_for, status_of
from steam_assets.sources.source import NotYet, Rejected, Request, Response
from steam_assets.sources.steam import STEAM_API

JSON, HTML = "application/json; charset=UTF-8", "text/html"
BLOCKED = b"<html><title>Forbidden</title><h1>Forbidden</h1>Your address is blocked.</html>"
DENIED = b"<HTML><TITLE>Access Denied</TITLE>You don't have permission</HTML>"
FORBIDDEN = b"<html><h1>Forbidden</h1></html>"
MAINTENANCE = b"<!DOCTYPE html><title>Steam is down for maintenance</title>"
KEY_PAGE = b"<html><h1>Forbidden</h1>Please verify your <pre>key=</pre> parameter.</html>"
UNKNOWN = b'{"response":{"result":42}}'
KEY_JSON = b'{"Error":{"Message":"user_key_invalid","Code":400}}'
APP, ONLY, HOST = Concerns.APP, Concerns.ONLY_APP, Concerns.HOST

EXAMPLES = [
    (200, GOOD, JSON, APP, Meaning.ANSWER),
    (200, b" {} ", JSON, HOST, Meaning.ANSWER),
    (200, b"[1]", JSON, HOST, Meaning.ANSWER),
    (200, b"null", JSON, HOST, Meaning.ANSWER),
    (200, GOOD, HTML, HOST, Meaning.ANSWER),
    (200, b'{"ok":', JSON, APP, Meaning.ANSWER),
    (200, DENIED, HTML, APP, Meaning.COOL_DOWN),
    (200, b"<html>Please solve the captcha", JSON, HOST, Meaning.COOL_DOWN),
    (200, MAINTENANCE, HTML, APP, Meaning.RETRY),
    (200, b"please log in", HTML, HOST, Meaning.RETRY),
    (200, KEY_PAGE, HTML, HOST, Meaning.RETRY),
    (200, b" \n", JSON, APP, Meaning.RETRY),
    (204, b"", JSON, APP, Meaning.NO_DATA),
    (204, b"", JSON, HOST, Meaning.RETRY),
    (202, GOOD, JSON, HOST, Meaning.RETRY),
    (206, GOOD, JSON, APP, Meaning.RETRY),
    (304, b"", JSON, HOST, Meaning.RETRY),
    (301, b"", HTML, HOST, Meaning.DRIFT),
    (302, b"<html>home", HTML, APP, Meaning.DRIFT),
    (308, GOOD, JSON, ONLY, Meaning.DRIFT),
    (400, b"<html>Bad Request", HTML, APP, Meaning.SET_ASIDE),
    (400, b"<html>Bad Request", HTML, HOST, Meaning.DRIFT),
    (400, KEY_JSON, JSON, HOST, Meaning.KEY),
    (401, b"", JSON, APP, Meaning.KEY),
    (401, KEY_PAGE, HTML, HOST, Meaning.KEY),
    (403, b"{}", JSON, APP, Meaning.NO_DATA),
    (403, b"{}\n", HTML, ONLY, Meaning.NO_DATA),
    (403, b'{"message":"Forbidden"}', JSON, APP, Meaning.NO_DATA),
    (403, KEY_PAGE, HTML, APP, Meaning.NO_DATA),
    (403, b"{}", JSON, HOST, Meaning.COOL_DOWN),
    (403, KEY_PAGE, HTML, HOST, Meaning.KEY),
    (403, BLOCKED, HTML, APP, Meaning.COOL_DOWN),
    (403, FORBIDDEN, HTML, APP, Meaning.COOL_DOWN),
    (403, b"", JSON, APP, Meaning.COOL_DOWN),
    (403, b"Forbidden", "text/plain", HOST, Meaning.COOL_DOWN),
    (403, BLOCKED, HTML, ONLY, Meaning.SET_ASIDE),
    (403, b"", JSON, ONLY, Meaning.SET_ASIDE),
    (404, b"{}", JSON, APP, Meaning.NO_DATA),
    (404, UNKNOWN, JSON, APP, Meaning.NO_DATA),
    (404, UNKNOWN, JSON, HOST, Meaning.DRIFT),
    (403, UNKNOWN, JSON, ONLY, Meaning.NO_DATA),
    (404, MAINTENANCE, HTML, HOST, Meaning.DRIFT),
    (410, b"", JSON, ONLY, Meaning.NO_DATA),
    (451, b"<html>", HTML, APP, Meaning.NO_DATA),
    (405, b"", HTML, HOST, Meaning.DRIFT),
    (422, GOOD, JSON, APP, Meaning.SET_ASIDE),
    (408, b"", HTML, APP, Meaning.TROUBLE),
    (407, b"<html>", HTML, HOST, Meaning.TROUBLE),
    (429, b"{}", JSON, ONLY, Meaning.COOL_DOWN),
    (429, b"", HTML, HOST, Meaning.COOL_DOWN),
    (500, b"{}", JSON, APP, Meaning.TROUBLE),
    (502, DENIED, HTML, HOST, Meaning.TROUBLE),
    (503, MAINTENANCE, HTML, APP, Meaning.TROUBLE),
    (504, b"", HTML, ONLY, Meaning.TROUBLE),
    (511, b"<html>hotel wifi", HTML, HOST, Meaning.TROUBLE),
]


def sent(status: int, body: bytes, content_type: str = JSON, **headers: str) -> Evidence:
    return Evidence("https://host/", status, {"content-type": content_type, **headers}, body, datetime.now(UTC))


@pytest.mark.parametrize(("status", "body", "content_type", "concerns", "meaning"), EXAMPLES)
def test_a_response_is_handled_as_the_table_says(
    status: int, body: bytes, content_type: str, concerns: Concerns, meaning: Meaning
) -> None:
    answer = sent(status, body, content_type)
    assert row_for(status_of(answer), body_of(answer), concerns).meaning is meaning


def test_each_row_has_an_example() -> None:
    """An unreachable or unconsidered row fails here."""
    failpoint = {
        row_for(status, body_of(sent(status, body, declared)), concerns)
        for status, body, declared, concerns, _ in EXAMPLES
    }
    assert [row for row in TABLE if row not in failpoint] == []


@given(st.integers(100, 999), st.sampled_from(Body), st.sampled_from(Concerns))
def test_every_answer_has_a_row(status: int, body: Body, concerns: Concerns) -> None:
    """Only a 200 is read as an answer, and only a call about an app is set aside."""
    row = row_for(status, body, concerns)
    assert row.because
    assert row.meaning is not Meaning.ANSWER or status == 200
    assert concerns is not HOST or row.meaning not in (Meaning.NO_DATA, Meaning.SET_ASIDE)


@given(st.binary(max_size=60))
def test_every_body_is_of_exactly_one_kind(body: bytes) -> None:
    assert body_of(sent(200, body)) in Body


def test_a_503_with_retry_after_is_treated_as_too_many_requests() -> None:
    assert status_of(sent(503, b"", **{"retry-after": "5"})) == 429
    assert status_of(sent(503, b"")) == 503


def test_recorded_error_pages_are_recognized(recorded: Path) -> None:
    """A 403 page about a missing key, for one app, is neither a block nor a request for a key."""
    pages = {path.stem: path.read_bytes() for path in (recorded / "errors").glob("*.html")}
    found = {
        name: row_for(int(name.split("_")[2]), body_of(sent(int(name.split("_")[2]), page, HTML)), HOST).meaning
        for name, page in pages.items()
    }
    assert found == {
        "api_steampowered_401_key": Meaning.KEY,
        "api_steampowered_403_key": Meaning.KEY,
        "api_steampowered_429": Meaning.COOL_DOWN,
    }


def about(app: int | None) -> Request[dict[str, object]]:
    return Request(STEAM_API, "page", f"/IThing/{app}/", {}, parse, app_id=app)


def app_of(exchange: Exchange) -> int:
    return int(exchange.path.split("/")[2])


@pytest.mark.parametrize(
    ("status", "body"), [(403, b"{}"), (403, KEY_PAGE), (404, b"<html>"), (410, b""), (451, b"{}"), (204, b"")]
)
def test_only_apps_that_the_service_does_not_know_are_set_aside(status: int, body: bytes, tmp_path: Path) -> None:
    """Seven of 40 apps are unknown: they have no items, the others are answered, and there is no cool-down."""
    unknown = {1, 2, 9, 17, 18, 30, 40}

    def script(exchange: Exchange) -> None:
        exchange.answer(body, status, Content_Type=JSON) if app_of(exchange) in unknown else exchange.json(GOOD)

    # A cool-down would fail the test, because nothing waits for its end.
    retry_policy = replace(QUICK, cool_down_seconds=900, cool_down_cap_seconds=900)
    with asking(script, tmp_path, retry_policy) as (client, _), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(client.fetch_or_reject, map(about, range(1, 41))))
    aside = {answer.request.app_id: answer for answer in answers if isinstance(answer, Rejected)}
    assert set(aside) == unknown
    assert {(answer.status, answer.body, answer.items) for answer in aside.values()} == {(status, body, 0)}
    assert all(f"HTTP {status}" in answer.reason for answer in aside.values())


def test_several_apps_refused_in_a_row_are_a_refusal_by_the_host(tmp_path: Path) -> None:
    """A block may also be JSON; after it every app is requested again and none is lost."""
    blocked, at_once = iter(range(3 * SEVERAL_APPS)), Barrier(SEVERAL_APPS)

    def script(exchange: Exchange) -> None:
        number = next(blocked, None) if exchange.number >= 3 else None
        if number is not None and number < SEVERAL_APPS:
            # The first requests are for different apps, however slowly the threads start.
            at_once.wait(30)
        exchange.json(GOOD) if number is None else exchange.json(b"{}", 403)

    retry_policy = replace(
        QUICK, cool_downs=9, backoff_base_seconds=0.2, backoff_cap_seconds=0.4, cool_down_seconds=0.05
    )
    with asking(script, tmp_path, retry_policy) as (client, _), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.fetch_or_reject, map(about, range(1, 31))))
    assert all(isinstance(answer, Response) for answer in answers)


def test_an_app_that_is_requested_again_counts_once(tmp_path: Path) -> None:
    """Four apps without data are retried after another was answered, then a fifth: not five in a row."""
    retried = Barrier(SEVERAL_APPS)
    requested: dict[int, int] = {}

    def script(exchange: Exchange) -> None:
        app = app_of(exchange)
        requested[app] = requested.get(app, 0) + 1
        if app < SEVERAL_APPS and requested[app] == 2:
            retried.wait(30)
            retried.wait(30)
        exchange.json(GOOD) if app == 50 else exchange.json(b"{}", 404)

    with asking(script, tmp_path) as (client, _), ThreadPoolExecutor(SEVERAL_APPS) as pool:
        unknown = [pool.submit(client.fetch_or_reject, about(app)) for app in range(1, SEVERAL_APPS)]
        retried.wait(30)
        assert isinstance(client.fetch_or_reject(about(50)), Response)
        retried.wait(30)
        answers = [*(future.result() for future in unknown), client.fetch_or_reject(about(SEVERAL_APPS))]
    assert all(isinstance(answer, Rejected) for answer in answers)


@pytest.mark.parametrize(("status", "body"), [(404, UNKNOWN), (403, b"{}")])
def test_any_number_of_unknown_apps_in_a_row_is_set_aside(status: int, body: bytes, tmp_path: Path) -> None:
    """A watchlist may consist of delisted apps; the service says so itself, and the host answers other requests."""

    def script(exchange: Exchange) -> None:
        exchange.json(GOOD) if exchange.path.startswith(STEAM_API.probe) else exchange.json(body, status)

    # A cool-down would fail the test, because nothing waits for its end.
    retry_policy = replace(QUICK, cool_down_seconds=900, cool_down_cap_seconds=900)
    with asking(script, tmp_path, retry_policy) as (client, _), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.fetch_or_reject, map(about, range(1, 4 * SEVERAL_APPS))))
    assert all(isinstance(answer, Rejected) and answer.items == 0 for answer in answers)


@pytest.mark.parametrize(
    ("status", "body", "error"), [(403, b"{}", Blocked), (404, b"{}", EndpointGone), (404, b"<html>", EndpointGone)]
)
def test_a_host_without_data_for_any_app_ends_the_run(
    status: int, body: bytes, error: type[Exception], tmp_path: Path
) -> None:
    with asking(lambda exchange: exchange.json(body, status), tmp_path) as (client, server):
        for app in range(1, SEVERAL_APPS):
            assert isinstance(client.fetch_or_reject(about(app)), Rejected)
        with pytest.raises(error):
            client.fetch_or_reject(about(SEVERAL_APPS))
    probes = sum(path.startswith(STEAM_API.probe) for path in server.asked)
    assert probes == (QUICK.cool_downs + 1 if error is Blocked else 0)
    assert len(server.asked) - probes <= (SEVERAL_APPS - 1) * QUICK.invalid_attempts + QUICK.cool_downs + 1


@pytest.mark.parametrize(
    ("status", "body", "error", "requests"),
    [
        (403, b"{}", Blocked, QUICK.cool_downs + 1),
        (403, BLOCKED, Blocked, QUICK.cool_downs + 1),
        (200, DENIED, Blocked, QUICK.cool_downs + 1),
        (429, b"{}", Blocked, QUICK.cool_downs + 1),
        (403, KEY_PAGE, KeyRequired, 1),
        (400, KEY_JSON, KeyRequired, 1),
        (401, b"{}", KeyRequired, 1),
        (302, b"", EndpointGone, 1),
        (404, b"<html>", EndpointGone, 1),
        (503, b"{}", Unreachable, QUICK.attempts),
    ],
)
def test_a_request_for_no_app_fails_according_to_the_response(
    status: int, body: bytes, error: type[Exception], requests: int, tmp_path: Path
) -> None:
    """A chart has no other apps to continue with, so its error states the kind of failure."""
    declared = HTML if body.startswith(b"<") else JSON
    with (
        asking(lambda exchange: exchange.answer(body, status, Content_Type=declared), tmp_path) as (client, server),
        pytest.raises(error),
    ):
        client.fetch(about(None))
    assert len(server.asked) == requests


def test_a_real_block_between_apps_makes_requests_wait(tmp_path: Path) -> None:
    """An HTML page starts the cool-down for all requests at once; afterwards all apps are answered."""

    def script(exchange: Exchange) -> None:
        exchange.html(BLOCKED, 403) if exchange.number in (10, 11) else exchange.json(GOOD)

    with asking(script, tmp_path) as (client, server), ThreadPoolExecutor(1) as pool:
        answers = list(pool.map(client.fetch_or_reject, map(about, range(1, 21))))
    assert all(isinstance(answer, Response) for answer in answers)
    assert server.times[11] - server.times[10] >= QUICK.cool_down_seconds - 0.02


def test_a_response_of_the_previous_period_is_waited_out_not_rejected(tmp_path: Path) -> None:
    """It is accepted once the service reaches the current period; otherwise the error says so."""

    def fresh(body: bytes) -> dict[str, object]:
        if body != GOOD:
            raise NotYet("the chart is still yesterday's")
        return {}

    request = Request(STEAM_API, "chart", "/", {}, fresh)
    retry_policy = replace(QUICK, not_yet_seconds=0.05, invalid_attempts=1)
    with asking(lambda e: e.json(GOOD if e.number == 6 else b'{"old": 1}'), tmp_path, retry_policy) as (client, server):
        assert client.fetch(request).value == {}
    assert len(server.asked) == 7
    assert server.times[6] - server.times[0] >= 6 * 0.05
    short = replace(retry_policy, total_seconds=0.3)
    with (
        asking(lambda exchange: exchange.json(b"{}"), tmp_path, short) as (client, _),
        pytest.raises(StaleResponse, match=r"still yesterday's.*again in a few minutes") as raised,
    ):
        client.fetch(request)
    assert raised.value.transient
    assert "parse" not in str(raised.value)
