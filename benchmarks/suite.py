"""All comparisons, in rounds that alternate with their peers, written to benchmarks/results.md.

Run: python -m benchmarks.suite, or --large with ten million reviews (make bench, make bench-large)
Belongs here: which benchmarks make a run, the file of results. Does not belong here: measuring (the other modules).

A benchmark that was not part of a run keeps its results, with their date.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from pydantic import BaseModel

from benchmarks import backup_rate, cleaning_rate, growth, kafka_rate, reading, whole_commands
from benchmarks.measured import COMPARED, Comparison, print_comparisons, working_folder
from benchmarks.review_pages import Pages
from steam_assets.java.jvm import find_java

RESULTS = Path(__file__).with_name("results.md")
KEPT = Path(__file__).with_name("results.json")
NOTES = Path(__file__).with_name("missed.md")
PACKAGES = ("steam-assets", "dagster", "pyspark", "pyiceberg", "pyarrow", "aiokafka", "duckdb", "pandas")
STEPS = (50_000, 100_000, 200_000, 400_000)
"""Reviews of the plot of growth."""
ROUNDS = 3


class Kept(BaseModel):
    """A benchmark's comparisons, with the time, the machine's state and the versions when they were measured."""

    measured: datetime
    machine: str
    versions: str
    comparisons: list[Comparison]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="Only the growth from one to ten million reviews.")
    parser.add_argument("--only", choices=sorted(SUITE), nargs="+", help="Only these benchmarks.")
    asked = parser.parse_args()
    kept = _read()
    for name in asked.only or (["growth"] if asked.large else [name for name in SUITE if name != "growth"]):
        comparisons = SUITE[name]()
        print_comparisons(comparisons)
        kept[name] = kept_of(comparisons)
        KEPT.write_text(json.dumps({key: kept[key].model_dump(mode="json") for key in SUITE if key in kept}, indent=1))
        RESULTS.write_text(report(kept))


def kept_of(comparisons: list[Comparison]) -> Kept:
    """Comparisons that were measured now, on this machine."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Kept(measured=now, machine=_machine(), versions=_versions(), comparisons=comparisons)


def _cleaning() -> list[Comparison]:
    with working_folder("cleaning") as home:
        return cleaning_rate.measure(home, Pages(cleaning_rate.KEY, 1_000_000, 8), ROUNDS)


def _steps() -> list[Comparison]:
    with working_folder("steps") as home:
        return growth.steps(home, STEPS, ROUNDS)


def _growth() -> list[Comparison]:
    with working_folder("growth") as home:
        return growth.measure(home, 1_000_000, 8, 1)


def _backup() -> list[Comparison]:
    with working_folder("backup") as home:
        return backup_rate.measure(home, 128, ROUNDS)


SUITE: Mapping[str, Callable[[], list[Comparison]]] = {
    "commands": lambda: whole_commands.compared(ROUNDS),
    "cleaning": _cleaning,
    "steps": _steps,
    "growth": _growth,
    "kafka": lambda: kafka_rate.compared(1000, 10_000, ROUNDS),
    "backup": _backup,
    "reading": lambda: reading.compared(ROUNDS),
}


_HEAD = """# Results of the benchmarks

Written by `make bench` and `make bench-large`. Ratios are within one run, in which both ways alternate; seconds depend
on the machine and on what else it did (its load of the last 15 minutes is stated).
"""


def report(kept: Mapping[str, Kept]) -> str:
    """The file of results, in Markdown."""
    lines = [_HEAD]
    for name, one in kept.items():
        lines += [f"## {name}", "", f"{one.measured:%Y-%m-%d %H:%M} UTC; {one.machine}; {one.versions}.", ""]
        lines += [f"| {' | '.join(COMPARED)} |", f"|{' --- |' * len(COMPARED)}"]
        lines += [f"| {' | '.join(values.cells())} |" for values in one.comparisons]
        lines += ["", *(_plot(one) if name == "steps" else [])]
    if NOTES.exists():
        lines += [NOTES.read_text(encoding="utf-8")]
    return "\n".join(lines).rstrip() + "\n"


def _plot(one: Kept) -> Sequence[str]:
    """Seconds by number of reviews, which Markdown viewers with Mermaid draw."""
    found = one.comparisons
    names = [f'"{comparison.work.split()[1]}"' for comparison in found]
    seconds = [f"{comparison.ours:.1f}" for comparison in found]
    return [
        "```mermaid",
        "xychart-beta",
        '  title "Growth: seconds by number of reviews"',
        f"  x-axis [{', '.join(names)}]",
        '  y-axis "seconds"',
        f"  line [{', '.join(seconds)}]",
        "```",
        "",
    ]


def _read() -> dict[str, Kept]:
    if not KEPT.exists():
        return {}
    return {name: Kept.model_validate(one) for name, one in json.loads(KEPT.read_text(encoding="utf-8")).items()}


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[2]
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, load {load:.1f}"


def _versions() -> str:
    java = find_java().parent.parent.name
    return ", ".join([f"Python {platform.python_version()}", java, *(f"{name} {version(name)}" for name in PACKAGES)])


if __name__ == "__main__":
    main()
