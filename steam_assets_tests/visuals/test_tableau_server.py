"""Publishing through a server's REST endpoints."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
from market_year import row
from pydantic import SecretStr
from tableau_tables import ask, made

from steam_assets.visuals.tableau.extract import Rows
from steam_assets.visuals.tableau.server import TableauRefused, TableauServer, publish

SECRET = "canary-token-secret"


@dataclass
class FakeTableau:
    """The REST endpoints in use: server info, sign-in, projects, publish and sign-out."""

    url: str = ""
    signed_in: list[dict[str, str]] = field(default_factory=list)
    published: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuse_publish: bool = False


XML = '<?xml version="1.0" encoding="UTF-8"?><tsResponse xmlns="http://tableau.com/api">{}</tsResponse>'
INFO = '<serverInfo><productVersion build="1">2025.1</productVersion><restApiVersion>3.25</restApiVersion></serverInfo>'
SESSION = '<credentials token="session-token"><site id="s-1" contentUrl=""/><user id="u-1"/></credentials>'
PROJECT = '<project id="p-1" name="Games"/>'


def problem(code: int, detail: str) -> str:
    return f'<error code="{code}"><summary>Refused</summary><detail>{detail}</detail></error>'


class Endpoints(BaseHTTPRequestHandler):
    fake: FakeTableau

    def log_message(self, format: str, *args: object) -> None:
        self.fake.asked.append(f"{self.command} {self.path}")

    def _answer(self, status: int, inner: str) -> None:
        body = XML.format(inner).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _allowed(self) -> bool:
        return self.headers.get("X-Tableau-Auth") == "session-token"

    def do_GET(self) -> None:
        if self.path.endswith("/serverInfo"):
            self._answer(200, INFO)
        elif "/projects" in self.path and self._allowed():
            found = int("Games" in self.path)
            page = f'<pagination pageNumber="1" pageSize="100" totalAvailable="{found}"/>'
            self._answer(200, f"{page}<projects>{PROJECT * found}</projects>")
        else:
            self._answer(401, problem(401002, "no session"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/auth/signin"):
            self._sign_in(body)
        elif self.path.endswith("/auth/signout"):
            self.send_response(204)
            self.end_headers()
        elif "/datasources?" in self.path and self._allowed():
            self._publish(body)
        else:
            self._answer(401, problem(401002, "no session"))

    def _sign_in(self, body: bytes) -> None:
        (asked,) = ElementTree.fromstring(body)
        self.fake.signed_in.append(dict(asked.attrib))
        right = asked.attrib.get("personalAccessTokenSecret") == SECRET
        self._answer(200 if right else 401, SESSION if right else problem(401001, "wrong token"))

    def _publish(self, body: bytes) -> None:
        if self.fake.refuse_publish:
            self._answer(400, problem(400011, "one fact table"))
            return
        found = re.search(rb'<datasource[^>]*name="([^"]+)"', body)
        boundary = re.search('boundary="?([^";]+)', self.headers["Content-Type"])
        assert found is not None and boundary is not None
        name = found[1].decode()
        part = next(one for one in body.split(b"--" + boundary[1].encode()) if b"tableau_datasource" in one)
        self.fake.published[name] = part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        number = len(self.fake.published)
        self._answer(201, f'<datasource id="d-{number}" name="{name}">{PROJECT}</datasource>')


@pytest.fixture
def tableau() -> Iterator[FakeTableau]:
    fake = FakeTableau()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Endpoints,), {"fake": fake}))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


def account(fake: FakeTableau, secret: str = SECRET, project: str = "Games", url: str = "") -> TableauServer:
    return TableauServer(url or fake.url, project, "steam", SecretStr(secret), site="shop", timeout_seconds=10)


def small() -> dict[str, Rows]:
    day = date(2026, 11, 18)
    chart = row(day=day, rank=1, app_id=10, name="Counter", players_now=5, players_peak=9, partition_key="2026-11-18")
    return {
        "most_played": made("most_played", chart),
        "visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate")),
    }


def test_each_table_is_published_as_a_data_source(tableau: FakeTableau, tmp_path: Path) -> None:
    """Each upload opens in Hyper with one fact table, and with ``apps`` if it has app IDs.

    The session is signed out.
    """
    ids = publish(small(), account(tableau))
    assert set(ids) == {"most_played", "visits"} and set(tableau.published) == {"Steam: most_played", "Steam: visits"}
    assert tableau.signed_in[0]["personalAccessTokenName"] == "steam"
    assert any("overwrite=true" in asked and "datasourceType=hyper" in asked for asked in tableau.asked)
    assert tableau.asked[-1].endswith("/auth/signout")
    file = tmp_path / "arrived.hyper"
    file.write_bytes(tableau.published["Steam: most_played"])
    sql = 'select a."name", p."players_peak" from "most_played" p join "apps" a using ("app_id")'
    assert ask(file, sql) == [{"name": "Counter", "players_peak": 9}]
    kinds = ask(file, "select cast(contype as text) as kind, count(*) as n from pg_catalog.pg_constraint group by 1")
    assert {one["kind"]: one["n"] for one in kinds} == {"p": 1, "f": 1}
    file.write_bytes(tableau.published["Steam: visits"])
    assert ask(file, 'select "visits" from "visits"') == [{"visits": 7}]


def test_a_wrong_token_is_reported_without_showing_it(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="renew the token") as refused:
        publish(small(), account(tableau, secret="wrong-canary"))
    assert "wrong-canary" not in str(refused.value) + repr(account(tableau, secret="wrong-canary"))
    assert tableau.published == {}


def test_a_missing_project_is_named(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="no project 'Elsewhere'"):
        publish(small(), account(tableau, project="Elsewhere"))


def test_a_refused_file_is_reported_with_the_servers_message(tableau: FakeTableau) -> None:
    tableau.refuse_publish = True
    with pytest.raises(TableauRefused, match="one fact table"):
        publish(small(), account(tableau))


def test_a_token_is_not_sent_unencrypted(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="not https"):
        publish(small(), account(tableau, url="http://tableau.example"))


def test_a_server_that_is_down_is_reported(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="make sure that it is running"):
        publish(small(), account(tableau, url="http://127.0.0.1:9"))
