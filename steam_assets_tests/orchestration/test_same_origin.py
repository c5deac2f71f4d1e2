"""Pages of other sites can neither trigger nor read anything in the Dagster UI, and the UI itself works."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from steam_assets.loopback import free_port
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.waiting import START_SECONDS, wait_until

pytestmark = pytest.mark.process

PROXY = "dagster.example"
MUTATION = "mutation { setNuxSeen }"
BY_GET = f"/graphql?query={quote(MUTATION)}"
JSON = {"content-type": "application/json"}
BODY = json.dumps({"query": MUTATION})
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a webserver without code; the proxy in front of it listens on ``PROXY``."""
    home, port = tmp_path_factory.mktemp("webserver"), free_port()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    module = ("-m", "steam_assets.orchestration.webserver", "--empty-workspace", "--port", str(port))
    environment = os.environ | {"DAGSTER_HOME": str(home), "STEAM_DAGSTER_UI_HOSTS": f"other.example, {PROXY}"}
    with Supervised([sys.executable, *module], folder=home, output=home / "log.txt", environment=environment, grace=10):
        wait_until(lambda: _answers(port), START_SECONDS, f"the webserver; {(home / 'log.txt')} has its words")
        yield port


def _answers(port: int) -> bool | None:
    with suppress(requests.ConnectionError):
        return requests.get(f"http://127.0.0.1:{port}/server_info", timeout=5).ok or None
    return None


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str | None = None) -> tuple[int, str]:
    """Return status and body; ``{port}`` in headers is filled in, and ``host`` defaults to the server's own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {name: value.format(port=port) for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        # A page of another site, in current browsers and in browsers ten years old.
        ("POST", "/graphql", {**JSON, "origin": "https://evil.example"}),
        ("POST", "/graphql", {**JSON, "origin": "null"}),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:8000"}),
        ("POST", "/graphql", {**JSON, "origin": "http://localhost:{port}"}),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:{port}.evil.example"}),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:{port}@evil.example"}),
        ("POST", "/graphql", {**JSON, "sec-fetch-site": "cross-site"}),
        ("POST", "/graphql", {**JSON, "sec-fetch-site": "same-site"}),
        ("POST", "/graphql", {"content-type": "text/plain"}),
        ("POST", "/graphql", {"content-type": "text/plain; application/json"}),
        ("POST", "/graphql", {"content-type": "application/graphql"}),
        ("POST", BY_GET, {"content-type": "application/x-www-form-urlencoded"}),
        ("POST", BY_GET, {"content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "cross-site"}),
        ("POST", BY_GET, {}),
        ("POST", "/report_asset_materialization/reviews/raw", {}),
        ("PUT", "/graphql", {}),
        ("GET", BY_GET, {}),
        ("GET", BY_GET, {"accept": "*/*", "sec-fetch-site": "none"}),
        ("HEAD", BY_GET, {}),
        ("GET", BY_GET, {**NAVIGATION, "sec-fetch-site": "cross-site"}),
        ("GET", "/", {**NAVIGATION, "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}),
        ("GET", "/favicon.png", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
        ("GET", "/logs/a.err", {**NAVIGATION, "sec-fetch-site": "cross-site"}),
        ("OPTIONS", "/graphql", {"origin": "https://evil.example"}),
        # DNS rebinding: another name that resolves to this machine makes everything same-origin.
        ("GET", "/server_info", {"host": "evil.example:{port}"}),
        ("POST", "/graphql", {**JSON, "host": "evil.example:{port}", "origin": "http://evil.example:{port}"}),
        ("GET", "/", {"host": "127.0.0.1.nip.io"}),
        ("GET", "/", {"host": "localhost.evil.example"}),
        ("GET", "/", {"host": "0.0.0.0:{port}"}),
        ("GET", "/", {"host": "evil.example#localhost"}),
        ("GET", "/", {"host": f"evil.example@{PROXY}"}),
        ("GET", "/", {"host": ""}),
    ],
)
def test_requests_that_another_site_may_have_sent_are_refused_in_one_line(
    port: int, method: str, path: str, headers: dict[str, str]
) -> None:
    status, body = ask(port, method, path, headers, BODY if method == "POST" else None)
    assert status == 403
    assert method == "HEAD" or (body.startswith("Refused: ") and body.count("\n") == 1)


def test_a_header_that_occurs_twice_is_refused(port: int) -> None:
    """Another part of the server could read the other of the two values."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("Host", "127.0.0.1")
    connection.putheader("Host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", JSON),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:{port}", "sec-fetch-site": "same-origin"}),
        ("POST", "/graphql", {"content-type": "application/json; charset=utf-8", "host": "LOCALHOST:{port}"}),
        ("POST", "/graphql", {**JSON, "host": "[::1]:{port}", "origin": "http://[::1]:{port}"}),
        ("POST", "/graphql", {**JSON, "host": PROXY, "origin": f"https://{PROXY}"}),
        ("POST", "/graphql", {**JSON, "host": f"{PROXY}:443", "origin": f"https://{PROXY}"}),
        ("GET", "/", {}),
        ("GET", "/runs", {**NAVIGATION, "sec-fetch-site": "none"}),
        ("GET", "/runs", {**NAVIGATION, "sec-fetch-site": "cross-site"}),
        ("GET", "/graphql", {**NAVIGATION, "sec-fetch-site": "none"}),
        ("GET", "/favicon.png", {"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"}),
    ],
)
def test_the_dagster_ui_and_programs_are_served(port: int, method: str, path: str, headers: dict[str, str]) -> None:
    status, body = ask(port, method, path, headers, BODY if method == "POST" else None)
    assert status == 200, body
    assert method == "GET" or json.loads(body) == {"data": {"setNuxSeen": True}}


def test_no_other_site_can_show_a_page_in_a_frame(port: int) -> None:
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=60).headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", None])
def test_subscriptions_from_the_dagster_ui_are_accepted(port: int, origin: str | None) -> None:
    own = Origin(origin.format(port=port)) if origin else None
    with connect(
        f"ws://127.0.0.1:{port}/graphql", origin=own, subprotocols=[Subprotocol("graphql-ws")], proxy=None
    ) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv(30)) == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:8000", "null"])
def test_subscriptions_from_another_site_are_refused(port: int, origin: str) -> None:
    address = f"ws://127.0.0.1:{port}/graphql"
    with pytest.raises(InvalidStatus) as refused, connect(address, origin=Origin(origin), proxy=None):
        pass
    assert refused.value.response.status_code == 403
    assert refused.value.response.body.startswith(b"Refused: ")
