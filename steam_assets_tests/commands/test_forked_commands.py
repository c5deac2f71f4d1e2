"""A command that is forked from a warm process behaves as one that is started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from steam_assets.processes.guard import members
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.waiting import wait_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="system libraries of macOS do not survive a fork"),
]

PROGRAM = """
import json, os, signal, sys, time, threading, atexit
from pathlib import Path
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
atexit.register(lambda: Path("left").write_text("cleaned up"))
saw = {
    "arguments": sys.argv[1:], "folder": os.getcwd(), "parent": os.getppid(), "pid": os.getpid(),
    "session": os.getsid(0), "other": os.environ.get("OTHER"), "umask": os.umask(0), "input": sys.stdin.read(),
    "main thread": threading.current_thread() is threading.main_thread(),
}
print(json.dumps(saw), flush=True)
print("a warning", file=sys.stderr)
if sys.argv[1:] == ["run", "long"]:
    time.sleep(600)
sys.exit(7)
"""
SERVER = """
import sys
from steam_assets.processes.fork_server import serve
from steam_assets.processes.warm_process_address import address, surroundings
serve(address(surroundings()), "program")
"""


class Site:
    """A folder with a warm process that serves ``program.py`` to commands there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "program.py").write_text(PROGRAM)
        self.environment = os.environ | {"STEAM_HOME": str(folder / "home"), "PYTHONPATH": str(folder)}
        self.server = Supervised(
            [sys.executable, "-c", SERVER], folder=folder, output=folder / "server.txt", environment=self.environment
        )
        wait_until(self._answers, 30, f"the warm process; {folder / 'server.txt'} has its words")

    def _answers(self) -> bool | None:
        return True if "arguments" in self.run("run").stdout else None

    def run(
        self,
        *arguments: str,
        given: str = "",
        environment: Mapping[str, str] | None = None,
        folder: str = "",
        **more: Any,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "steam_assets", *arguments],
            **more,
            cwd=folder or self.folder,
            env={**self.environment, **(environment or {})},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("forked"))
    with made.server:
        yield made


def test_it_has_the_commands_own_surroundings(site: Site) -> None:
    ended = site.run("run", "--all", "x", given="typed", environment={"OTHER": "its own"}, umask=0o027)
    saw = json.loads(ended.stdout)
    assert saw["arguments"] == ["run", "--all", "x"]
    assert (saw["folder"], saw["other"], saw["umask"]) == (str(site.folder), "its own", 0o027)
    assert (saw["input"], ended.stderr, ended.returncode) == ("typed", "a warning\n", 7)
    assert saw["session"] == saw["pid"]
    assert saw["main thread"]
    assert (site.folder / "left").read_text() == "cleaned up"


@pytest.mark.parametrize(
    "other",
    [
        {"environment": {"STEAM_API_URL": "http://elsewhere.example"}},
        {"environment": {"AWS_PROFILE": "other"}},
        {"folder": "/"},
        {"preexec_fn": lambda: os.nice(1)},
    ],
    ids=["setting", "credentials", "folder", "priority"],
)
def test_in_other_surroundings_it_is_started(site: Site, other: dict[str, Any]) -> None:
    """The real program then refuses a source that does not exist."""
    ended = site.run("run", "no_such_source", **other)
    assert (ended.stdout, ended.returncode) == ("", 2)
    assert "no_such_source" in ended.stderr


def test_after_a_change_of_the_settings_file_it_is_started(site: Site) -> None:
    (site.folder / ".env").write_text("STEAM_APPS=[10]\n")
    assert site.run("run", "no_such_source").returncode == 2
    (site.folder / ".env").unlink()
    assert site.run("run", "no_such_source").returncode == 7


def test_other_commands_are_started(site: Site) -> None:
    assert "steam-assets 0" in site.run("--version").stdout


class Long:
    """A command that was forked and does not end by itself, and its starter, which the user sees."""

    def __init__(self, site: Site) -> None:
        self.starter = subprocess.Popen(
            [sys.executable, "-m", "steam_assets", "run", "long"],
            cwd=site.folder,
            env=site.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.starter.stdout
        self.forked = psutil.Process(json.loads(self.starter.stdout.readline())["pid"])

    def ended(self) -> tuple[int, str]:
        """The starter's exit code and its last line, when all that the command started has ended."""
        _, errors = self.starter.communicate(timeout=30)
        wait_until(lambda: None if members(self.forked.pid) else True, 30, "the end of the command's session")
        return self.starter.returncode, errors.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it(site: Site, number: signal.Signals) -> None:
    command = Long(site)
    command.starter.send_signal(number)
    code, line = command.ended()
    assert code == 128 + number
    assert line.startswith("Interrupted; ")


def test_it_ends_with_its_starter(site: Site) -> None:
    command = Long(site)
    command.starter.kill()
    assert command.ended()[0] == -signal.SIGKILL


def test_a_killed_one_is_reported(site: Site) -> None:
    command = Long(site)
    command.forked.kill()
    code, line = command.ended()
    assert code == 128 + signal.SIGKILL
    assert line.startswith("SIGKILL ended the command")


def test_it_stops_and_continues_with_its_starter(site: Site) -> None:
    command = Long(site)
    command.starter.send_signal(signal.SIGTSTP)
    wait_until(lambda: command.forked.status() == psutil.STATUS_STOPPED or None, 30, "the command stops")
    command.starter.send_signal(signal.SIGCONT)
    wait_until(lambda: command.forked.status() != psutil.STATUS_STOPPED or None, 30, "the command continues")
    command.starter.send_signal(signal.SIGINT)
    assert command.ended()[0] == 128 + signal.SIGINT


def test_it_outlives_the_warm_process(tmp_path: Path) -> None:
    """Its exit code still arrives, and the next command is started."""
    site = Site(tmp_path)
    command = Long(site)
    site.server.end()
    assert site.run("run", "no_such_source").returncode == 2
    assert command.forked.is_running()
    command.forked.terminate()
    assert command.ended()[0] == 128 + signal.SIGTERM
