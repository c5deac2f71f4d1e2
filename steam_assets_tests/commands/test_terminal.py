"""Text from a server, file or setting is shown literally: without markup, links or terminal control codes."""

from __future__ import annotations

import ast
import io
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from rich.table import Table

import steam_assets
from steam_assets.clock import Clock
from steam_assets.commands.diagnostics import one_line
from steam_assets.commands.doctor import _print as print_findings
from steam_assets.commands.doctor_checks import Finding
from steam_assets.commands.import_history import report
from steam_assets.commands.terminal import Terminal
from steam_assets.extraction.errors import SourceError, Unreachable
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.ingestion.history.importing import ImportLine
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import EmptyResponse
from steam_assets.sources.source import InvalidResponse, Request
from steam_assets.sources.steam import STEAM_API

SENT = [
    "[/b]",
    "[bold]x[/bold]",
    "[link=https://evil.example]steam[/link]",
    "[@click=app.quit]x[/]",
    ":warning: 15",
    "\\[red]",
    "[/]" * 20,
]
STEERING = ["\x1b]8;;https://evil.example\x1b\\\\here", "\x1b[2J", "\x9b31m", "a\rb", "\u202etxt.exe", "\x07", "\x7f"]


def drawn(terminal: Terminal) -> io.StringIO:
    """Where a terminal with colours and links draws from now on."""
    terminal.file = io.StringIO()
    return terminal.file


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("FORCE_COLOR", "1")
    return Terminal(width=400)


@pytest.mark.parametrize("text", SENT)
def test_text_that_looks_like_markup_is_shown_literally(terminal: Terminal, text: str) -> None:
    file = drawn(terminal)
    table = Table(text, title=text)
    table.add_row(text)
    terminal.print(text, style="red", soft_wrap=True)
    terminal.print("said:", text)
    terminal.print(table)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert "\x1b" not in shown
    assert shown.count(text) == 5


@pytest.mark.parametrize("text", STEERING)
def test_terminal_control_characters_are_replaced(terminal: Terminal, text: str) -> None:
    terminal.no_color = True
    file = drawn(terminal)
    table = Table("", title=text)
    table.add_row(text)
    terminal.print(text)
    terminal.print(table)
    # Bold and italics come from the product itself.
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert shown.count("\N{REPLACEMENT CHARACTER}") >= 3


@pytest.mark.parametrize("text", SENT)
def test_a_status_and_the_tables_of_commands_take_any_text(terminal: Terminal, text: str) -> None:
    file = drawn(terminal)
    with terminal.status(f"Rewriting addresses in {text}"):
        pass
    print_findings(terminal, [], [Finding(text, "problem", f"{text} found", f"rm {text}")])
    terminal.print(report([ImportLine(text, "news", None, 1, 0, {text: 1})], dry_run=True))
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())
    assert f"rm {text}" in shown and f"{text} found" in shown


@pytest.mark.parametrize("header", ["[/b]", "[link=https://evil.example]15[/link]"])
def test_the_header_of_a_failed_call_is_shown_as_it_was_sent(
    header: str, terminal: Terminal, simulator: Simulator, tmp_path: Path
) -> None:
    """What a host says about itself becomes part of the error, from the socket to the terminal."""
    file = drawn(terminal)
    settings = served_by(Settings(home=tmp_path), simulator.url, 500.0)
    hasty = RetryPolicy(invalid_attempts=1, backoff_base_seconds=0.01, backoff_cap_seconds=0.01)
    simulator.faults.add(EmptyResponse(eresult=header))
    try:
        with HttpClient(settings, Clock(), hasty) as client, pytest.raises(SourceError) as failed:
            client.fetch(
                Request(STEAM_API, "charts", "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/", {}, refusing)
            )
    finally:
        simulator.faults.clear()
    terminal.print(one_line(failed.value), soft_wrap=True)
    assert header in file.getvalue()


def refusing(body: bytes) -> object:
    raise InvalidResponse("the answer has no ranks")


def test_the_error_of_a_source_has_no_control_characters_of_its_answer() -> None:
    """Dagster logs the error, and its logs are shown on terminals."""
    assert str(Unreachable("answered '\x1b[2J'")) == "answered '\N{REPLACEMENT CHARACTER}[2J'"


def test_commands_print_only_to_the_given_terminal() -> None:
    """Another Rich console would interpret markup again."""
    root = Path(steam_assets.__file__).parent
    for path in root.rglob("*.py"):
        names = {
            f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        if path.name != "terminal.py":
            assert not {"rich.console.Console", "rich.print", "rich.markup.render"} & names, path
        assert "markup=True" not in path.read_text(), path


REDIRECTED = """
import os
from steam_assets.commands.terminal import Terminal, partition_progress
with partition_progress(Terminal()) as progress:
    task = progress.add_task("begun", total=2)
    kept = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    progress.update(task, description="fetching", completed=1, refresh=True)
    os.dup2(kept, 1)
    progress.update(task, description="ended", completed=2)
"""
"""As Dagster does it: standard output is a file for as long as a step takes."""


@pytest.mark.process
def test_progress_is_drawn_while_dagster_redirects_standard_output() -> None:
    """Otherwise the bar of a long backfill stands still from its first partition to its last."""
    ours, its = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", REDIRECTED], stdout=its, env=environment, timeout=60, check=True)
    os.close(its)
    drawn = b""
    # A terminal whose other end is closed ends with an error.
    with suppress(OSError):
        while more := os.read(ours, 65536):
            drawn += more
    os.close(ours)
    assert b"fetching" in drawn
    assert b"ended" in drawn
