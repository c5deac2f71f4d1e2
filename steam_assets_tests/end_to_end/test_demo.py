"""`steam-assets demo` as a newcomer runs it: a new process, from nothing to the table, and twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from steam_assets.sources import SOURCES
from steam_assets_tests.deployment import ANY_NAME, SHORT_LIVED
from steam_assets_tests.end_to_end.canaries import SECRET, SECRETS, STEAM_ID, files_with
from steam_assets_tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.process]

COMMAND = [
    str(Path(sys.executable).with_name("steam-assets")),
    "demo",
    "--apps",
    "10",
    "--days",
    "1",
    "--weeks",
    "1",
    "--months",
    "1",
]

NAMES = {source.name for source in SOURCES}
DEAD_PROXY = "http://127.0.0.1:9"
ELSEWHERE = {
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), DEAD_PROXY),
    "JAVA_TOOL_OPTIONS": "-Duser.language=tr -Duser.country=TR",
    "LC_ALL": "C",
}
"""The environment of another user's machine: a proxy for all addresses, Turkish, and an ASCII-only locale."""


def demo(home: Path) -> str:
    environment = (
        os.environ | ELSEWHERE | SECRETS | {"STEAM_SPARK_CONFIG": json.dumps(SHORT_LIVED), "STEAM_HOME": str(home)}
    )
    environment = {name: value for name, value in environment.items() if name.lower() != "no_proxy"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=550, umask=0o077)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def kept(home: Path) -> dict[str, bytes]:
    roots = ("raw", "raw-backup", "clean", "clean-backup")
    return {str(p): p.read_bytes() for root in roots for p in sorted((home / root).rglob("*")) if p.is_file()}


def test_demo_shows_every_partition_verified_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    """Every line of the table reconciles and says yes; the second run reports that and leaves all files unchanged.

    The folder's name and the environment are unusual, but occur.
    """
    given = tmp_path / ANY_NAME / ("deep" * 50)
    home = given / "demo"
    first = demo(given)
    lines = [line.split() for line in first.splitlines() if line.split()[:1] and line.split()[0] in NAMES]
    assert {line[0] for line in lines} == NAMES
    for line in lines:
        fetched, published, landed, clean, quarantined, duplicates = map(int, line[2:8])
        assert fetched == published == landed == clean + quarantined + duplicates
        assert line[8] == "yes"
    assert "[v2] {a,b} C#/what?" in " ".join(first.split())
    assert (home / "kafka" / "data" / "meta.properties").is_file()
    assert list((home / "dagster").rglob("*.db"))
    assert "<strong>Synthetic data.</strong>" in (home / "dashboard.html").read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [Path(ANY_NAME).parts[0]], "no name is mangled"
    _assert_nothing_leaked(home)
    before = kept(home)
    assert before
    assert "nothing changed" in demo(given)
    assert "nothing changed" in demo(home), "its folder was made the default of all commands, as in the tutorial"
    assert kept(home) == before
    assert not (home / "demo").exists()


def _assert_nothing_leaked(home: Path) -> None:
    """Secrets are in no file, and reviewers' IDs only in the source's responses."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files_with(SECRET, files) == []
    answers = ("raw", "raw-backup", "kafka")
    named = {path.relative_to(home).parts[0] for path in files_with(STEAM_ID, files)}
    assert {"raw", "raw-backup"} <= named <= {*answers}, named


@pytest.mark.nightly
def test_a_killed_cleaning_process_is_reported_in_one_line(tmp_path: Path) -> None:
    """For example for lack of memory. All other processes of the demo end, too."""
    with subprocess.Popen([*COMMAND, "--home", str(tmp_path)], stderr=subprocess.PIPE, text=True) as started:
        own = psutil.Process(started.pid)
        cleaning = wait_until(lambda: _cleaning(own), 300, "the process that cleans")
        family = own.children(recursive=True)
        cleaning.kill()
        _, said = started.communicate(timeout=300)
    assert started.returncode == 1
    assert "the cleaning process was killed" in " ".join(said.split())
    assert psutil.wait_procs(family, timeout=30)[1] == []


def _cleaning(command: psutil.Process) -> psutil.Process | None:
    """The process that has started Spark."""
    for process in command.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()) and "java" in {one.name() for one in process.children()}:
                return process
    return None


def test_an_old_java_is_reported_first_with_the_command_that_installs_a_newer_one(tmp_path: Path) -> None:
    """The check runs before anything is started or written."""
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    settings = f"    java.home = {java.parents[1]}\\n    java.specification.version = 11\\n"
    java.write_text(f"#!/bin/sh\nprintf '{settings}' >&2\n")
    (java.parent / "apt-get").write_text("#!/bin/sh\n")
    for program in java.parent.iterdir():
        program.chmod(0o755)
    home = tmp_path / "home"
    environment = {"PATH": str(java.parent), "HOME": str(tmp_path), "JAVA_HOME": str(java.parents[1])}
    code = (
        "import steam_assets.java.jvm as jvm; jvm._usual_places = lambda: []; "
        "import sys; from steam_assets.cli import main; "
        f"sys.argv = ['steam-assets', 'demo', '--home', {str(home)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "Java 17 to 23" in said and "is Java 11" in said
    assert "apt-get install -y openjdk-17-jre-headless" in said
    assert not home.exists()
