"""A failed command prints one line; the traceback is in the log that it names, and neither contains secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from steam_assets.commands.diagnostics import KEPT_LOGS, Noise, one_line, write_log
from steam_assets.root_cause import root_cause

SECRET = "canary-password"

FAILING = """
import logging, subprocess, sys, threading, warnings
from steam_assets import cli

@cli.app.command()
def fail(name: str):
    logging.getLogger("aiokafka").error("Unable connect to node with id 1: retrying")
    logging.getLogger("steam_assets.ingestion").warning("Steam asked to wait 5 s")
    warnings.warn("a library's warning")
    subprocess.run(["sh", "-c", "echo '\\tat java.lang.Thread.run(Thread.java:1)' >&2"])
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    raise KeyError(f"{name} at postgresql://steam:canary-password@db/x\\nmore")

cli.main()
"""


def run(home: Path, *arguments: str, code: str = FAILING, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "STEAM_HOME": str(home), "STEAM_KAFKA_SASL_PASSWORD": SECRET, **environment}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=given, cwd=home.parent, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.process
def test_an_unexpected_failure_is_one_line_and_a_log(tmp_path: Path) -> None:
    """The log also has output of libraries, threads and child processes; the product's own warnings are shown."""
    done = run(tmp_path / "home", "fail", "[red]x")
    assert done.returncode == 1
    warning, said, where = done.stderr.splitlines()
    assert warning == "Steam asked to wait 5 s"
    assert said.startswith("KeyError: ") and "[red]x" in said
    (log,) = (tmp_path / "home" / "logs").iterdir()
    assert where == f"Details: {log}"
    written = log.read_text()
    for kept in (
        "Traceback",
        "KeyError",
        "Unable connect to node",
        "a library's warning",
        "Thread.java",
        "ZeroDivision",
    ):
        assert kept in written
    assert SECRET not in done.stderr + written
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.process
@pytest.mark.parametrize("options", [("--debug", "fail", "x"), ("fail", "x", "--debug")])
def test_debug_shows_the_traceback_wherever_it_is_written(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path / "home", *options)
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "Unable connect to node" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("module", ["steam_assets", "steam_assets.cli"])
def test_the_modules_are_commands(tmp_path: Path, module: str) -> None:
    """Usage errors reported by Typer are one line, too."""
    code = f"import runpy, sys; sys.argv[0] = '{module}'; runpy.run_module('{module}', run_name='__main__')"
    done = run(tmp_path / "home", "--no-such-option", code=code)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith("No such option: --no-such-option")


def test_where_home_cannot_be_written_the_log_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no place is writable there is no log, and no second error."""
    (tmp_path / "home").write_text("a file, not a folder")
    monkeypatch.setenv("STEAM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    log = write_log(ValueError("x"), Noise())
    assert log is not None and log.is_relative_to(tmp_path / "temporary")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    assert write_log(ValueError("x"), Noise()) is None


def test_only_the_newest_logs_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()
    for hour in range(KEPT_LOGS + 3):
        (tmp_path / "logs" / f"2025-01-01T{hour:02}0000-1.log").touch()
    newest = write_log(ValueError("x"), Noise())
    kept = sorted((tmp_path / "logs").iterdir())
    assert len(kept) == KEPT_LOGS and kept[-1] == newest


JAVA = (
    "py4j.protocol.Py4JJavaError: An error occurred while calling o121.save.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure\n\tat org.apache.spark.X.y(X.scala:1)\n"
)


NO_PATH = "[PATH_NOT_FOUND] Path does not exist: /x. SQLSTATE: 42K03"
OWN = "news/raw has no partition 2026-11-10. Materialize it first: steam-assets run"
ROOT_CAUSES = {
    JAVA: "SparkException: Job aborted due to stage failure",
    f"{JAVA}Caused by: java.io.IOException: No space left\n\tat x\n": "IOException: No space left",
    f"{JAVA}Caused by: java.io.IOException: disk\nCaused by: java.lang.RuntimeException\n": "IOException: disk",
    f"{NO_PATH}\n\nJVM stacktrace:\n\tat x": NO_PATH,
    "steam_assets.spark.cleaning.CountsDiffer: news: 3 items\n": "news: 3 items",
    OWN: OWN,
    "KeyError\n": "KeyError",
    "": "",
}


@pytest.mark.parametrize("text", ROOT_CAUSES)
def test_the_root_cause_is_the_line_that_says_why(text: str) -> None:
    assert root_cause(text) == ROOT_CAUSES[text]


def test_a_line_is_one_line_of_bounded_length() -> None:
    said = one_line(RuntimeError("a\r\nb " + "x" * 5000))
    assert not re.search(r"[\r\n]", said) and len(said) <= 600


def test_an_error_of_the_system_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "none").read_bytes()
    assert one_line(caught.value) == f"No such file or directory: {tmp_path / 'none'}"
