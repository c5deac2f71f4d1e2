"""Rounds of several variants of the same work, and the table of results.

Belongs here: timing, medians, ratios, printing. Does not belong here: what is measured (the other modules).

Ratios are computed within one run, in which the variants alternate, so that other load on the machine slows them all.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from steam_assets.simulator import Simulator
from steam_assets.sources import most_played

REPOSITORY = Path(__file__).resolve().parents[1]


def seconds_of(work: Callable[[], object]) -> float:
    """The wall-clock seconds that ``work`` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def rounds(ways: Mapping[str, Callable[[], float]], count: int) -> dict[str, float]:
    """The median seconds of each variant over ``count`` rounds; each callable returns the seconds it took.

    Every second round runs in reverse order, so that no variant always follows the same one.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(count):
        order = list(ways) if number % 2 == 0 else list(ways)[::-1]
        for name in order:
            taken[name].append(ways[name]())
            print(f"  {name}: {taken[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


@dataclass(frozen=True)
class Bound:
    """The target of a ratio: at most ``limit``, or at least."""

    limit: float
    at_least: bool = False

    def judge(self, ratio: float) -> str:
        kept = ratio >= self.limit if self.at_least else ratio <= self.limit
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}: {'met' if kept else 'MISSED'}"


@dataclass(frozen=True)
class Comparison:
    """What a user does, and what they would use instead: medians of rounds that alternated, in ``unit``."""

    work: str
    peer: str
    ours: float
    theirs: float
    bound: Bound
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    def cells(self) -> list[str]:
        """Work, peer, both values, the ratio, and whether it keeps its bound."""
        values = (f"{value:.2f} {self.unit}" for value in (self.ours, self.theirs))
        return [self.work, self.peer, *values, f"{self.ratio:.2f}", self.bound.judge(self.ratio)]


COMPARED = ("what a user does", "compared with", "ours", "theirs", "ratio", "target")


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print them as a table."""
    print_table("Ratios within one run", COMPARED, [comparison.cells() for comparison in comparisons])


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a text table: the first column left-aligned, the others right-aligned."""
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


@contextmanager
def working_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder; it is removed at the end, and processes started in it are ended."""
    # Otherwise a signal would leave both behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix=f"steam-{prefix}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def command(*arguments: str) -> list[str]:
    """The command line of ``steam-assets`` of this checkout and interpreter."""
    return [sys.executable, "-m", "steam_assets", *arguments]


def process_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of this checkout with ``settings`` as its only settings."""
    # A user's Python keeps the bytecode of what it imports.
    other = ("STEAM_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(other)}
    return kept | {"PYTHONPATH": str(REPOSITORY)} | dict(settings)


def charted_apps(simulator: Simulator) -> tuple[int, ...]:
    """The apps on the simulated chart, most played first."""
    path = "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/"
    answer = requests.get(simulator.url + path, params={"input_json": json.dumps(most_played.QUERY)}, timeout=60).json()
    return tuple(rank["appid"] for rank in answer["response"]["ranks"])
