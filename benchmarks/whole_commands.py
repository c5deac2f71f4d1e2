"""Cleaning one small partition by a command, compared with scripts that do the same kind of work.

Run: python -m benchmarks.whole_commands
Whole processes, started as by a user. "Beside dev" is the command while `steam-assets dev` runs; "from the click" is a
run of its Dagster UI, with the backup.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.dev_process import START_SECONDS, Dev, dev_process
from benchmarks.measured import (
    REPOSITORY,
    Bound,
    Comparison,
    command,
    print_comparisons,
    process_environment,
    rounds,
    seconds_of,
    working_folder,
)
from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.http_client import HttpClient
from steam_assets.lake.lake import Lake
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest, History, Source
from steam_assets.spark.warm_spark import warm_spark

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
PEERS = REPOSITORY / "benchmarks" / "peers"
DAILY, MONTHLY = source_named("most_played"), source_named("monthly_visits")
COLD, BESIDE, SCRIPT, EMPTY, CLICK = "cold", "beside dev", "script", "empty session", "from the click"
SECONDS = 400
CLICK_SECONDS = 5.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print_comparisons(compared(parser.parse_args().rounds))


def compared(count: int) -> list[Comparison]:
    """The comparisons of a day's chart and of a month's visits."""
    with working_folder("commands") as home, Simulator(now=NOW) as simulator:
        work = _Work(home, simulator, free_port())
        day, month = (work.partition(source) for source in (DAILY, MONTHLY))
        settings = work.settings(home / "warm")
        with dev_process(settings) as dev:
            dev.wait_for(dev.answers, START_SECONDS, "the Dagster UI")
            dev.wait_for(lambda: warm_spark(settings) is not None, START_SECONDS, "Spark")
            click = partial(_clicked, dev, day)
            click()
            taken = rounds({**work.ways(day, month), f"{DAILY.name}: {CLICK}": click}, count)
    script, monthly = taken[f"{DAILY.name}: {SCRIPT}"], taken[f"{MONTHLY.name}: {SCRIPT}"]
    cold, warm = taken[f"{DAILY.name}: {COLD}"], taken[f"{DAILY.name}: {BESIDE}"]
    return [
        Comparison("clean a day's chart, whole process", "a daily script of PySpark", cold, script, Bound(1)),
        Comparison("the same", "an empty SparkSession that counts a table", cold, taken[EMPTY], Bound(1.3)),
        Comparison("the same beside `steam-assets dev`", "a daily script", warm, script, Bound(0.25)),
        Comparison(
            "the same with its backup, from the click in the Dagster UI to the end",
            "its target on two quiet cores",
            taken[f"{DAILY.name}: {CLICK}"],
            CLICK_SECONDS,
            Bound(1),
        ),
        Comparison(
            "clean a month's visits, four tables, whole process",
            "a monthly script of PySpark and pandas",
            taken[f"{MONTHLY.name}: {COLD}"],
            monthly,
            Bound(1),
        ),
    ]


@dataclass(frozen=True)
class _Partition:
    """A raw partition, with its response as a file and one of the files it is in."""

    source: Source
    key: str
    response: Path
    file: Path


@dataclass(frozen=True)
class _Work:
    home: Path
    simulator: Simulator
    kafka_port: int

    def settings(self, home: Path) -> Settings:
        own = Settings(home=home, simulated_now=NOW.isoformat(), embedded_kafka_port=self.kafka_port)
        return served_by(own, self.simulator.url, 500.0)

    def partition(self, source: Source) -> _Partition:
        """Fetch the newest partition once into each home."""
        live = source.history is History.LIVE
        window = source.cadence.containing(NOW) if live else source.cadence.latest_finished(NOW)
        response, file = self.home / f"{source.name}.json", Path()
        for home in (self.home / "cold", self.home / "warm"):
            settings = self.settings(home)
            client = HttpClient(settings, Clock(NOW))
            spool = extract(source, FetchRequest(window, NOW), client, home / "spool")
            put_batch(Lake(settings), source, window.key, spool.batch_id, spool)
            raw = Lake(settings).raw(source)
            rows, table = raw.arrow([window.key], ("body",)), raw.load()
            if rows is None or table is None:
                raise SystemExit(f"the simulator did not answer for {source.name} {window.key}")
            response.write_text(str(rows.column("body")[0]))
            file = Path(next(iter(table.scan().plan_files())).file.file_path)
        return _Partition(source, window.key, response, file)

    def ways(self, day: _Partition, month: _Partition) -> dict[str, Callable[[], float]]:
        cold, warm = (self.settings(self.home / name) for name in ("cold", "warm"))
        script = {part.source.name: partial(self._script, part) for part in (day, month)}
        return {
            f"{DAILY.name}: {COLD}": partial(_cleaned, cold, day),
            f"{DAILY.name}: {BESIDE}": partial(_cleaned, warm, day),
            f"{DAILY.name}: {SCRIPT}": script[DAILY.name],
            EMPTY: partial(_python, [str(PEERS / "empty_session.py"), str(day.file)], {}),
            f"{MONTHLY.name}: {COLD}": partial(_cleaned, cold, month),
            f"{MONTHLY.name}: {SCRIPT}": script[MONTHLY.name],
        }

    def _script(self, part: _Partition) -> float:
        goal = self.home / "csv"
        goal.mkdir(exist_ok=True)
        return _python([str(PEERS / f"{part.source.cadence.value}.py"), str(part.response), str(goal)], {})


def _cleaned(settings: Settings, part: _Partition) -> float:
    words = ["run", part.source.name, "--from", part.key, "--to", part.key, "--stage", "clean"]
    return run_process(command(*words), settings.environment(secrets=True))


def _clicked(dev: Dev, part: _Partition) -> float:
    table = part.source.tables[0].asset
    times = dev.materialize([[part.source.name, stage] for stage in (table, f"{table}_backup")], part.key, SECONDS)
    print(f"    its process began the run after {times.started - times.launched:.2f} s", file=sys.stderr)
    return times.ended - times.launched


def _python(words: Sequence[str], settings: Mapping[str, str]) -> float:
    return run_process([sys.executable, *words], settings)


def run_process(words: Sequence[str], settings: Mapping[str, str], codes: Sequence[int] = (0,)) -> float:
    """The seconds of a process of this checkout with only ``settings``; SystemExit for an unexpected exit code."""
    run = partial(subprocess.run, words, cwd=REPOSITORY, env=process_environment(settings), capture_output=True)

    def done() -> None:
        ended = run(text=True, timeout=SECONDS)
        if ended.returncode not in codes:
            raise SystemExit(f"{' '.join(words)} failed:\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")

    return seconds_of(done)


if __name__ == "__main__":
    main()
