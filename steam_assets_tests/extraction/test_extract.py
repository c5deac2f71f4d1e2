"""Extracting a partition: when it is refused, what is kept, and concurrent apps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from faulty_server import Exchange, FaultyServer, Script, serving
from test_http_client import GOOD, QUICK, parse, settings

from steam_assets.clock import Clock
from steam_assets.extraction.errors import NotAvailable, Unreachable
from steam_assets.extraction.extract import APPS_AHEAD, APPS_AT_ONCE, extract
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.spool import Spool
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Fetched, FetchRequest, History, Request, Response, Source, SourceClient
from steam_assets.sources.steam import STEAM_API
from steam_assets_tests.waiting import in_time

FRIDAY = Cadence.DAILY.window("2026-11-20")
NOON = FRIDAY.start + timedelta(hours=12)


def pages_of_apps(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Two pages per app; the second is requested only after the first."""
    for app in fetch_request.apps or (0,):
        for page in ("1", "2"):
            got = client.fetch_or_reject(Request(STEAM_API, "page", f"/{app}/", {"page": page}, parse, app_id=app))
            yield Fetched(got, {"rows": 1} if isinstance(got, Response) else {"rows": 0})


def source(history: History = History.LIVE, *, app_by_app: bool = True) -> Source:
    return Source(
        name="tiny",
        title="Tiny",
        description="",
        hosts=(STEAM_API,),
        cadence=Cadence.DAILY,
        history=history,
        requests=("page",),
        extract=pages_of_apps,
        count=lambda window, request, body: {"rows": 1},
        tables=(),
        app_by_app=app_by_app,
    )


def fetch_request(*apps: int, now: datetime = NOON) -> FetchRequest:
    return FetchRequest(FRIDAY, now, apps)


@contextmanager
def asking(
    script: Script, home: Path, now: datetime = NOON, rate: float = 500
) -> Iterator[tuple[HttpClient, FaultyServer]]:
    with (
        serving(script) as server,
        HttpClient(settings(server.url, home, api_requests_per_second=rate), Clock(now), QUICK) as client,
    ):
        yield client, server


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_answers_are_numbered_counted_and_kept_in_the_order_of_the_apps(tmp_path: Path) -> None:
    apps = tuple(range(40, 0, -1))
    heard: list[int] = []

    def script(exchange: Exchange) -> None:
        # The first apps are the slow ones.
        exchange.pause(0.05 if exchange.number < 4 else 0)
        exchange.json(b"{}") if "/7/" in exchange.path else exchange.json(GOOD)

    with asking(script, tmp_path) as (client, _):
        spool = extract(source(), fetch_request(*apps), client, tmp_path, progress=heard.append)
    envelopes = list(spool)
    assert [envelope.app_id for envelope in envelopes] == [app for app in apps for _ in range(2)]
    assert [envelope.sequence for envelope in envelopes] == list(range(80)) == [count - 1 for count in heard]
    assert {envelope.batch_id for envelope in envelopes} == {spool.batch_id}
    assert (spool.records, spool.items) == (80, {"rows": 78})
    assert [envelope.app_id for envelope in envelopes if envelope.problem] == [7, 7]
    assert envelopes[0].partition_key == "2026-11-20"


def test_later_apps_are_requested_while_one_is_slow_up_to_a_bound(tmp_path: Path) -> None:
    others_done = Event()
    asked_meanwhile: list[int] = []

    def script(exchange: Exchange) -> None:
        if exchange.path == "/1/?page=1":
            others_done.wait(5)
            # Long enough for many more requests if nothing limited them.
            exchange.pause(0.3)
            asked_meanwhile.append(len({path.split("/")[1] for path in server.asked}))
        elif exchange.path == f"/{APPS_AHEAD}/?page=2":
            others_done.set()
        exchange.json(GOOD)

    with asking(script, tmp_path) as (client, server):
        assert extract(source(), fetch_request(*range(1, 61)), client, tmp_path).records == 120
    assert asked_meanwhile == [APPS_AHEAD]


@pytest.mark.parametrize("app_by_app", [False, True])
def test_a_source_gets_all_apps_at_once_unless_it_takes_one_at_a_time(app_by_app: bool, tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def remember(client: SourceClient, asked: FetchRequest) -> Iterator[Fetched]:
        seen.append(tuple(asked.apps))
        return iter(())

    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, _):
        extract(replace(source(app_by_app=app_by_app), extract=remember), fetch_request(1, 2), client, tmp_path)
    assert sorted(seen) == ([(1,), (2,)] if app_by_app else [(1, 2)])


