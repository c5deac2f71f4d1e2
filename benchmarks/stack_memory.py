"""Memory of the whole laptop stack during a run: the Dagster UI, the daemon, Kafka, the run and its Spark.

Run: python -m benchmarks.stack_memory
Starts `steam-assets dev` as a user does, with the simulator (not counted) instead of Steam, and launches a week of
reviews as the button in the Dagster UI does. Linux only: memory is the proportional set size, so that pages shared by
several processes count once.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
import requests

from benchmarks.measured import (
    REPOSITORY,
    Bound,
    charted_apps,
    command,
    print_table,
    process_environment,
    working_folder,
)
from benchmarks.process_memory import shares
from steam_assets.extraction.hosts import served_by
from steam_assets.kafka.embedded_broker import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
WEEK = "2026-11-10"
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 120, 300, 40
SAMPLE_SECONDS = 0.5
ROLES = {
    "kafka.Kafka": "Kafka",
    "org.apache.spark": "Spark (JVM)",
    "dagster_webserver": "Dagster UI",
    "dagster._daemon": "daemon",
    "multiprocessing.spawn": "run",
    "pyspark.daemon": "Spark (Python workers)",
    "grpc": "code server",
}
LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename ... on LaunchBackfillSuccess { backfillId } }
}
"""
STATE = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=20, help="Apps whose reviews the run fetches.")
    parser.add_argument("--reviews", type=float, default=1000, help="Mean number of reviews per app and week.")
    asked = parser.parse_args()
    with working_folder("stack") as home, Simulator(reviews_per_app_week=asked.reviews, now=NOW) as simulator:
        own = Settings(
            home=home,
            embedded_kafka_port=free_port(),
            simulated_now=NOW.isoformat(),
            apps=charted_apps(simulator)[: asked.apps],
        )
        watch = measure(served_by(own, simulator.url, 500))
    report(watch)


def measure(settings: Settings) -> _Watch:
    with _dev(settings) as (process, url):
        watch = _Watch(psutil.Process(process.pid))
        watch.until(lambda: _answers(url), START_SECONDS, "Dagster UI")
        watch.rest()
        reviews = source_named("reviews")
        stages = ["raw", "raw_backup", *(f"{t.asset}{suffix}" for t in reviews.tables for suffix in ("", "_backup"))]
        params = {"assetSelection": [{"path": [reviews.name, stage]} for stage in stages], "partitionNames": [WEEK]}
        launched = _ask(url, LAUNCH, params=params | {"tags": []})["launchPartitionBackfill"]["backfillId"]
        watch.until(lambda: _ended(url, launched), RUN_SECONDS, "the run")
    return watch


@contextmanager
def _dev(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run ``steam-assets dev`` in its own process group, and end it as Ctrl-C does."""
    port, log = free_port(), settings.home / "dev.log"
    settings.home.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("dev", "--port", str(port)),
            cwd=REPOSITORY,
            env=process_environment(settings.environment(secrets=True)),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    except TimeoutError as error:
        raise SystemExit(f"{error}\n{log.read_text(errors='replace')[-3000:]}") from error
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGINT)
    _, left = psutil.wait_procs(tree, STOP_SECONDS)
    for one in left:
        print(f"still running after Ctrl-C: {one}")
        one.kill()
    process.wait()


@dataclass
class _Watch:
    """The largest total memory seen so far of a process and its descendants, by role, in bytes."""

    root: psutil.Process
    peak: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)

    def until(self, done: Any, seconds: float, what: str) -> None:
        """Sample until ``done()``. Raises TimeoutError after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} was not ready within {seconds:.0f} s")
            self.sample()
            time.sleep(SAMPLE_SECONDS)

    def rest(self) -> None:
        self.idle = self.sample()

    def sample(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for process, share in shares([self.root, *self.root.children(recursive=True)]).items():
            found[_role(process)] += share
        if found.total() > self.peak.total():
            self.peak = found
        return found


def _role(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        line = ""
    return next((role for word, role in ROLES.items() if word in line), "steam-assets dev and others")


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/server_info", timeout=5).ok
    except requests.ConnectionError:
        return False


def _ended(url: str, backfill: str) -> bool:
    status = _ask(url, STATE, id=backfill)["partitionBackfillOrError"]["status"]
    if status in ("COMPLETED_FAILED", "FAILED", "CANCELED"):
        raise SystemExit(f"the run of reviews {WEEK} ended with status {status}")
    return status == "COMPLETED_SUCCESS"


def _ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    answer = requests.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60)
    answer.raise_for_status()
    body = answer.json()
    if "errors" in body:
        raise SystemExit(f"the Dagster UI returned errors: {body['errors']}")
    return body["data"]


def report(watch: _Watch) -> None:
    roles = sorted(watch.peak, key=lambda role: -watch.peak[role])
    rows = [[role, f"{watch.idle[role] / 2**20:,.0f}", f"{watch.peak[role] / 2**20:,.0f}", ""] for role in roles]
    total = watch.peak.total() / 2**30
    rows.append(
        [
            "all",
            f"{watch.idle.total() / 2**20:,.0f}",
            f"{total * 1024:,.0f}",
            f"{total:.2f} GiB, {Bound(3).judge(total)}",
        ]
    )
    print_table("Memory of the stack, MiB", ["process", "before the run", "peak during the run", "target"], rows)


if __name__ == "__main__":
    main()
