"""How long it takes to recover a lake of many partitions when one thing is lost (docs/how-to/recover.md).

Run: python -m benchmarks.recovery --partitions 1000
Whole commands, as a user types them, each once: CPU seconds without Java's, and wall-clock seconds. The lake has daily
charts of a hundred games, raw and clean, and their backups.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import track

from benchmarks.measured import command, process_environment, working_folder
from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import RootName, Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
SOURCE = source_named("most_played")


def main() -> int:
    """Measure and print; 1 if a command failed or the lake is not what it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=1000)
    count = parser.parse_args().partitions
    with working_folder("recovery") as home:
        settings = Settings(home=home / "lake", simulated_now=NOW.isoformat())
        recovery = _Recovery(settings, fill(settings, home, count))
        print(f"| {count:,} partitions of {SOURCE.name}: what is typed | CPU s | wall-clock s |\n|---|---|---|")
        for step in recovery.steps():
            print(f"| {step.what} | {step.cpu:.0f} | {step.wall:.0f} |", flush=True)
    return 0


def fill(settings: Settings, home: Path, count: int) -> tuple[str, str]:
    """Land that many days, the newest the day before ``NOW``; the first and the last key."""
    window = SOURCE.cadence.latest_finished(NOW)
    days = [window.start - timedelta(days=back) for back in reversed(range(count))]
    keys = [SOURCE.cadence.containing(day).key for day in days]
    with Simulator(seed=7, apps=100) as simulator:
        clock, lake = Clock(NOW), Lake(settings)
        client = HttpClient(served_by(settings, simulator.url, 500.0), clock)
        for key in track(keys, "Landing", disable=not sys.stderr.isatty()):
            day = SOURCE.cadence.window(key)
            clock.move_to(day.start + timedelta(hours=21))
            simulator.set_now(clock.now())
            spool = extract(SOURCE, FetchRequest(day, clock.now()), client, home / "spool")
            put_batch(lake, SOURCE, key, spool.batch_id, spool)
    return keys[0], keys[-1]


@dataclass(frozen=True)
class Step:
    """A command and what it took, in seconds; ``cpu`` without the JVM, which outlives its parent for a moment."""

    what: str
    cpu: float
    wall: float


@dataclass(frozen=True)
class _Recovery:
    settings: Settings
    keys: tuple[str, str]

    def steps(self) -> Iterator[Step]:
        """Lose one thing after the other, and recover from each. Raises CalledProcessError if a command fails."""
        first, last = self.keys
        stage = ("run", SOURCE.name, "--from", first, "--to", last)
        yield self._typed("run --stage raw-backup", *stage, "--stage", "raw-backup")
        yield self._typed("run --stage clean", *stage, "--stage", "clean")
        yield self._typed("run --stage clean-backup", *stage, "--stage", "clean-backup")
        for name in ROOT_NAMES:
            sqlite_file(self.settings, name).unlink()
        yield self._typed("catalog rebuild: all catalogs were lost", "catalog", "rebuild")
        self._lose("raw")
        yield self._typed("restore --yes: the raw root was lost", "restore", "--yes")
        self._lose("clean")
        yield self._typed("restore --yes: the clean root was lost", "restore", "--yes")
        self._lose("raw-backup")
        yield self._typed("run --stage raw-backup: that backup was lost", *stage, "--stage", "raw-backup")
        self._lose("clean-backup")
        yield self._typed("run --stage clean-backup: that backup was lost", *stage, "--stage", "clean-backup")
        shutil.rmtree(self.settings.home / "dagster")
        yield self._typed("status: Dagster's storage was lost", "status")
        yield self._typed("verify", "verify")

    def _lose(self, name: RootName) -> None:
        shutil.rmtree(self.settings.root(name))

    def _typed(self, what: str, *arguments: str) -> Step:
        before, began = _children_cpu(), time.monotonic()
        environment = {
            **process_environment(self.settings.environment(secrets=False)),
            "DAGSTER_HOME": str(self.settings.home / "dagster"),
        }
        done = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True)
        # 3: status says that a source is late.
        if done.returncode not in (0, 3):
            raise SystemExit(f"steam-assets {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return Step(what, _children_cpu() - before, time.monotonic() - began)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
