"""Responses and failures of a host as the client passes them to sources."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from faulty_server import Exchange, FaultyServer, Script, serving

from steam_assets.clock import Clock
from steam_assets.extraction import transport
from steam_assets.extraction.errors import EndpointGone, KeyRequired, Unreachable, UnusableResponse
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.settings import Settings
from steam_assets.sources.host import Host
from steam_assets.sources.source import InvalidResponse, Rejected, Request
from steam_assets.sources.steam import STEAM_API
from steam_assets_tests.waiting import in_time

QUICK = RetryPolicy(
    connect_seconds=2,
    read_seconds=2,
    answer_seconds=5,
    total_seconds=20,
    attempts=4,
    invalid_attempts=3,
    backoff_base_seconds=0.01,
    backoff_cap_seconds=0.02,
    cool_down_seconds=0.2,
    cool_down_cap_seconds=2.5,
    cool_downs=2,
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = b'{"ok": 1}'


def parse(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise InvalidResponse(f"no JSON: {error}") from error
    if not isinstance(value, dict) or "ok" not in value:
        raise InvalidResponse("the answer has no 'ok'")
    return value


def request(host: Host = STEAM_API, **params: str) -> Request[dict[str, Any]]:
    return Request(host, "thing", "/IThing/Get/v1/", params, parse, app_id=10)


def settings(url: str, home: Path, **more: Any) -> Settings:
    own = Settings(_env_file=None, home=home, **more)  # pyright: ignore[reportCallIssue]
    return served_by(own, url, 500.0).model_copy(update={name: getattr(own, name) for name in more})


@contextmanager
def asking(
    script: Script, home: Path, retry_policy: RetryPolicy = QUICK, **more: Any
) -> Iterator[tuple[HttpClient, FaultyServer]]:
    with serving(script) as server, HttpClient(settings(server.url, home, **more), Clock(NOON), retry_policy) as client:
        yield client, server


def test_an_answer_comes_with_its_bytes_time_and_the_headers_of_interest(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.json(GOOD, X_eresult="1", Set_Cookie="browserid=1; Path=/", ETag='"a"', Server="nginx")

    with asking(script, tmp_path) as (client, server):
        response = client.fetch(request(q="a+b=c d"))
        client.fetch(request())
    assert (response.status, response.body, response.value) == (200, GOOD, {"ok": 1})
    assert response.fetched_at == NOON
    assert response.url == f"{server.url}/IThing/Get/v1/?q=a%2Bb%3Dc+d"
    assert server.asked[0] == "/IThing/Get/v1/?q=a%2Bb%3Dc+d"
    assert response.headers["x-eresult"] == "1"
    assert set(response.headers) == {"content-type", "date", "etag", "x-eresult"}
    assert server.headers[0]["user-agent"].startswith("steam-assets/")
    assert "cookie" not in server.headers[1]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_transient_server_error_is_retried(status: int, tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.json(GOOD) if exchange.number >= 2 else exchange.html(status=status)

    with asking(script, tmp_path) as (client, server):
        assert client.fetch(request()).value == {"ok": 1}
    assert len(server.asked) == 3


def test_a_permanent_server_error_ends_after_the_stated_attempts_with_its_evidence(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.html(b"<html>boom", 502), tmp_path) as (client, server):
        with pytest.raises(Unreachable, match="HTTP 502") as raised:
            client.fetch(request())
        with pytest.raises(Unreachable):
            client.fetch_or_reject(request())
    assert len(server.asked) == 2 * QUICK.attempts
    assert raised.value.transient
    assert raised.value.evidence is not None
    assert raised.value.evidence.body == b"<html>boom"


def test_retries_end_with_the_total_time(tmp_path: Path) -> None:
    retry_policy = RetryPolicy(attempts=10_000, total_seconds=0.5, backoff_base_seconds=0.02, backoff_cap_seconds=0.05)
    started = monotonic()
    with (
        asking(lambda exchange: exchange.html(status=500), tmp_path, retry_policy) as (client, _),
        pytest.raises(Unreachable),
    ):
        client.fetch(request())
    took = monotonic() - started
    assert took > 0.3 and in_time(took, 2)


def test_a_closed_port_is_reported_as_unreachable(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with (
        HttpClient(settings(url, tmp_path), Clock(), QUICK) as client,
        pytest.raises(Unreachable, match=r"refused.*try again later"),
    ):
        client.fetch(request())


BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "head",
    [
        BROKEN_OFF + b'Content-Length: 1000\r\n\r\n{"ok":',
        BROKEN_OFF + b'Connection: close\r\n\r\n{"ok":',
        BROKEN_OFF + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"ok":',
        b"HTTP/1.1 200 OK\r\nConte",
        b"",
    ],
    ids=["shorter than Content-Length", "no Content-Length", "chunked", "in the headers", "no answer"],
)
def test_a_truncated_response_is_retried(head: bytes, tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.json(GOOD) if exchange.number else exchange.raw(head)

    with asking(script, tmp_path) as (client, server):
        assert client.fetch(request()).body == GOOD
    assert len(server.asked) == 2


def test_a_reset_within_the_body_is_retried(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        if exchange.number:
            return exchange.json(GOOD)
        exchange.wfile.write(BROKEN_OFF + b"Content-Length: 1000\r\n\r\n{")
        return exchange.reset()

    with asking(script, tmp_path) as (client, server):
        assert client.fetch(request()).body == GOOD
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("head", "piece"),
    [(BROKEN_OFF + b"Content-Length: 100000\r\n\r\n", b" "), (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), (b"HTTP", b"/")],
    ids=["body", "headers", "status line"],
)
def test_a_trickling_response_ends_at_the_deadline(head: bytes, piece: bytes, tmp_path: Path) -> None:
    retry_policy = RetryPolicy(read_seconds=5, answer_seconds=0.4, attempts=2, backoff_base_seconds=0.01)
    started = monotonic()
    with asking(lambda exchange: exchange.trickle(head, piece, 0.05), tmp_path, retry_policy) as (client, server):
        with pytest.raises(Unreachable, match=r"within 0\.4 s"):
            client.fetch(request())
        assert len(server.asked) == 2
    assert in_time(monotonic() - started, 3)


def test_a_silent_host_times_out(tmp_path: Path) -> None:
    retry_policy = RetryPolicy(read_seconds=0.2, attempts=2, backoff_base_seconds=0.01)
    with asking(lambda exchange: exchange.pause(30), tmp_path, retry_policy) as (client, server):
        with pytest.raises(Unreachable, match=r"(?i)timed out"):
            client.fetch(request())
        assert len(server.asked) == 2


def test_html_instead_of_json_is_retried(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.json(GOOD) if exchange.number else exchange.html(b"<!DOCTYPE html><title>Maintenance</title>")

    with asking(script, tmp_path) as (client, _):
        assert client.fetch(request()).body == GOOD


@pytest.mark.parametrize(
    ("body", "content_type", "reason", "transient"),
    [
        (b"\xef\xbb\xbf \n<html>login</html>", "application/json", "HTML instead of JSON", True),
        (b"please log in", "text/html; charset=utf-8", "HTML instead of JSON", True),
        (b"", "application/json", "empty", True),
        (b"null", "application/json", "no 'ok'", False),
        (b'{"response":{}}', "application/json", r"no 'ok' \(x-eresult '8'\)", False),
        (b'{"ok"', "application/json", "no JSON", False),
    ],
)
def test_an_answer_that_stays_invalid_is_kept_with_its_reason(
    body: bytes, content_type: str, reason: str, transient: bool, tmp_path: Path
) -> None:
    def script(exchange: Exchange) -> None:
        exchange.answer(body, 200, Content_Type=content_type, X_eresult="8")

    with asking(script, tmp_path) as (client, server):
        with pytest.raises(UnusableResponse, match=reason) as raised:
            client.fetch(request())
        assert len(server.asked) == QUICK.invalid_attempts
        rejected = client.fetch_or_reject(request())
    assert raised.value.transient is transient
    assert isinstance(rejected, Rejected)
    assert rejected.body == body.removeprefix(b"\xef\xbb\xbf")
    assert (rejected.status, rejected.headers["x-eresult"], rejected.fetched_at) == (200, "8", NOON)
    assert str(raised.value) == rejected.reason


@pytest.mark.parametrize("status", [400, 404, 410])
def test_one_app_unknown_to_the_service_does_not_end_the_others(status: int, tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.html(status=status), tmp_path) as (client, _):
        rejected = client.fetch_or_reject(request())
    assert isinstance(rejected, Rejected)
    assert f"HTTP {status}" in rejected.reason


def test_a_missing_key_is_not_retried(tmp_path: Path) -> None:
    with (
        asking(lambda exchange: exchange.html(status=401), tmp_path) as (client, server),
        pytest.raises(KeyRequired, match="key") as raised,
    ):
        client.fetch_or_reject(request())
    assert len(server.asked) == 1
    assert not raised.value.transient


def test_a_redirect_is_never_followed_and_its_body_is_capped(tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with serving(lambda exchange: exchange.json(GOOD)) as elsewhere:

        def script(exchange: Exchange) -> None:
            if "big" in exchange.path:
                return exchange.html(bomb, 302, Location=elsewhere.url, Content_Encoding="gzip")
            return exchange.html(b"moved", 302, Location=f"{elsewhere.url}/latest/meta-data")

        with asking(script, tmp_path) as (client, server):
            with pytest.raises(EndpointGone, match="gone or has moved") as raised:
                client.fetch_or_reject(request())
            assert len(server.asked) == 1
            with pytest.raises(UnusableResponse, match="100 times"):
                client.fetch(request(big="1"))
        assert elsewhere.asked == []
    assert not raised.value.transient
    assert raised.value.evidence is not None
    assert raised.value.evidence.status == 302


def test_a_decompression_bomb_is_cut_off(tmp_path: Path) -> None:
    bomb = gzip.compress(b'{"ok": 1' + b" " * 50_000_000 + b"}")
    with (
        asking(lambda exchange: exchange.json(bomb, Content_Encoding="gzip"), tmp_path) as (client, _),
        pytest.raises(UnusableResponse, match="100 times") as raised,
    ):
        client.fetch(request())
    assert raised.value.evidence is not None
    assert len(raised.value.evidence.body) <= transport.EVIDENCE_BYTES


def test_an_oversized_answer_is_cut_off(tmp_path: Path) -> None:
    piece = b"x" * 2**20
    sent = 0

    def script(exchange: Exchange) -> None:
        nonlocal sent
        exchange.wfile.write(BROKEN_OFF + b'Connection: close\r\n\r\n{"ok": "')
        exchange.close_connection = True
        for _ in range(200):
            exchange.wfile.write(piece)
            sent += len(piece)

    with asking(script, tmp_path, RetryPolicy(invalid_attempts=1)) as (client, _):
        rejected = client.fetch_or_reject(request())
    assert isinstance(rejected, Rejected)
    assert "32 MiB" in rejected.reason
    assert sent < 2 * transport.MAX_BODY_BYTES


def test_a_highly_compressed_response_is_accepted(tmp_path: Path) -> None:
    body = json.dumps({"ok": [{"appid": n, "name": f"Game {n}"} for n in range(40_000)]}).encode()
    packed = gzip.compress(body)
    with asking(lambda exchange: exchange.json(packed, Content_Encoding="gzip"), tmp_path) as (client, _):
        assert client.fetch(request()).body == body


@pytest.mark.parametrize(
    ("sent", "content_type", "read_as"),
    [
        (b'\xef\xbb\xbf{"ok": "\xc3\xa9"}', "application/json", None),
        (b'{"ok": "\xc3\xa9"}', "application/json; charset=iso-8859-1", None),
        (b'{"ok": "\xe9"}', "application/json; charset=iso-8859-1", "iso-8859-1"),
        ('{"ok": "é"}'.encode("utf-16"), "application/json", "utf-16"),
        (b'{"ok": "\xe9"}', "application/json; charset=nonsense", "utf-8 with replacements"),
        (b'{"ok": "\xe9"}', 'application/json; charset="a\0b"', "utf-8 with replacements"),
        (b'{"ok": "\xe9"}', "application/json; charset*=a\0b'en'x", "utf-8 with replacements"),
    ],
    ids=[
        "byte-order mark",
        "UTF-8 declared wrongly",
        "declared Latin-1",
        "UTF-16",
        "unknown charset",
        "NUL",
        "encoded NUL",
    ],
)
def test_any_charset_becomes_utf8_with_a_note(
    sent: bytes, content_type: str, read_as: str | None, tmp_path: Path
) -> None:
    with asking(lambda exchange: exchange.answer(sent, 200, Content_Type=content_type), tmp_path) as (client, _):
        response = client.fetch(request())
    expected = "�" if read_as == "utf-8 with replacements" else "é"
    assert response.body == f'{{"ok": "{expected}"}}'.encode()
    assert response.headers.get("x-read-as") == read_as


def test_real_error_pages_of_the_service_are_distinguished(recorded: Path, tmp_path: Path) -> None:
    pages = {int(path.name.split("_")[2][:3]): path.read_bytes() for path in (recorded / "errors").glob("api_*.html")}

    def script(exchange: Exchange) -> None:
        exchange.html(pages[401], 401)

    assert set(pages) == {401, 403, 429}
    with asking(script, tmp_path) as (client, _), pytest.raises(KeyRequired) as raised:
        client.fetch(request())
    assert raised.value.evidence is not None
    assert b"Retrying will not help" in raised.value.evidence.body
