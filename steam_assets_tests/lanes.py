"""Run all tests in five lanes, four at a time, on one Kafka broker: ``python -m steam_assets_tests.lanes``.

Belongs here: which tests run in parallel, and their output. Does not belong here: what tests of a lane share
(conftest.py).
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
    "pipelines": "spark and kafka",
    "daemon": "(daemon or kafka and not process) and not spark",
    "others": "not (process or daemon or spark or kafka)",
    "spark": "spark and not kafka",
}
"""Tests by mark, in the order they start. The first lane's output is shown while it runs, the others' afterwards."""
AT_ONCE = 4
"""On two slow cores, tests beside a fifth lane would exceed their time limits."""
_SPARK = r"mark\.spark|spark: SparkSession|deployment"
OWN_FILES = {
    "processes": r"mark\.process",
    "pipelines": _SPARK,
    "spark": _SPARK,
    "daemon": r"mark\.(daemon|kafka)|broker",
}
"""What the files of a lane contain, for instance a fixture. Importing all others takes ten seconds of CPU time."""
TESTS = Path(__file__).parent
COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All tests in the files of a run, including those that ``-m`` deselects."""
_STEAM_ASSETS = Path(sys.executable).with_name("steam-assets")
GRACE_SECONDS = 10
"""Time for the fixtures of interrupted tests to clean up."""
GIVES_WAY = 10
"""The nice(2) increment of the lanes without Spark, whose two lanes take longest."""


def main() -> int:
    """Run all lanes; return 0 if every test passed, else 1. Interrupting this stops the lanes."""
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
        logs = {name: build / f"tests-{name}.txt" for name in [*LANES][1:]}
        # This is done before most JVMs of the tests start.
        running = [Supervised([str(_STEAM_ASSETS), "warm"], output=build / "warm.txt")]

        def run(name: str) -> int:
            lane = _start(name, shared, logs.get(name))
            running.append(lane)
            return lane.wait()

        with ThreadPoolExecutor(AT_ONCE) as pool:
            lanes = [pool.submit(run, name) for name in LANES]
            try:
                codes = [*(lane.result() for lane in lanes), running[0].wait()]
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                with ThreadPoolExecutor() as ending_all:
                    codes = [1, *ending_all.map(Supervised.end, running)]
    for log in logs.values():
        print(log.read_text(errors="replace") if log.exists() else "")
    return int(any(codes))


def files_of(lane: str) -> list[str]:
    """The files that contain all tests of a lane."""
    if lane not in OWN_FILES:
        return [str(TESTS)]
    return [str(file) for file in sorted(TESTS.rglob("test_*.py")) if re.search(OWN_FILES[lane], file.read_text())]


def _start(name: str, shared: dict[str, str], log: Path | None) -> Supervised:
    command = [sys.executable, "-m", "pytest", "-m", LANES[name], "--durations=40", *files_of(name)]
    if name not in ("pipelines", "spark"):
        command = ["nice", "-n", str(GIVES_WAY), *command]
    return Supervised(command, environment=os.environ | shared, output=log, grace=GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
