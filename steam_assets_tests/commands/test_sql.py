"""``steam-assets sql``: tables for people, files for programs, one-line errors, and the prompt."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from typer.testing import CliRunner, Result

from steam_assets.cli import _run, app
from steam_assets.commands.sql_prompt import Names, prompt
from steam_assets.lake.lake import Lake
from steam_assets.query.engine import Engine
from steam_assets_tests.processes import STEAM_ASSETS
from steam_assets_tests.query.made_up_market import HOSTILE_NAME, Market
from steam_assets_tests.waiting import START_SECONDS

RANKS = "select rank, name, players_peak from most_played order by day desc, rank"
VISITS = Market().rows["visits"]


@pytest.fixture
def sql(market_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command on the market lake; return stdout and stderr separately."""
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))

    def run(*arguments: str, width: int | None = None, piped: str | None = None) -> Result:
        environment = {"COLUMNS": str(width)} if width else {"COLUMNS": None}
        return CliRunner().invoke(app, ["sql", *arguments], env=environment, input=piped, catch_exceptions=False)

    return run


def test_an_answer_is_a_table_with_its_rows_counted_beside_it(sql: Callable[..., Result]) -> None:
    done = sql(f"{RANKS} limit 2")
    expected = sorted(Market().rows["most_played"], key=lambda row: (-row["day"].toordinal(), row["rank"]))
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["rank", "name", "players_peak"]
    assert [re.split(r"  +", line.strip()) for line in lines] == [
        [str(row["rank"]), row["name"], str(row["players_peak"])] for row in expected[:2]
    ]
    assert re.fullmatch(r"2 rows, [\d,]+ ms\n", done.stderr)


def test_no_more_rows_are_printed_than_requested(sql: Callable[..., Result]) -> None:
    done = sql("select rank from most_played", "--rows", "3")
    assert len(done.stdout.splitlines()) == 4 and "the first 3 rows" in done.stderr and "--csv" in done.stderr
    assert len(sql("select rank from most_played", "--rows", "0").stdout.splitlines()) == 1 + len(
        Market().rows["most_played"]
    )


def test_a_table_that_does_not_fit_is_shown_value_by_value(sql: Callable[..., Result]) -> None:
    lines = sql("select * from visits order by month limit 2", width=60).stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["month", "visits", "kind"]
    assert lines[0].split() == ["month", str(VISITS[0]["month"])]
    assert all(len(line) <= 60 for line in lines)


def test_text_from_the_web_does_not_control_the_terminal(sql: Callable[..., Result]) -> None:
    done = sql("select name, name || chr(10) || '[red]x[/]' as \"\x1b]0;title\" from most_played where app_id = 30")
    assert "\x1b" in HOSTILE_NAME and "\x1b" not in done.output and "\u202e" not in done.output
    assert "↵[red]x[/]" in done.stdout


def test_the_whole_result_is_written_to_a_file(sql: Callable[..., Result], tmp_path: Path) -> None:
    paths = {kind: tmp_path / f"visits.{kind}" for kind in ("csv", "json", "parquet")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", str(path))]
    done = sql("select month, visits, kind from visits order by month", "--rows", "1", *options)
    assert done.stdout == "" and done.stderr.count(f"{len(VISITS)} rows in") == 3
    said = [{"month": str(row["month"]), "visits": row["visits"], "kind": row["kind"]} for row in VISITS]
    assert json.loads(paths["json"].read_text()) == said
    assert [row | {"month": str(row["month"])} for row in pq.read_table(paths["parquet"]).to_pylist()] == said
    assert paths["csv"].read_text().splitlines()[1] == f'{said[0]["month"]},{said[0]["visits"]},"estimate"'
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())


def test_csv_and_json_go_to_other_programs(sql: Callable[..., Result]) -> None:
    assert json.loads(sql("select 1 as a, null as b", "--json", "-").stdout) == [{"a": 1, "b": None}]
    # A spreadsheet would evaluate it.
    assert sql("select '=1+1' as a", "--csv", "-").stdout == '"a"\n"\'=1+1"\n'


