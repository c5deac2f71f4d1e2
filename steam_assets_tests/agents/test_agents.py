"""The MCP server as an agent's client sees it, on stdio and HTTP: right numbers, gaps, limits and quoted text."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult
from thirty_questions import ALL, SOURCE_OF, Asked, missing_of

from steam_assets.agents.quoting import LONGEST_TEXT
from steam_assets.insights import INSIGHTS
from steam_assets.lake.lake import Lake
from steam_assets.loopback import free_port
from steam_assets.query.descriptions import descriptions
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.processes import STEAM_ASSETS, Program
from steam_assets_tests.query.made_up_market import HOSTILE_NAME, HOSTILE_REVIEW, NOW, Market, Rows
from steam_assets_tests.waiting import in_time

pytestmark = pytest.mark.process

SECONDS, ROWS = 6, 50
Call = Callable[..., CallToolResult]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Market().rows


@pytest.fixture(scope="module")
def environment(market_lake: Lake) -> dict[str, str]:
    return {**os.environ, "STEAM_HOME": str(market_lake.settings.home), "STEAM_SIMULATED_NOW": NOW.isoformat()}


@pytest.fixture(scope="module")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server on HTTP."""
    port = free_port()
    command = [STEAM_ASSETS, "mcp", "--http", "--port", str(port), "--seconds", str(SECONDS), "--rows", str(ROWS)]
    with Program(command, tmp_path_factory.mktemp("mcp") / "log.txt", environment) as program:
        program.wait_for_output("/mcp")
        _wait_until_it_answers(port)
        yield f"http://127.0.0.1:{port}/mcp"


def _wait_until_it_answers(port: int) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=8), trust_env=False) as client:
        client.get(f"http://127.0.0.1:{port}/")


@pytest.fixture(scope="module", params=rest_nightly(["stdio", "http"]))
def call(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[Call]:
    """Calls a tool with the SDK's own client over one connection."""
    if request.param == "http":
        target: Any = request.getfixturevalue("address")
    else:
        arguments = ["mcp", "--seconds", str(SECONDS), "--rows", str(ROWS)]
        target = stdio_client(StdioServerParameters(command=STEAM_ASSETS, args=arguments, env=environment))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Client(target)) as client:

        def called(tool: str, **given: Any) -> CallToolResult:
            return portal.call(client.call_tool, tool, given)

        yield called


def answered(call: Call, tool: str, **arguments: Any) -> dict[str, Any]:
    result = call(tool, **arguments)
    assert not result.is_error, result.content
    (content,) = result.content
    fields = result.structured_content
    assert isinstance(fields, dict) and json.loads(content.text) == fields  # pyright: ignore[reportAttributeAccessIssue]
    return fields


def refused(call: Call, tool: str, **arguments: Any) -> str:
    result = call(tool, **arguments)
    assert result.is_error
    return result.content[0].text  # pyright: ignore[reportAttributeAccessIssue]


def named_gaps(coverage: dict[str, Any]) -> set[tuple[str, date]]:
    """Each missing period of each table, parsed from the gap text."""
    found: set[tuple[str, date]] = set()
    for gap in coverage["gaps"]:
        cadence = Cadence(gap["cadence"])
        for part in gap["periods"].split(", "):
            first, _, last = part.partition(" to ")
            windows = cadence.between(first, last or first)
            found |= {(gap["table"], window.start.date()) for window in windows}
        assert gap["why"]
    return found


def test_there_are_thirty_questions() -> None:
    assert len({one.text for one in ALL}) == 30


@pytest.mark.parametrize("asked", rest_nightly(ALL, kept=12), ids=lambda one: one.text)
def test_the_number_is_right_and_every_gap_is_named(asked: Asked, call: Call, rows: Rows) -> None:
    """The answer also has the method, the limitations and the as-of of its tables."""
    answer = answered(call, asked.tool, **asked.arguments)
    names = [column["name"] for column in answer["columns"]]
    value = answer["rows"][0][names.index(asked.column) if asked.column else 0]
    assert value == pytest.approx(asked.number(rows))
    assert named_gaps(answer["coverage"]) == asked.missing
    assert {one["table"] for one in answer["coverage"]["as_of"]} == set(asked.reads)
    for one in answer["coverage"]["as_of"]:
        own = rows.get(one["table"])
        assert one["newest_partition"] == (max(row["partition_key"] for row in own) if own else None)
        assert not own or one["collected_at"].startswith(one["newest_partition"][:7])
    assert answer["provenance"]
    for one in answer["provenance"]:
        known = descriptions()[one["table"]]
        assert (one["method"], one["limitations"]) == (known.method, known.limitations)
    assert "quoted" in answer["notice"]


def test_tables_are_listed_and_described_with_units_and_gaps(call: Call, rows: Rows) -> None:
    listed = answered(call, "list_tables")["tables"]
    clean = {table.name for source in SOURCES for table in source.tables}
    assert {one["name"] for one in listed} == clean | {one.table for one in INSIGHTS}
    assert {one["name"] for one in listed if one["exists"]} == {*rows, "insight_freshness"}
    described = answered(call, "describe_table", name="reviews")
    units = {one["name"]: one["unit"] for one in described["columns"]}
    assert units["playtime_at_review_minutes"] == "minutes"
    assert named_gaps(described["coverage"]) == {("reviews", day) for day in missing_of("reviews")}
    assert answered(call, "describe_table", name="player_trend")["name"] == "insight_player_trend"
    assert "did you mean reviews" in refused(call, "describe_table", name="review")


