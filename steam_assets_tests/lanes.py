"""Run all tests in four parallel lanes on one Kafka broker: ``python -m steam_assets_tests.lanes``.

Belongs here: which tests run in parallel, and their output. Does not belong here: what tests of a lane share
(conftest.py).

The Spark lane shares one session and cannot be divided, so the other lanes run at a lower priority.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker, free_port
from steam_assets.processes.supervised import Supervised, ending

LANES = {
    "processes": "process and not (daemon or spark)",
    "spark": "spark",
    "daemon": "daemon and not spark",
    "others": "not (process or daemon or spark)",
}
"""Tests by their marks. What the first lane says is shown while it runs, what the others say after it."""
OWN_MARKS = {"processes": "process", "daemon": "daemon"}
"""Lanes of a few files: those that give this mark. Importing the others takes ten seconds of a core."""
TESTS = Path(__file__).parent
COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All tests of the files of a run, also those that ``-m`` leaves out."""
_STEAM_ASSETS = Path(sys.executable).with_name("steam-assets")
GRACE_SECONDS = 10
"""For the fixtures of interrupted tests."""
GIVES_WAY = 10
"""By how much the lanes without Spark are nicer to others, in steps of nice(2)."""


def main() -> int:
    """Run all lanes; return 0 if every test passed, else 1. Interrupting this stops the lanes."""
    for number in ending():
        signal.signal(number, signal.default_int_handler)
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), free_port()) as broker:
        shared = {"STEAM_TEST_BROKER_FOLDER": str(broker.folder), "STEAM_TEST_BROKER_PORT": str(broker.port)}
        shown, *later = LANES
        logs = {name: build / f"tests-{name}.txt" for name in later}
        running = {name: _start(name, shared, logs.get(name)) for name in (*later, shown)}
        # This is done before most JVMs of the tests start.
        running["warm"] = Supervised([str(_STEAM_ASSETS), "warm"], output=build / "warm.txt")
        try:
            codes = [process.wait() for process in running.values()]
        except KeyboardInterrupt:
            with ThreadPoolExecutor() as pool:
                codes = [1, *pool.map(Supervised.end, running.values())]
    for log in logs.values():
        print(log.read_text(errors="replace"))
    return int(any(codes))


def files_of(lane: str) -> list[str]:
    """The files that contain all tests of a lane."""
    if lane not in OWN_MARKS:
        return [str(TESTS)]
    mark = f"pytest.mark.{OWN_MARKS[lane]}"
    return [str(file) for file in sorted(TESTS.rglob("test_*.py")) if mark in file.read_text()]


def _start(name: str, shared: dict[str, str], log: Path | None) -> Supervised:
    command = [sys.executable, "-m", "pytest", "-m", LANES[name], "--durations=12", *files_of(name)]
    if name != "spark":
        command = ["nice", "-n", str(GIVES_WAY), *command]
    return Supervised(command, environment=os.environ | shared, output=log, grace=GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
