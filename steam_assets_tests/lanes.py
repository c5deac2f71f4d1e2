"""All tests, in four lanes side by side on one Kafka broker: ``python -m steam_assets_tests.lanes``.

Belongs here: which tests run beside which, and their output. Does not belong here: what they share within a lane
(conftest.py).

The lane of Spark is the longest, and one session serves all of it; the others give way to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path

from steam_assets.embedded.broker import EmbeddedBroker, free_port

LANES = {
    "processes": "process and not (daemon or fault or spark)",
    "spark": "spark",
    "daemon": "daemon and not spark",
    "others": "not (spark or daemon) and (fault or not process)",
}
"""Tests by their marks. What the first lane says is shown while it runs, what the others say after it."""
_STEAM_ASSETS = Path(sys.executable).with_name("steam-assets")
GIVES_WAY = 10
"""By how much the lanes without Spark are nicer to others, in steps of nice(2)."""


def main() -> int:
    """Run all lanes to their end; 0 if every test passed, else 1."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), free_port()) as broker:
        shared = {"STEAM_TEST_BROKER_FOLDER": str(broker.folder), "STEAM_TEST_BROKER_PORT": str(broker.port)}
        shown, *later = LANES
        logs = {name: build / f"tests-{name}.txt" for name in later}
        running = {name: _start(name, shared, logs.get(name)) for name in (*later, shown)}
        # Most JVMs of the tests start later than this is done.
        running["warm"] = subprocess.Popen([_STEAM_ASSETS, "warm"], stdout=subprocess.DEVNULL)
        with suppress(KeyboardInterrupt):
            # The lanes are interrupted with us, and end what they started.
            for process in running.values():
                process.wait()
        codes = [process.wait() for process in running.values()]
    for log in logs.values():
        print(log.read_text(errors="replace"))
    return int(any(codes))


def _start(name: str, shared: dict[str, str], log: Path | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-m", LANES[name], "--durations=12"]
    if name != "spark":
        command = ["nice", "-n", str(GIVES_WAY), *command]
    with log.open("wb") if log else nullcontext() as output:
        return subprocess.Popen(command, env=os.environ | shared, stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())