def test_one_failure_stops_the_rest_and_leaves_nothing(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.html(status=500) if exchange.path.startswith("/3/") else exchange.json(GOOD)

    apps = tuple(range(1, 501))
    with asking(script, tmp_path, rate=200) as (client, server):
        with pytest.raises(Unreachable, match="/3/"):
            extract(source(), fetch_request(*apps), client, tmp_path)
        assert len(server.asked) < 200
    assert left(tmp_path) == []


def test_a_failure_is_reported_immediately_while_an_earlier_app_is_still_being_fetched(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        if exchange.path.startswith("/1/"):
            exchange.pause(1)
            return exchange.json(GOOD)
        return exchange.html(status=500)

    with asking(script, tmp_path) as (client, server):
        with pytest.raises(Unreachable):
            extract(source(), fetch_request(1, 2), client, tmp_path)
        assert sum(path.startswith("/1/") for path in server.asked) == 1, "its second page is no longer requested"


def test_an_unavailable_window_is_refused_before_any_request(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, server):
        with pytest.raises(NotAvailable, match="raw backup") as raised:
            extract(source(), fetch_request(now=FRIDAY.end), client, tmp_path)
        with pytest.raises(NotAvailable, match="fetch it after that"):
            extract(source(History.BY_WINDOW), fetch_request(now=NOON), client, tmp_path)
        assert server.asked == []
    assert not raised.value.transient
    assert left(tmp_path) == []


def test_a_live_response_after_midnight_is_not_stored_as_yesterdays(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path, now=FRIDAY.end) as (client, _):
        with pytest.raises(NotAvailable, match=r"2026-11-21 00:00:00 UTC, outside 2026-11-20"):
            extract(source(), fetch_request(now=FRIDAY.end - timedelta(seconds=1)), client, tmp_path)
        assert left(tmp_path) == []
        assert extract(source(History.BY_WINDOW), fetch_request(now=FRIDAY.end), client, tmp_path).records == 2


def test_a_crash_between_fetch_and_publish_does_not_repeat_requests(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, server):
        first = extract(source(), fetch_request(1, 2), client, tmp_path)
        asked = len(server.asked)
        # A live source can no longer answer for Friday; what was fetched on Friday still belongs to Friday.
        again = extract(source(), fetch_request(1, 2, now=FRIDAY.end + timedelta(days=3)), client, tmp_path)
        assert len(server.asked) == asked
        assert again.batch_id == first.batch_id
        assert [line.to_bytes() for line in again] == [line.to_bytes() for line in first]
        again.discard()
        renewed = extract(source(), fetch_request(1, 2), client, tmp_path)
    assert renewed.batch_id != first.batch_id


def test_a_batch_for_other_apps_is_not_reused(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, _):
        extract(source(), fetch_request(1, 2), client, tmp_path)
        assert {line.app_id for line in extract(source(), fetch_request(1, 2, 3), client, tmp_path)} == {1, 2, 3}


def test_a_batch_for_other_apps_is_used_once_the_window_is_past(tmp_path: Path) -> None:
    """Whatever would be requested now, the service can no longer provide it."""
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, server):
        first = extract(source(), fetch_request(1, 2), client, tmp_path)
        asked = len(server.asked)
        assert extract(source(), fetch_request(now=FRIDAY.end), client, tmp_path).batch_id == first.batch_id
        assert len(server.asked) == asked


@pytest.mark.parametrize("failure", ["host", "midnight"])
def test_a_failed_fetch_for_other_apps_leaves_the_sealed_batch(failure: str, tmp_path: Path) -> None:
    """If that fetch ran past the window's end, the sealed batch is all there will ever be."""
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, _):
        first = extract(source(), fetch_request(1, 2), client, tmp_path)
    if failure == "host":
        with asking(lambda exchange: exchange.html(status=500), tmp_path) as (client, _), pytest.raises(Unreachable):
            extract(source(), fetch_request(1, 2, 3), client, tmp_path)
        again = Spool.sealed(tmp_path, "tiny", "2026-11-20")
    else:
        with asking(lambda exchange: exchange.json(GOOD), tmp_path, now=FRIDAY.end) as (client, _):
            again = extract(source(), fetch_request(1, 2, 3), client, tmp_path)
    assert again is not None and again.batch_id == first.batch_id
    assert [line.app_id for line in again] == [1, 1, 2, 2]
    again.discard()
    assert left(tmp_path) == []


def one_page(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    for app in fetch_request.apps:
        yield Fetched(client.fetch(Request(STEAM_API, "page", f"/{app}/", {}, parse, app_id=app)), {"rows": 1})


@pytest.mark.slow
def test_latency_is_hidden_behind_the_rate_limit(tmp_path: Path) -> None:
    """100 apps at 50/s with 100 ms latency take at most 1.15 times as long as the rate limit requires."""

    def script(exchange: Exchange) -> None:
        exchange.pause(0.1)
        exchange.json(GOOD)

    with asking(script, tmp_path, rate=50) as (client, _):
        started = monotonic()
        spool = extract(replace(source(), extract=one_page), fetch_request(*range(1, 101)), client, tmp_path)
        took = monotonic() - started
    assert spool.records == 100
    bound = 99 / 50 + 0.1
    print(f"took {took:.2f} s, bound {bound:.2f} s, ratio {took / bound:.3f}, {APPS_AT_ONCE} workers")
    assert in_time(took, 1.15 * bound)


def test_the_fixed_clock_is_fixed_and_utc(tmp_path: Path) -> None:
    fixed = Clock.from_settings(settings("http://h", tmp_path, simulated_now="2026-11-20T13:00:00+01:00"))
    assert fixed.now() == fixed.now() == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert fixed.now().tzinfo is UTC
    assert Clock.from_settings(settings("http://h", tmp_path, simulated_now="2026-11-20T13:00")).now().hour == 13
    running = Clock.from_settings(settings("http://h", tmp_path))
    assert abs(running.now() - datetime.now(UTC)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="STEAM_SIMULATED_NOW"):
        Clock.from_settings(settings("http://h", tmp_path, simulated_now="yesterday"))


def test_a_request_that_the_source_does_not_declare_is_an_error_of_its_author(tmp_path: Path) -> None:
    """Otherwise landing would set aside the source's own responses when it finds them in Kafka."""
    undeclared = replace(source(), requests=("pages", "pag"))
    with (
        asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, _),
        pytest.raises(ValueError, match="'page'; add that name to its `requests`"),
    ):
        extract(undeclared, fetch_request(1), client, tmp_path / "spool")
