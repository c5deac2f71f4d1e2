"""A month of `steam-assets dev` in about an hour: what grows, and by which setting it is bounded.

Run: python -m benchmarks.long_life
Starts broker, webserver, daemon and Spark as a user does, with all schedules and sensors on, against the simulator. The
clock that schedules and sources go by stands still and is moved from tick to tick (moved_clock/), to another day only
when all runs have ended; runs, sensors, Kafka and Spark take their real time. Writes docs/reference/long-life.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil

from benchmarks.dev_process import START_SECONDS, Dev, dev_process
from benchmarks.measured import REPOSITORY, charted_apps, working_folder
from benchmarks.process_memory import shares
from benchmarks.stack_memory import role
from steam_assets.extraction.hosts import served_by
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES, player_samples
from steam_assets.sources.source import Source

BEGIN = datetime(2026, 10, 19, tzinfo=UTC)
"""In the past: Dagster refuses partitions of a real tomorrow."""
CLOCKS = REPOSITORY / "benchmarks" / "moved_clock"
PAGE = REPOSITORY / "docs" / "reference" / "long-life.md"
TICK_SECONDS, DAY_SECONDS, SETTLE_SECONDS = 120, 900, 600
SCHEDULES = """
query ($cursor: Float!) {
  schedulesOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "steam_assets"}) {
    ... on Schedules {
      results {
        name
        futureTicks(cursor: $cursor, limit: 1) { results { timestamp } }
        scheduleState { status ticks(limit: 1) { timestamp status error { message } } }
      }
    }
  }
}
"""
RUNS = "query ($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { count } } }"
UNFINISHED = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]
ENDED = ["SUCCESS", "FAILURE", "CANCELED"]
GROWTH = "\n## Twenty times the demo\n"
TEXT = """<!-- Written by `python -m benchmarks.long_life`. -->

# Running for weeks

Broker, Dagster UI, daemon and Spark, started by `steam-assets dev` with every schedule and sensor on, through {days}
days ({first} to {last}) against the simulator. Only the clock of schedules and sources is moved, from tick to tick;
runs, sensors, Kafka and Spark take their real time. Each value was measured while no run was in progress.

{table}

{ticks} ticks of schedules; {runs}, some requested by sensors. Partitions that were due and are complete
through all stages: {partitions}. Each run added about {log} kB to the event log and {outputs} kB of outputs:
with hourly samples, some gigabytes per year, unless `STEAM_RUN_HISTORY_DAYS` is set.

{when}, `python -m benchmarks.long_life {arguments}`, {minutes:.0f} minutes, {machine}.
"""


def main() -> int:
    """Run the month, and write the page; 1 if a partition is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--minutes-between", type=int, default=360, help="Between two samples of players.")
    parser.add_argument("--most-minutes", type=float, default=180, help="End with the day in which they have passed.")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    began = time.monotonic()
    with working_folder("long-life") as folder, Simulator(reviews_per_app_week=20.0, now=BEGIN) as simulator:
        own = Settings(
            home=folder / "home",
            embedded_kafka_port=free_port(),
            apps=charted_apps(simulator)[:3],
            automation=True,
        ).model_copy(update={player_samples.SOURCE.setting("minutes_between"): asked.minutes_between})
        month = _Month(served_by(own, simulator.url, 500), simulator, folder, asked.days)
        month.run(began + 60 * asked.most_minutes)
    arguments = f"--days {asked.days} --minutes-between {asked.minutes_between}"
    # What history_growth.py measures stands below.
    _, heading, growth = asked.page.read_text("utf-8").partition(GROWTH) if asked.page.exists() else ("", "", "")
    asked.page.write_text(month.page(arguments, (time.monotonic() - began) / 60) + heading + growth, "utf-8")
    return 1 if month.missing else 0


@dataclass(frozen=True)
class Measure:
    """What the stack uses, by the rows of the page's table."""

    day: int
    values: Mapping[str, int]


