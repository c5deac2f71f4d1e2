"""Rate limits, and the cool-down that all clients observe after a refusal."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Barrier, Event
from time import monotonic

import pytest
from faulty_server import Exchange, Script, serving
from test_http_client import GOOD, NOON, QUICK, asking, request, settings

from steam_assets.clock import Clock
from steam_assets.extraction.errors import Blocked
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import LONGEST_SECONDS, retry_after
from steam_assets.sources.monthly_visits import SIMILARWEB, SIMILARWEB_API
from steam_assets.sources.source import Rejected
from steam_assets_tests.waiting import START_SECONDS, in_time

SLACK = 0.02
"""Seconds by which a sleep and two clock readings may differ."""


def refuse_first(status: int, headers: Mapping[str, str] | None = None) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.html(b"no", status, **(headers or {})) if exchange.number == 0 else exchange.json(GOOD)

    return script


class Told(logging.Handler):
    """Set once the log reports a cool-down for a host."""

    def __init__(self) -> None:
        super().__init__()
        self.event = Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "no request to" in record.getMessage():
            self.event.set()


@pytest.fixture
def refusal_is_told() -> Iterator[Event]:
    told = Told()
    logger = logging.getLogger("steam_assets.extraction.http_client")
    logger.addHandler(told)
    yield told.event
    logger.removeHandler(told)


@pytest.mark.parametrize("status", [429, 403])
def test_after_a_refusal_every_request_to_the_host_waits(status: int, tmp_path: Path, refusal_is_told: Event) -> None:
    with (
        asking(refuse_first(status), tmp_path) as (client, server),
        HttpClient(settings(server.url, tmp_path), Clock(), QUICK) as another,
        ThreadPoolExecutor(6) as pool,
    ):
        first = pool.submit(client.fetch, request())
        assert refusal_is_told.wait(5)
        others = [pool.submit(each.fetch, request()) for each in (client, another, client, another)]
        assert all(future.result().value == {"ok": 1} for future in [first, *others])
    assert len(server.times) == 6
    assert min(server.times[1:]) - server.times[0] >= QUICK.cool_down_seconds - SLACK


def test_calls_refused_together_count_as_one_refusal(tmp_path: Path) -> None:
    together = Barrier(4)

    def script(exchange: Exchange) -> None:
        if exchange.number >= 4:
            return exchange.json(GOOD)
        together.wait(START_SECONDS)
        return exchange.html(status=429)

    with asking(script, tmp_path) as (client, server), ThreadPoolExecutor(4) as pool:
        assert all(answer.value == {"ok": 1} for answer in pool.map(client.fetch, [request()] * 4))
    assert in_time(server.times[4] - server.times[3], 2 * QUICK.cool_down_seconds)


def test_a_blocked_host_is_tried_again_after_its_pause(tmp_path: Path) -> None:
    retry_policy = replace(QUICK, cool_downs=0)
    with asking(refuse_first(429), tmp_path, retry_policy) as (client, server):
        with pytest.raises(Blocked) as raised:
            client.fetch(request())
        Event().wait((raised.value.wait_until - datetime.now(UTC)).total_seconds() + SLACK)
        assert client.fetch(request()).value == {"ok": 1}
    assert len(server.asked) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_in_both_forms(form: str, tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        if exchange.number:
            return exchange.json(GOOD)
        # The server's clock is a day ahead; only the difference from its own Date counts.
        later = datetime.now(UTC) + timedelta(days=1)
        wanted = "1" if form == "seconds" else format_datetime(later + timedelta(seconds=1), usegmt=True)
        exchange.date_time_string = lambda timestamp=None: format_datetime(later, usegmt=True)  # pyright: ignore[reportAttributeAccessIssue]
        return exchange.html(status=429, Retry_After=wanted)

    with asking(script, tmp_path) as (client, server):
        assert client.fetch(request()).value == {"ok": 1}
    paused = server.times[1] - server.times[0]
    assert paused >= 1 - SLACK and in_time(paused, 2)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", None),
        ("soon", None),
        ("9" * 5000, None),
        ("", None),
        ("Thu, 26 Nov 2026 12:01:00 GMT", 60.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_SECONDS),
        ("Mon, 01 Jan 10000000000000000000000 00:00:00 GMT", None),
    ],
)
def test_any_retry_after_is_read_or_ignored(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value, "date": "Thu, 26 Nov 2026 12:00:00 GMT"}) == seconds


@pytest.mark.parametrize("demanded", ["0", "1", "Mon, 01 Jan 10000000000000000000000 00:00:00 GMT"])
def test_a_retry_after_never_shortens_the_pauses(demanded: str, tmp_path: Path) -> None:
    """A host that says 0 or 1 s at each refusal would otherwise be given up within seconds."""
    retry_policy = replace(QUICK, cool_down_seconds=1.2, cool_downs=1)
    with asking(lambda exchange: exchange.html(status=429, Retry_After=demanded), tmp_path, retry_policy) as (
        client,
        server,
    ):
        with pytest.raises(Blocked) as raised:
            client.fetch(request())
        left = (raised.value.wait_until - datetime.now(UTC)).total_seconds()
    assert server.times[1] - server.times[0] >= 1.2 - SLACK
    assert left > 1.2, "doubled at the second refusal"


@pytest.mark.parametrize(
    "sent", ["Fri, 01 Jan 0001 00:00:00 GMT", "Mon, 01 Jan 10000000000000000000000 00:00:00 GMT", ""]
)
def test_the_longest_demand_of_a_wait_blocks_the_host(sent: str, tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.date_time_string = lambda timestamp=None: sent  # pyright: ignore[reportAttributeAccessIssue]
        exchange.html(status=429, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")

    with asking(script, tmp_path) as (client, server):
        with pytest.raises(Blocked) as raised:
            client.fetch(request())
        assert len(server.asked) == 1
    assert raised.value.wait_until - datetime.now(UTC) > timedelta(days=365)


def test_repeated_refusals_lengthen_the_pause_until_the_host_is_blocked(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.html(b"<html>no", 429), tmp_path) as (client, server):
        before = datetime.now(UTC)
        with pytest.raises(Blocked, match="none is sent until") as raised:
            client.fetch_or_reject(request())
        asked = len(server.asked)
        started = monotonic()
        with pytest.raises(Blocked):
            client.fetch(request())
        assert in_time(monotonic() - started, 0.2), "no wait for a host that was given up"
        assert len(server.asked) == asked, "and no request to it"
    assert asked == QUICK.cool_downs + 1
    first, second = server.times[1] - server.times[0], server.times[2] - server.times[1]
    assert first >= QUICK.cool_down_seconds - SLACK
    assert second >= 2 * QUICK.cool_down_seconds - SLACK
    assert raised.value.wait_until > before
    assert raised.value.evidence is not None
    assert raised.value.evidence.body == b"<html>no"


def test_a_request_that_is_always_throttled_ends_although_others_succeed(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.html(status=429, Retry_After="0") if "greedy" in exchange.path else exchange.json(GOOD)

    with asking(script, tmp_path) as (client, server), ThreadPoolExecutor(1) as pool:
        greedy = pool.submit(client.fetch_or_reject, request(app="greedy"))
        while not greedy.done():
            client.fetch(request())
        with pytest.raises(Blocked):
            greedy.result()
    assert sum("greedy" in path for path in server.asked) <= QUICK.cool_downs + 1


def test_a_successful_response_resets_the_refusals(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.json(GOOD) if exchange.number % 2 else exchange.html(status=429)

    with asking(script, tmp_path, replace(QUICK, cool_down_seconds=0.05)) as (client, server):
        for _ in range(QUICK.cool_downs + 2):
            assert client.fetch(request()).value == {"ok": 1}
    assert len(server.asked) == 2 * (QUICK.cool_downs + 2)


def test_a_wait_longer_than_a_run_blocks_the_host_at_once(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.html(status=429, Retry_After="86400"), tmp_path) as (client, server):
        started = monotonic()
        with pytest.raises(Blocked) as raised:
            client.fetch(request())
        assert in_time(monotonic() - started, 1)
        assert len(server.asked) == 1
    assert raised.value.wait_until - datetime.now(UTC) > timedelta(hours=23)


def test_a_503_with_retry_after_pauses_requests_until_then(tmp_path: Path) -> None:
    with asking(refuse_first(503, {"Retry-After": "1"}), tmp_path) as (client, server):
        client.fetch(request())
    assert server.times[1] - server.times[0] >= 1 - SLACK


def test_an_app_that_is_refused_while_others_succeed_is_rejected_alone(tmp_path: Path, refusal_is_told: Event) -> None:
    other_succeeded = Event()

    def script(exchange: Exchange) -> None:
        if "hidden" not in exchange.path:
            return exchange.json(GOOD)
        if refusal_is_told.is_set():
            other_succeeded.wait(5)
        return exchange.html(status=403)

    with asking(script, tmp_path) as (client, server), ThreadPoolExecutor(1) as pool:
        hidden = pool.submit(client.fetch_or_reject, request(app="hidden"))
        assert refusal_is_told.wait(5)
        client.fetch(request())
        other_succeeded.set()
        rejected = hidden.result()
    assert isinstance(rejected, Rejected)
    assert "while requests for other apps succeed" in rejected.reason
    assert sum("hidden" in path for path in server.asked) == 2


def test_a_pause_of_one_host_does_not_affect_another(tmp_path: Path) -> None:
    slow = replace(QUICK, cool_down_seconds=30, cool_down_cap_seconds=30, cool_downs=0)
    with asking(lambda exchange: exchange.html(status=403), tmp_path, slow) as (client, _):
        with pytest.raises(Blocked):
            client.fetch(request(SIMILARWEB_API))
        with (
            serving(lambda exchange: exchange.json(GOOD)) as well,
            HttpClient(settings(well.url, tmp_path), Clock(), slow) as other,
        ):
            assert other.fetch(request(SIMILARWEB_API)).value == {"ok": 1}


def test_a_blocked_similarweb_says_how_to_fill_the_gap_by_hand(tmp_path: Path) -> None:
    retry_policy = replace(QUICK, cool_downs=0)
    with asking(lambda exchange: exchange.html(b"Request blocked", 403), tmp_path, retry_policy) as (client, _):
        with pytest.raises(Blocked, match=r"save its JSON as a \.json file in") as raised:
            client.fetch(request(SIMILARWEB))
        assert str(tmp_path / "similarweb") in str(raised.value)
        (tmp_path / "similarweb").mkdir()
        saved = tmp_path / "similarweb" / "saved.json"
        saved.write_bytes(GOOD)
        os.utime(saved, (NOON.timestamp(), NOON.timestamp()))
        assert client.fetch(request(SIMILARWEB)).url == "file:saved.json"


def test_concurrent_callers_together_keep_the_rate(tmp_path: Path) -> None:
    with (
        asking(lambda exchange: exchange.json(GOOD), tmp_path, api_requests_per_second=20) as (client, server),
        HttpClient(settings(server.url, tmp_path, api_requests_per_second=20), Clock()) as another,
        ThreadPoolExecutor(6) as pool,
    ):
        began = monotonic()
        list(pool.map(lambda number: (client if number % 2 else another).fetch(request()), range(20)))
    # Not by the pauses between them: on a busy machine a request that is late makes the next pause shorter.
    early = [number for number, time in enumerate(sorted(server.times)) if time - began < number / 20 - SLACK]
    assert early == []


def test_a_rate_below_one_per_second_is_kept(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path, api_requests_per_second=0.8) as (client, server):
        began = monotonic()
        client.fetch(request())
        client.fetch(request())
    assert server.times[1] - began >= 1.25 - SLACK
