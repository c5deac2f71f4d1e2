"""Run the tests in lanes, four at a time, on one Kafka broker: ``python -m steam_assets_tests.lanes [MARKS]``.

Belongs here: which tests run in parallel, and their output. Does not belong here: what tests of a lane share
(conftest.py).

The Spark lane shares one session and cannot be divided, so the other lanes run at a lower priority.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.loopback import free_port
from steam_assets.processes.supervised import Supervised, ending

LANES = {
    "processes": "process and not (daemon or spark)",
    "spark": "spark",
    "daemon": "(daemon or kafka and not process) and not spark",
    "slow": "slow and not (process or daemon or spark or kafka)",
    "others": "not (slow or process or daemon or spark or kafka)",
}
"""Tests by mark. The first lane's output is shown while it runs, that of the others afterwards."""
FOLLOWS = ("daemon", "slow")
"""The second lane starts when the first has ended: with five at once, services do not start in time."""
OWN_FILES = {
    "processes": r"mark\.process",
    "spark": r"mark\.spark|spark: SparkSession|deployment",
    "daemon": r"mark\.(daemon|kafka)|broker",
    "slow": r"mark\.slow",
}
"""What the files of a lane contain, for instance a fixture. Importing all others takes ten seconds of CPU time."""
TESTS = Path(__file__).parent
COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All tests in the files of a run, including those that ``-m`` deselects."""
_STEAM_ASSETS = Path(sys.executable).with_name("steam-assets")
GRACE_SECONDS = 10
"""Time for the fixtures of interrupted tests to clean up."""
GIVES_WAY = 10
"""The nice(2) increment of the lanes without Spark."""


def main(selected: str = "") -> int:
    """Run all tests, or those that ``-m selected`` selects; return 0 if every one passed, else 1.

    Interrupting this stops the lanes.
    """
    for number in ending():
        signal.signal(number, signal.default_int_handler)
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), free_port()) as broker:
        shared = {
            "STEAM_TEST_BROKER_FOLDER": str(broker.folder),
            "STEAM_TEST_BROKER_PORT": str(broker.port),
            "STEAM_TEST_SHARED_FOLDER": folder,
        }
        shown, *later = LANES
        before, after = FOLLOWS
        logs = {name: build / f"tests-{name}.txt" for name in later}
        running = {name: _start(name, selected, shared, logs.get(name)) for name in (*later, shown) if name != after}
        # This is done before most JVMs of the tests start.
        running["warm"] = Supervised([str(_STEAM_ASSETS), "warm"], output=build / "warm.txt")
        try:
            running[before].wait()
            running[after] = _start(after, selected, shared, logs[after])
            codes = [process.wait() for process in running.values()]
        except KeyboardInterrupt:
            with ThreadPoolExecutor() as pool:
                codes = [1, *pool.map(Supervised.end, running.values())]
    for name in logs.keys() & running.keys():
        print(logs[name].read_text(errors="replace"))
    return int(any(codes))


def files_of(lane: str) -> list[str]:
    """The files that contain all tests of a lane."""
    if lane not in OWN_FILES:
        return [str(TESTS)]
    return [str(file) for file in sorted(TESTS.rglob("test_*.py")) if re.search(OWN_FILES[lane], file.read_text())]


def _start(name: str, selected: str, shared: dict[str, str], log: Path | None) -> Supervised:
    marks = f"({LANES[name]}) and ({selected})" if selected else LANES[name]
    command = [sys.executable, "-m", "pytest", "-m", marks, "--durations=40", *files_of(name)]
    if name != "spark":
        command = ["nice", "-n", str(GIVES_WAY), *command]
    return Supervised(command, environment=os.environ | shared, output=log, grace=GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
