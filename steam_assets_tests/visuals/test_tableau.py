"""The Tableau extract, opened and queried with the Hyper API, and publishing against a server's REST endpoints."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pantab
import pyarrow as pa
import pytest
from market_year import HOSTILE, MarketYear, row, schemas
from pydantic import SecretStr

from steam_assets.visuals.tableau import TableauRefused, TableauServer, publish, rows_of, tables_of, write_extract

SECRET = "canary-token-secret"


def made(name: str, *rows: dict[str, Any]) -> Any:
    return rows_of(pa.Table.from_pylist(list(rows), schema=schemas()[name]))


@pytest.fixture
def query(tmp_path: Path) -> Any:
    """Runs SQL over a .hyper file."""

    def run(file: Path, sql: str) -> list[dict[str, Any]]:
        process = {"log_dir": str(tmp_path)}
        found: Any = pantab.frame_from_hyper_query(file, sql, return_type="pyarrow", process_params=process)
        return found.to_pylist()

    return run


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    year = MarketYear(games=12, days=20, weeks=4).data()
    where = tmp_path_factory.mktemp("tableau") / "steam_market.hyper"
    write_extract({name: rows_of(table) for name, table in year.tables.items()}, where)
    return where


@pytest.mark.slow
def test_all_tables_are_there_with_all_their_rows(extract: Path, query: Any) -> None:
    for name, table in MarketYear(games=12, days=20, weeks=4).data().tables.items():
        assert query(extract, f'select count(*) as n from "{name}"') == [{"n": table.num_rows}], name


@pytest.mark.slow
def test_tables_are_related_by_app(extract: Path, query: Any) -> None:
    """Every row with an app finds it in ``apps``, and a question over two tables is answered by the key."""
    sql = (
        'select a."name", max(p."players_peak") as peak, count(distinct m."week_start") as weeks from "apps" a '
        'join "most_played" p using ("app_id") join "insight_top_seller_moves" m using ("app_id") '
        'where a."app_id" = 400 group by 1'
    )
    (found,) = query(extract, sql)
    assert found["name"] == HOSTILE[0] and found["peak"] > 0 and found["weeks"] == 4
    for name in ("most_played", "insight_news_markers", "reviews"):
        sql = f'select count(*) as n from "{name}" where "app_id" not in (select "app_id" from "apps")'
        assert query(extract, sql) == [{"n": 0}]


@pytest.mark.slow
def test_the_keys_are_declared_in_the_file(extract: Path, query: Any) -> None:
    kinds = query(
        extract, "select cast(contype as text) as kind, count(*) as n from pg_catalog.pg_constraint group by 1"
    )
    with_app = [name for name, schema in schemas().items() if "app_id" in schema.names]
    related = [name for name in MarketYear(games=12, days=20, weeks=4).data().tables if name in with_app]
    assert {one["kind"]: one["n"] for one in kinds} == {"p": 1, "f": len(related)}


def test_hostile_texts_and_types_come_back_as_they_were(tmp_path: Path, query: Any) -> None:
    """Every hostile text, nulls, moments in UTC, lists as text, and whole numbers above 32 bits."""
    where = tmp_path / "types.hyper"
    at = datetime(2026, 11, 10, 9, 30, tzinfo=UTC)
    rows = [
        row(
            week_start=date(2026, 11, 10), app_id=2**33 + n, gid=str(n), title=text, published_at=at,
            tags=["patchnotes", "a, b"], is_primary=True, partition_key="2026-11-10", changes=[],
        )
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    write_extract({"news": made("news", *rows)}, where)
    found = query(where, 'select * from "news" order by "app_id"')
    assert [one["title"] for one in found] == list(HOSTILE)
    assert {one["published_at"] for one in found} == {at}
    assert found[0]["tags"] == "patchnotes, a, b" and found[0]["changes"] == "" and found[0]["url"] is None
    assert found[-1]["app_id"] == 2**33 + len(HOSTILE) - 1


def test_unsigned_numbers_are_written_as_signed_ones(tmp_path: Path, query: Any) -> None:
    """Hyper has no unsigned type; one that does not fit fails and does not wrap."""
    table = pa.table({"n": pa.array([0, 2**63 - 1], pa.uint64())})
    write_extract({"counts": rows_of(table)}, tmp_path / "n.hyper")
    assert query(tmp_path / "n.hyper", 'select sum("n") as n from "counts"')[0]["n"] == 2**63 - 1
    with pytest.raises(pa.ArrowInvalid, match="not in range"):
        write_extract({"counts": rows_of(pa.table({"n": pa.array([2**64 - 1], pa.uint64())}))}, tmp_path / "n.hyper")


def test_lists_of_large_texts_and_of_numbers_become_texts(tmp_path: Path, query: Any) -> None:
    """Iceberg's reader gives lists and texts in their large form; numbers in a list are written as text, too."""
    tags = pa.array([["a", "b"], [], None], pa.large_list(pa.large_string()))
    ids = pa.array([[22, -1], None, []], pa.large_list(pa.int32()))
    write_extract({"tagged": rows_of(pa.table({"n": [1, 2, 3], "tags": tags, "ids": ids}))}, tmp_path / "l.hyper")
    found = query(tmp_path / "l.hyper", 'select "tags", "ids" from "tagged" order by "n"')
    assert [(one["tags"], one["ids"]) for one in found] == [("a, b", "22, -1"), ("", None), (None, "")]


