"""How much of a soak runs, its progress, and the page with the figures of the last one."""

from __future__ import annotations

import os
import platform
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TypeVar

import psutil
import pytest

from steam_assets_tests.faults.conftest import deployment, home

__all__ = ["deployment", "home"]

SHARE = float(os.environ.get("STEAM_TEST_SOAK", "0"))
"""The fraction of the full number of rounds to run; 0 means the few rounds of CI."""
IN_CI = 1
"""The seed in CI, where rounds show whether a change broke something; a soak looks for unknown failures."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "soak.md"
TEXT = """<!-- Written by `make soak`. -->

# Soak: random faults on real parts

`make soak` takes one to two hours; `make soak SHARE=0.1` runs a tenth of its rounds, and CI a few of each kind. It
prints how far it is every half minute. A broken guarantee fails the run; the seed that it printed repeats it. Each row
is of the last run of that part that held:

{rows}

{machine}.
"""
HEAD = ("| what | found | share | seed | date | minutes |", "|---|---|---|---|---|---|")

T = TypeVar("T")
REPORT_SECONDS = 30
"""Between two lines of progress, which a log file gets, too."""


def say(line: str) -> None:
    """Print a line outside CI, where pytest captures it."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@dataclass
class Soak:
    """``random`` is seeded by STEAM_TEST_SOAK_SEED, or randomly for each soak."""

    seed: int
    random: random.Random
    since: float = field(default_factory=monotonic)

    @property
    def is_long(self) -> bool:
        """Whether a long soak was requested; never in CI."""
        return SHARE > 0

    def number(self, whole: int, short: int) -> int:
        """The number of rounds to run: ``whole``, or ``short`` in CI."""
        return max(1, round(whole * SHARE)) if SHARE else short

    def rounds(self, what: str, whole: int, short: int) -> Iterable[int]:
        """The round numbers; outside CI, it prints how many are done."""
        return self.each(what, range(self.number(whole, short)))

    def places(self, what: str, length: int, short: int) -> Iterable[int]:
        """All places of ``length``; an even selection of them in a partial soak, and ``short`` of them in CI."""
        return self.each(what, range(0, length, max(1, length // self.number(length, short))))

    def found(self, what: str, found: str) -> None:
        """Put a part's figures on the page, with the minutes since the part before. For a part that held."""
        minutes, self.since = (monotonic() - self.since) / 60, monotonic()
        if self.is_long:
            rows = {line.split("|")[1].strip(): line for line in PAGE.read_text().splitlines() if line.startswith("| ")}
            rows[what] = f"| {what} | {found} | {SHARE:g} | {self.seed} | {datetime.now(UTC):%F} | {minutes:.0f} |"
            del rows["what"]
            PAGE.write_text(TEXT.format(rows="\n".join([*HEAD, *rows.values()]), machine=_machine()), "utf-8")
            say(rows[what])

    def each(self, what: str, items: Sequence[T]) -> Iterator[T]:
        """The items one by one; outside CI, it prints how many are done."""
        began = said = monotonic()
        for done, item in enumerate(items):
            if self.is_long and monotonic() - said > REPORT_SECONDS:
                said = monotonic()
                say(f"soak: {what}: {done} of {len(items)} after {(said - began) / 60:.1f} minutes")
            yield item


@pytest.fixture(scope="session")
def soak() -> Soak:
    seed = int(os.environ.get("STEAM_TEST_SOAK_SEED", random.SystemRandom().randrange(10**9) if SHARE else IN_CI))
    say(f"soak: STEAM_TEST_SOAK_SEED={seed}")
    return Soak(seed, random.Random(seed))


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("dagster", "pyiceberg", "pyspark", "aiokafka"))
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, {packages}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remove the timeout for a whole soak."""
    here = Path(__file__).parent
    for item in items:
        if SHARE and here in item.path.parents:
            item.add_marker(pytest.mark.timeout(0))
