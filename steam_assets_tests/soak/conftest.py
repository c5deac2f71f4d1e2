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

import psutil
import pytest
from rich.console import Console
from rich.progress import track

from steam_assets_tests.faults.conftest import deployment, home

__all__ = ["deployment", "home"]

SHARE = float(os.environ.get("STEAM_TEST_SOAK", "0"))
"""The fraction of the full number of rounds to run; 0 means the few rounds of CI."""
IN_CI = 1
"""The seed in CI, where rounds show whether a change broke something; a soak looks for unknown failures."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "soak.md"
TEXT = """<!-- Written by `make soak`. -->

# Soak: random faults on real parts

`make soak` takes some hours; `make soak SHARE=0.1` runs a tenth of its rounds, and CI a few of each kind. A broken
guarantee fails the run, which prints the seed that repeats it. The last run, `make soak SHARE={share:g}`:

{rows}

{when}, seed {seed}, {minutes:.0f} minutes, {machine}.
"""


@dataclass
class Soak:
    """``random`` is seeded by STEAM_TEST_SOAK_SEED, or randomly for each soak; results are in ``figures``."""

    seed: int
    random: random.Random
    figures: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_long(self) -> bool:
        """Whether a long soak was requested; never in CI."""
        return SHARE > 0

    def number(self, whole: int, short: int) -> int:
        """The number of rounds to run: ``whole``, or ``short`` in CI."""
        return max(1, round(whole * SHARE)) if SHARE else short

    def rounds(self, what: str, whole: int, short: int) -> Iterable[int]:
        """The round numbers, with a progress bar outside CI."""
        return self._tracked(what, range(self.number(whole, short)))

    def places(self, what: str, length: int, short: int) -> Iterable[int]:
        """All places of ``length``; an even selection of them in a partial soak, and ``short`` of them in CI."""
        return self._tracked(what, range(0, length, max(1, length // self.number(length, short))))

    def _tracked(self, what: str, numbers: Sequence[int]) -> Iterable[int]:
        return track(numbers, what, console=Console(stderr=True), disable=not SHARE)


@pytest.fixture(scope="session")
def soak() -> Iterator[Soak]:
    seed = int(os.environ.get("STEAM_TEST_SOAK_SEED", random.SystemRandom().randrange(10**9) if SHARE else IN_CI))
    began, made = datetime.now(UTC), Soak(seed, random.Random(seed))
    sys.stderr.write(f"soak: STEAM_TEST_SOAK_SEED={seed}\n")
    yield made
    if SHARE:
        minutes = (datetime.now(UTC) - began).total_seconds() / 60
        rows = ["| what | found |", "|---|---|", *(f"| {what} | {found} |" for what, found in made.figures.items())]
        when = f"{began:%Y-%m-%d}"
        PAGE.write_text(
            TEXT.format(share=SHARE, rows="\n".join(rows), when=when, seed=seed, minutes=minutes, machine=_machine()),
            "utf-8",
        )


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