class _Month:
    """The stack, its clock, and what was measured."""

    def __init__(self, settings: Settings, simulator: Simulator, folder: Path, days: int) -> None:
        self._settings, self._simulator, self._days = settings, simulator, days
        self._clock, self._temporary = folder / "clock", folder / "tmp"
        self._now = BEGIN
        self._ticks = 0
        self._measured: list[Measure] = []
        self._runs: dict[str, int] = {}
        self.missing: list[str] = []
        self._complete: Counter[str] = Counter()

    def run(self, deadline: float) -> None:
        """Start the stack, run through all days, and compare the lake with what was due.

        After ``deadline`` (of ``time.monotonic``) no further day begins.
        """
        self._temporary.mkdir()
        self._move(BEGIN)
        environment = {
            "PYTHONPATH": os.pathsep.join((str(CLOCKS), str(REPOSITORY))),
            "MOVED_CLOCK": str(self._clock),
            "TMPDIR": str(self._temporary),
        }
        with dev_process(self._settings, environment) as dev:
            dev.wait_for(dev.answers, START_SECONDS, "the Dagster UI")
            self._measure(dev, 0)
            while (ticks := self._next(dev))[0] < self._end:
                moment, names = ticks
                if moment.date() != self._now.date():
                    self._end_day(dev)
                    if time.monotonic() > deadline:
                        self._days = (self._now - BEGIN).days + 1
                        break
                self._move(moment)
                dev.wait_for(partial(self._evaluated, dev, moment, names), TICK_SECONDS, f"a tick of {names}")
                self._ticks += len(names)
            dev.wait_for(partial(self._idle, dev), DAY_SECONDS, "the last day's runs")
            self._move(self._end)
            self._settle(dev)
            self._measure(dev, self._days)
            self._runs = {status: self._count(dev, [status]) for status in ENDED}
        self.missing = self._lacking()

    @property
    def _end(self) -> datetime:
        return BEGIN + timedelta(days=self._days)

    def _next(self, dev: Dev) -> tuple[datetime, list[str]]:
        """The next moment at which schedules are due, and their names."""
        due: dict[datetime, list[str]] = {}
        for schedule in self._schedules(dev, self._now.timestamp() + 1):
            (tick,) = schedule["futureTicks"]["results"]
            due.setdefault(datetime.fromtimestamp(tick["timestamp"], UTC), []).append(schedule["name"])
        moment = min(due)
        return moment, due[moment]

    def _schedules(self, dev: Dev, cursor: float) -> list[dict]:
        found = dev.ask(SCHEDULES, cursor=cursor)["schedulesOrError"]["results"]
        return [schedule for schedule in found if schedule["scheduleState"]["status"] == "RUNNING"]

    def _evaluated(self, dev: Dev, moment: datetime, names: Iterable[str]) -> bool:
        ticks = {one["name"]: one["scheduleState"]["ticks"] for one in self._schedules(dev, moment.timestamp())}
        newest = [ticks[name][0] for name in names if ticks[name]]
        if failed := [tick["error"] for tick in newest if tick["status"] == "FAILURE"]:
            raise SystemExit(f"a tick of {moment} failed: {failed}")
        done = [tick for tick in newest if tick["timestamp"] == moment.timestamp() and tick["status"] != "STARTED"]
        return len(done) == len([*names])

    def _end_day(self, dev: Dev) -> None:
        """Wait for the day's runs, because a live chart is asked for on its own day; measure at some days' ends."""
        dev.wait_for(partial(self._idle, dev), DAY_SECONDS, f"the runs of {self._now:%F}")
        day = (self._now - BEGIN).days + 1
        self._measure(dev, day)
        failed = self._count(dev, ["FAILURE"])
        print(f"{self._now:%F}: {self._count(dev, ENDED)} runs, {failed} failed", file=sys.stderr, flush=True)

    def _idle(self, dev: Dev) -> bool:
        return self._count(dev, UNFINISHED) == 0

    def _count(self, dev: Dev, statuses: list[str]) -> int:
        return dev.ask(RUNS, filter={"statuses": statuses})["runsOrError"]["count"]

    def _move(self, moment: datetime) -> None:
        self._now = moment
        self._simulator.set_now(moment)
        new = self._clock.with_suffix(".new")
        new.write_text(moment.isoformat())
        new.replace(self._clock)

    def _settle(self, dev: Dev) -> None:
        """Give the sensors time to have the last days cleaned."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and (self._lacking() or not self._idle(dev)):
            time.sleep(5)

    def _measure(self, dev: Dev, day: int) -> None:
        values = dict(_of_processes(dev)) | dict(_of_disk(self._settings, self._temporary))
        self._measured.append(Measure(day, values))
        print(f"day {day}: {values}", file=sys.stderr, flush=True)

    def _lacking(self) -> list[str]:
        """The partitions that were due in the month and are not complete through all stages."""
        lacking, self._complete = list[str](), Counter()
        lake = Lake(self._settings)
        for source in SOURCES:
            ledger = SourceLedger.of(lake, source)
            for key in self._due(source):
                if ledger.status(key).up_to_date:
                    self._complete[source.cadence.value] += 1
                else:
                    lacking.append(f"{source.name} {key}")
        return lacking

    def _due(self, source: Source) -> list[str]:
        """The keys whose ticks were within the month."""
        first, last = source.newest_due(BEGIN), source.newest_due(self._end)
        return [one.key for one in source.cadence.between(first.key, last.key) if one != first]

    def page(self, arguments: str, minutes: float) -> str:
        """The page with the table of what was measured."""
        complete = ", ".join(f"{number} {cadence}" for cadence, number in self._complete.items())
        return TEXT.format(
            days=self._days,
            first=f"{BEGIN:%F}",
            last=f"{self._end - timedelta(days=1):%F}",
            table=self._table(),
            ticks=self._ticks,
            runs=", ".join(f"{number} runs ended with {status}" for status, number in self._runs.items() if number),
            log=self._per_run("Dagster's event log, kB"),
            outputs=self._per_run("outputs and logs of runs, kB"),
            partitions=f"{complete}; missing: {', '.join(self.missing) or 'none'}",
            when=f"{datetime.now(UTC):%F}",
            arguments=arguments,
            minutes=minutes,
            machine=f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        )

    def _per_run(self, what: str) -> int:
        first, last = self._measured[0], self._measured[-1]
        return (last.values[what] - first.values[what]) // max(sum(self._runs.values()), 1)

    def _table(self) -> str:
        last = len(self._measured) - 1
        shown = [self._measured[place] for place in sorted({0, min(1, last), last // 2, last})]
        heads = ["", *(f"day {measure.day}" if measure.day else "start" for measure in shown), "bounded by"]
        rows = [
            [what, *(f"{measure.values.get(what, 0):,}" for measure in shown), BOUNDS.get(what, "")]
            for what in self._measured[-1].values
        ]
        lines = [heads, ["---"] * len(heads), *rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _of_processes(dev: Dev) -> Iterable[tuple[str, int]]:
    """Memory by role, and the open files and sockets of all."""
    memory, files, sockets = Counter[str](), 0, 0
    for process, share in shares([dev.process, *dev.process.children(recursive=True)]).items():
        with suppress(psutil.Error):
            memory[role(process)] += share
            files += process.num_fds()
            sockets += len(process.net_connections())
    yield from ((f"memory of {name}, MiB", size >> 20) for name, size in sorted(memory.items()))
    yield "open file descriptors", files
    yield "sockets", sockets


def _of_disk(settings: Settings, temporary: Path) -> Iterable[tuple[str, int]]:
    """Kilobytes on disk, and the number of temporary files."""
    home = settings.home
    yield "Kafka's topics, kB", disk_kilobytes(home / "kafka" / "data")
    yield "Kafka's own logs, kB", disk_kilobytes(*(home / "kafka").glob("*.log*"))
    yield "Dagster's event log, kB", disk_kilobytes(home / "dagster" / "history")
    yield "Dagster's ticks, kB", disk_kilobytes(home / "dagster" / "schedules")
    yield "outputs and logs of runs, kB", disk_kilobytes(home / "dagster" / "storage")
    yield "spool, kB", disk_kilobytes(home / "spool")
    yield "raw, clean and backups, kB", disk_kilobytes(*(Path(settings.root(name)) for name in ROOT_NAMES))
    yield "temporary files and folders", sum(1 for _ in temporary.rglob("*"))


def disk_kilobytes(*places: Path) -> int:
    """Kilobytes that files take on the disk; sparse files count as little as they take."""
    size = 0
    for place in places:
        for file in (place, *place.rglob("*")):
            with suppress(FileNotFoundError):
                size += file.stat().st_blocks * 512
    return size // 1000


BOUNDS = {
    "memory of Kafka, MiB": "`STEAM_EMBEDDED_KAFKA_HEAP_MB`",
    "memory of Spark (JVM), MiB": "`STEAM_SPARK_DRIVER_MEMORY`",
    "open file descriptors": "concurrent runs: each continues a session of Spark that an ended one has left",
    "Kafka's topics, kB": "`STEAM_KAFKA_RETENTION_DAYS`",
    "Kafka's own logs, kB": "3 files of 5 MB",
    "Dagster's event log, kB": "`STEAM_RUN_HISTORY_DAYS`",
    "Dagster's ticks, kB": "`retention` in `dagster.yaml`",
    "outputs and logs of runs, kB": "`STEAM_RUN_HISTORY_DAYS`",
    "raw, clean and backups, kB": "primaries: `STEAM_HOUSEKEEPING_KEEP_DAYS`, on request; backups grow",
}


if __name__ == "__main__":
    sys.exit(main())