def test_the_status_names_every_gap_of_every_source(call: Call, rows: Rows) -> None:
    told = answered(call, "status")
    assert {one["source"] for one in told["sources"]} == {source.name for source in SOURCES}
    never = {source.name for source in SOURCES if not any(table.name in rows for table in source.tables)}
    assert {one["source"] for one in told["sources"] if one["late"]} == never
    assert named_gaps(told) == {(table, day) for table in SOURCE_OF for day in missing_of(table)}


def test_text_from_the_web_is_quoted_bounded_and_has_no_escapes(call: Call) -> None:
    sql = "select name, text, [text] as texts, {'t': text} as parts, upper(text) as louder, length(text) as letters "
    sql += "from reviews join most_played using (app_id) where most_played.app_id = 30 order by letters desc limit 1"
    (row,) = answered(call, "query", sql=sql)["rows"]
    name, text, texts, parts, louder, letters = row
    assert name == {"quoted": "".join("\ufffd" if c in "\x1b\u202e" else c for c in HOSTILE_NAME)}
    cut = {"quoted": HOSTILE_REVIEW[:LONGEST_TEXT], "omitted_characters": len(HOSTILE_REVIEW) - LONGEST_TEXT}
    assert (text, texts, parts) == (cut, [cut], {"t": cut})
    assert louder["quoted"] == HOSTILE_REVIEW[:LONGEST_TEXT].upper()
    assert letters == len(HOSTILE_REVIEW)


def test_an_error_that_contains_data_is_also_quoted_and_bounded(call: Call) -> None:
    said = refused(call, "query", sql="select text::int from reviews order by length(text) desc limit 1")
    told = json.loads(said.partition(": ")[2])
    assert told.keys() == {"quoted"} and len(told["quoted"]) <= 300


def test_a_runaway_cross_join_is_stopped_at_the_limit_and_the_next_query_succeeds(call: Call) -> None:
    answered(call, "query", sql="select 1")
    began = time.monotonic()
    assert "time limit" in refused(call, "query", sql="select count(*) from reviews a, reviews b, reviews c, reviews d")
    assert in_time(time.monotonic() - began, SECONDS)
    assert answered(call, "query", sql="select 41 + 1")["rows"] == [[42]]


def test_rows_are_limited_and_the_answer_says_so(call: Call) -> None:
    answer = answered(call, "query", sql="select * from most_played")
    assert len(answer["rows"]) == ROWS and answer["truncated"]
    assert not answered(call, "query", sql=f"select * from most_played limit {ROWS}")["truncated"]
    large = answered(call, "query", sql=f"select repeat('x', 5000) as x, {'repeat(name, 50), ' * 40}1 from most_played")
    assert 0 < len(large["rows"]) < ROWS and large["truncated"]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('/etc/passwd')",
        "from '/etc/passwd'",
        "select * from glob('/*')",
        "copy reviews to '/tmp/stolen.csv'",
        "attach '/tmp/x.db'",
        "set enable_external_access = true",
        "select * from query('select * from read_text(''/etc/passwd'')')",
        "create table x as select 1",
        "drop view reviews",
        "select 1; select 2",
        "install httpfs",
        "select * from duckdb_settings()",
        "select * from arrow_scan(1, 2, 3)",
        "select * from steam_raw.reviews",
        "select * from reviews_quarantine",
    ],
)
def test_only_tables_can_be_read(statement: str, call: Call) -> None:
    refused(call, "query", sql=statement)
    assert answered(call, "query", sql="select count(*) from visits")["rows"][0][0] == len(Market().rows["visits"])


def test_periods_are_checked(call: Call) -> None:
    assert "is not a partition key" in refused(call, "read_insight", name="market_day", first="' or 1=1")
    assert "with that day is 2026-11-10" in refused(call, "read_insight", name="sentiment", first="2026-11-11")
    assert "is after last" in refused(call, "read_insight", name="market_day", first="2026-11-02", last="2026-11-01")
    days = answered(call, "read_insight", name="market_day", first="2026-09-03", last="2026-09-07")["rows"]
    assert [row[0] for row in days] == ["2026-09-03", "2026-09-07"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_http_serves_only_programs_on_this_machine(headers: dict[str, str], status: int, address: str) -> None:
    request = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        },
    }  # fmt: skip
    sent = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"} | headers
    answer = httpx.post(address, content=json.dumps(request), headers=sent, trust_env=False)
    assert answer.status_code == status, answer.text


def test_http_listens_only_on_loopback(address: str) -> None:
    """Every socket on the server's port is bound to 127.0.0.1."""
    port = int(address.rpartition(":")[2].partition("/")[0])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    hosts = {fields[1].split(":")[0] for fields in listening if int(fields[1].split(":")[1], 16) == port}
    assert hosts == {"0100007F"}
    six = Path("/proc/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
    assert f":{port:04X} " not in "".join(line[:60] for line in six.splitlines() if " 0A " in line)