def test_a_name_that_is_no_name_does_not_reach_sql(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a valid table name"):
        write_extract({'x"; drop table "apps': rows_of(pa.table({"n": [1]}))}, tmp_path / "a.hyper")


def test_a_column_without_a_type_is_named(tmp_path: Path) -> None:
    table = pa.table({"pair": pa.array([{"a": 1}])})
    with pytest.raises(TypeError, match=r"odd\.pair is a struct"):
        write_extract({"odd": rows_of(table)}, tmp_path / "odd.hyper")


@pytest.mark.slow
def test_the_meanings_travel_with_the_file(extract: Path, query: Any) -> None:
    (told,) = query(extract, 'select * from "about_tables" where "table_name" = \'insight_update_effect\'')
    assert "Net effect" in told["method"] and told["error"]
    sql = 'select "unit" from "about_columns" where "table_name" = \'most_played\' and "column_name" = \'players_peak\''
    assert query(extract, sql) == [{"unit": "players"}]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, query: Any) -> None:
    """The file is replaced whole: one that fails half-way changes nothing, and leaves no part behind."""
    where = tmp_path / "market.hyper"
    write_extract({"visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate"))}, where)

    def broken(columns: Any) -> pa.RecordBatchReader:
        schema = pa.schema([("n", pa.int64())])

        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch([pa.array([1])], schema=schema)
            raise OSError("the lake went away")

        return pa.RecordBatchReader.from_batches(schema, batches())

    with pytest.raises(OSError, match="lake went away"):
        write_extract({"visits": broken}, where)
    assert query(where, 'select "visits" from "visits"') == [{"visits": 7}]
    assert sorted(path.name for path in tmp_path.iterdir() if "hyperd" not in path.name) == ["market.hyper"]


def test_the_log_does_not_land_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    write_extract({"visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate"))}, out / "a.hyper")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["a.hyper"]


def test_our_own_table_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="apps"):
        write_extract({"apps": rows_of(pa.table({"n": [1]}))}, tmp_path / "a.hyper")


def test_an_empty_lake_has_no_tables(tmp_path: Path) -> None:
    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.settings import Settings

    assert tables_of(CleanReader(Settings(home=tmp_path))) == {}


@dataclass
class FakeTableau:
    """The REST endpoints used: server info, sign-in, projects, publish, sign-out."""

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


def small() -> dict[str, Any]:
    day = date(2026, 11, 18)
    chart = row(day=day, rank=1, app_id=10, name="Counter", players_now=5, players_peak=9, partition_key="2026-11-18")
    return {
        "most_played": made("most_played", chart),
        "visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate")),
    }


def test_each_table_is_published_as_a_data_source(tableau: FakeTableau, tmp_path: Path, query: Any) -> None:
    """What arrives opens in Hyper, has one fact table, and ``apps`` where it has an app id; the session is closed."""
    ids = publish(small(), account(tableau))
    assert set(ids) == {"most_played", "visits"} and set(tableau.published) == {"Steam: most_played", "Steam: visits"}
    assert tableau.signed_in[0]["personalAccessTokenName"] == "steam"
    assert any("overwrite=true" in asked and "datasourceType=hyper" in asked for asked in tableau.asked)
    assert tableau.asked[-1].endswith("/auth/signout")
    file = tmp_path / "arrived.hyper"
    file.write_bytes(tableau.published["Steam: most_played"])
    sql = 'select a."name", p."players_peak" from "most_played" p join "apps" a using ("app_id")'
    assert query(file, sql) == [{"name": "Counter", "players_peak": 9}]
    file.write_bytes(tableau.published["Steam: visits"])
    assert query(file, 'select "visits" from "visits"') == [{"visits": 7}]


def test_a_wrong_token_is_told_without_showing_it(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="renew the token") as refused:
        publish(small(), account(tableau, secret="wrong-canary"))
    assert "wrong-canary" not in str(refused.value) + repr(account(tableau, secret="wrong-canary"))
    assert tableau.published == {}


def test_a_missing_project_is_named(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="no project 'Elsewhere'"):
        publish(small(), account(tableau, project="Elsewhere"))


def test_a_refused_file_is_told_in_the_servers_words(tableau: FakeTableau) -> None:
    tableau.refuse_publish = True
    with pytest.raises(TableauRefused, match="one fact table"):
        publish(small(), account(tableau))


def test_a_token_is_not_sent_in_the_clear(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="not https"):
        publish(small(), account(tableau, url="http://tableau.example"))


def test_a_server_that_is_down_is_told(tableau: FakeTableau) -> None:
    with pytest.raises(TableauRefused, match="make sure that it is running"):
        publish(small(), account(tableau, url="http://127.0.0.1:9"))
