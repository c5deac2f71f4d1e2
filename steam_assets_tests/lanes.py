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
    "others": "not (lake or copies or slow or process or daemon or spark or kafka)",
    "copies": "copies and not (lake or slow or process or daemon or spark or kafka)",
    "lake": "lake and not (slow or process or daemon or spark or kafka)",
    "slow": "slow and not (process or daemon or spark or kafka)",
}
"""Tests by mark, in the order in which they start. The first lane's output is shown at once, that of the others at the
end."""
OF_COPIES = r"test_(backup|crashes|housekeeping|lost|recover|relocate|restore)"
"""The files of ``lake/`` about backups and losses. They take half of its time."""
AT_ONCE = 4
"""With five lanes at once, services do not start in time."""
OWN_FILES = {
    "processes": r"mark\.process",
    "spark": r"mark\.spark|spark: SparkSession|deployment",
    "daemon": r"mark\.(daemon|kafka)|broker",
    "copies": rf"\Alake/{OF_COPIES}",
    "lake": rf"\Alake/(?!{OF_COPIES})",
    "slow": r"mark\.slow",
}
"""What the files of a lane contain, for instance a fixture, or where they are. Importing the others would take ten
seconds of CPU time."""
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
        logs = {name: build / f"tests-{name}.txt" for name in [*LANES][1:]}
        for log in logs.values():
            log.unlink(missing_ok=True)
        # This is done before most JVMs of the tests start.
        running = [Supervised([str(_STEAM_ASSETS), "warm"], output=build / "warm.txt")]

        def run(lane: str) -> int:
            running.append(process := _start(lane, selected, shared, logs.get(lane)))
            return process.wait()

        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                codes = list(pool.map(run, LANES))
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                with ThreadPoolExecutor() as others:
                    codes = [1, *others.map(Supervised.end, running)]
        for log in logs.values():
            if log.exists():
                print(log.read_text(errors="replace"))
        return int(any([running[0].wait(), *codes]))


def files_of(lane: str) -> list[str]:
    """The files that contain all tests of a lane."""
    if lane not in OWN_FILES:
        return [str(TESTS)]
    sought = re.compile(OWN_FILES[lane])
    files = sorted(TESTS.rglob("test_*.py"))
    return [str(file) for file in files if sought.search(f"{file.relative_to(TESTS)}\n{file.read_text()}")]


def _start(name: str, selected: str, shared: dict[str, str], log: Path | None) -> Supervised:
    marks = f"({LANES[name]}) and ({selected})" if selected else LANES[name]
    command = [sys.executable, "-m", "pytest", "-m", marks, "--durations=40", *files_of(name)]
    if name != "spark":
        command = ["nice", "-n", str(GIVES_WAY), *command]
    return Supervised(command, environment=os.environ | shared, output=log, grace=GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