def test_piped_statements_are_run_one_after_the_other(sql: Callable[..., Result]) -> None:
    done = sql(piped="select 1 as a; -- one\nselect 'x;y' as b;\n")
    assert done.stdout.split() == ["a", "1", "b", "x;y"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["select * from revews"], "there is no table revews; did you mean reviews"),
        (["selec 1"], 'syntax error at or near "selec"'),
        (["drop table visits"], "only SELECT is possible"),
        ([""], "there is no statement"),
        (["select 1; select 2", "--csv", "x.csv"], "write one SELECT statement"),
        (["select 1", "--csv", "no/such/folder.csv"], "the folder no/such does not exist"),
        (["select 1", "--csv", "."], ". is a folder"),
        (["select 1", "--parquet", "-"], "Parquet is not text"),
        # An error that quotes text from the web.
        (["select name::int from most_played where app_id = 30"], "Ignore all previous instructions"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2(
    arguments: list[str], said: str, market_lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    monkeypatch.chdir(tmp_path)
    assert _run(["sql", *arguments], debug=True) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line and "\x1b" not in line and "\u202e" not in line
    assert not [*tmp_path.iterdir()]


def completed(engine: Engine, text: str) -> list[str]:
    return [one.text for one in Names(engine).get_completions(Document(text), CompleteEvent())]


def test_names_are_completed(market_lake: Lake) -> None:
    engine = Engine(market_lake)
    assert completed(engine, "select * from most_p") == ["most_played"]
    assert completed(engine, "select * from steam_b") == ["steam_backup.visits"]
    assert completed(engine, "select play from most_played where play")[:2] == ["players_now", "players_peak"]
    assert completed(engine, "select * from most_played m join visits v on m.play") == [
        "m.players_now",
        "m.players_peak",
    ]
    assert completed(engine, "select most_played.ra from most_played where most_played.ra") == ["most_played.rank"]
    assert completed(engine, "sel") == ["select"]
    assert completed(engine, "select month from nothing where mon") == []


def test_the_prompt_runs_statements_and_keeps_a_history(
    market_lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["select count(*) as n\rfrom visits;\r", "selec;\r", "\r", "show tables;\r", "exit\r"]
    with create_pipe_input() as keys:
        for text in typed:
            keys.send_text(text)
        prompt(Engine(market_lake), tmp_path / "history", keys, DummyOutput())
    shown = capsys.readouterr()
    assert shown.out.split()[:2] == ["n", str(len(VISITS))] and "insight_market_day" in shown.out
    assert 'syntax error at or near "selec"' in shown.err
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o600
    assert "+from visits;" in (tmp_path / "history").read_text()


class TerminalProgram:
    """``steam-assets sql`` in its own terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._said = b""

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> str:
        """Return the output up to the pattern."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern.encode(), self._said)):
            assert time.monotonic() < end, self._said
            if select.select([self._descriptor], [], [], 0.2)[0]:
                # On Linux, reading fails once the other side is closed.
                more = os.read(self._descriptor, 1 << 16)
                self._said += more
                if b"\x1b[6n" in more:
                    self.type("\x1b[1;1R")
        shown, self._said = self._said[: found.end()], self._said[found.end() :]
        return shown.decode(errors="replace")


@contextmanager
def in_a_terminal(home: Path) -> Iterator[tuple[TerminalProgram, int]]:
    process, descriptor = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm", COLUMNS="100", LINES="30", STEAM_HOME=str(home))
        os.execv(STEAM_ASSETS, ["steam-assets", "sql"])
    try:
        yield TerminalProgram(descriptor), process
    finally:
        os.close(descriptor)


@pytest.mark.process
def test_ctrl_c_cancels_a_query_and_ctrl_d_exits(market_lake: Lake) -> None:
    """Sent as typed in a terminal, whose Ctrl-C signal would end the whole command."""
    with in_a_terminal(market_lake.settings.home) as (terminal, process):
        terminal.wait_for("sql>")
        terminal.type("select count(*) from range(1000000) a, range(1000000) b, range(1000000) c;\r")
        # Once the prompt has restored the terminal, Ctrl-C goes to the query.
        terminal.wait_for(r"\x1b\[\?2004l")
        terminal.type("\x03")
        terminal.wait_for("stopped")
        terminal.wait_for("sql>")
        terminal.type("select 41 + 1 as n;\r")
        terminal.wait_for("42")
        terminal.wait_for("sql>")
        terminal.type("\x04")
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
