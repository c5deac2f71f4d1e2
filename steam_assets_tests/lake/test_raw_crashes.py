"""A process killed at any step, and run again, ends with what an uninterrupted run leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import raw_stages
from raw_landing import KEY, SOURCE

from steam_assets.crash_points import STEPS, VARIABLE

pytestmark = pytest.mark.slow

MINE = [step for step in STEPS if step.split(":")[0] in raw_stages.STAGES]


def run(folder: Path, stage: str, *, crash_at: str = "") -> int:
    return subprocess.run(
        [sys.executable, raw_stages.__file__, str(folder), stage],
        env={**os.environ, VARIABLE: crash_at, "PYTHONPATH": str(Path(raw_stages.__file__).parents[2])},
        timeout=120,
    ).returncode


def tree(folder: Path) -> dict[str, bytes]:
    """All files but the store's own, which nobody lists; time and folder in a tombstone are the run's own."""
    return {
        path.relative_to(folder).as_posix(): re.sub(rb'"(at|backup)": "[^"]*"', b"", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "~" not in path.name
    }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The tree after each stage."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    trees: dict[str, dict[str, bytes]] = {}
    for stage, work in raw_stages.STAGES.items():
        work(folder)
        trees[stage] = tree(folder)
    return trees


def test_there_are_steps_of_every_stage() -> None:
    assert {step.split(":")[0] for step in MINE} == set(raw_stages.STAGES)


@pytest.mark.parametrize("step", MINE)
def test_a_run_killed_at_a_step_is_finished_by_the_next(
    step: str, uninterrupted: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    crashing = step.split(":")[0]
    for stage, work in raw_stages.STAGES.items():
        if stage == crashing:
            break
        work(tmp_path)
    assert run(tmp_path, crashing, crash_at=step) == -signal.SIGKILL
    for name in ("raw", "raw-backup", "restored"):
        # What readers see in between is nothing or something whole.
        left = raw_stages.root(tmp_path, name)
        assert left.manifest(SOURCE, KEY) is None or left.is_whole(SOURCE, KEY)
    assert run(tmp_path, crashing) == 0
    assert tree(tmp_path) == uninterrupted[crashing]
