"""Memory of the whole laptop stack during a run: the Dagster UI, the daemon, Kafka, the run and its Spark.

Run: python -m benchmarks.stack_memory
Starts `steam-assets dev` as a user does, with the simulator (not counted) instead of Steam, and launches a week of
reviews as the button in the Dagster UI does. Linux only: memory is the proportional set size, so that pages shared by
several processes count once.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil

from benchmarks.dev_process import START_SECONDS, dev_process
from benchmarks.measured import Bound, charted_apps, print_table, working_folder
from benchmarks.process_memory import shares
from steam_assets.extraction.hosts import served_by
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.spark.warm_spark import warm_spark

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
WEEK = "2026-11-10"
RUN_SECONDS = 300
SAMPLE_SECONDS = 0.5
ROLES = {
    "kafka.Kafka": "Kafka",
    "org.apache.spark": "Spark (JVM)",
    "orchestration.webserver": "Dagster UI",
    "dagster._daemon": "daemon",
    "multiprocessing.forkserver": "runs, and the process they are forked from",
    "pyspark.daemon": "Spark (Python workers)",
    "grpc": "code server",
}


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
    with dev_process(settings) as dev:
        watch = _Watch(dev.process)
        watch.until(dev.answers, START_SECONDS, "Dagster UI")
        watch.until(lambda: warm_spark(settings) is not None, START_SECONDS, "Spark")
        watch.rest()
        reviews = source_named("reviews")
        stages = ["raw", "raw_backup", *(f"{t.asset}{suffix}" for t in reviews.tables for suffix in ("", "_backup"))]
        launched = dev.launch_backfill([[reviews.name, stage] for stage in stages], WEEK)
        watch.until(lambda: dev.backfill_ended(launched), RUN_SECONDS, "the run")
    return watch


@dataclass
class _Watch:
    """The largest total memory seen so far of a process and its descendants, by role, in bytes."""

    root: psutil.Process
    peak: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)

    def until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Sample until ``done()``. SystemExit after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise SystemExit(f"{what} was not ready within {seconds:.0f} s")
            self.sample()
            time.sleep(SAMPLE_SECONDS)

    def rest(self) -> None:
        self.idle = self.sample()

    def sample(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for process, share in shares([self.root, *self.root.children(recursive=True)]).items():
            found[role(process)] += share
        if found.total() > self.peak.total():
            self.peak = found
        return found


def role(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        line = ""
    return next((role for word, role in ROLES.items() if word in line), "steam-assets dev and others")


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
