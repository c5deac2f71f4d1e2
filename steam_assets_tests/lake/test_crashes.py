"""A process killed at any step of the lake's work, then rerun, leaves the same result as an uninterrupted run.

faults/test_crash_matrix.py has the steps of Kafka and Spark.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from clean_partitions import SOURCE
from raw_landing import KEY

from steam_assets.failpoints import STEPS, VARIABLE
from steam_assets.lake.backup import backup_of, verify
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets_tests.forked_work import exit_code, start
from steam_assets_tests.lake.stages import STAGES, account, run
from steam_assets_tests.nightly import rest_nightly

MINE = [step for step in STEPS if step.split(":")[0] in STAGES]
FIRST = [next(step for step in MINE if step.startswith(f"{stage}:")) for stage in STAGES]
"""Of each stage, before its commit. faults/test_crash_matrix.py has steps after a commit."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The account after each stage of an undisturbed run."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("uninterrupted")))
    accounts = {}
    for stage, work in STAGES.items():
        work(lake, [])
        accounts[stage] = account(lake)
    assert accounts["restore"] == accounts["backup"] != accounts["housekeeping"]
    return accounts


@pytest.mark.slow
@pytest.mark.parametrize("step", rest_nightly([*FIRST, *(step for step in MINE if step not in FIRST)], kept=len(FIRST)))
def test_a_run_killed_at_a_step_is_finished_by_the_next(
    step: str, uninterrupted: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lake, crashing = Lake(Settings(home=tmp_path)), step.split(":")[0]
    for stage, work in STAGES.items():
        if stage == crashing:
            break
        work(lake, [])
    assert exit_code(start(run, tmp_path, crashing, environment={VARIABLE: step})) == -signal.SIGKILL
    for twins in lake.twins(SOURCE):
        # Meanwhile readers see either the old or the new partition, complete.
        record, held = twins.primary.record(twins.model, KEY), backup_of(twins, KEY)
        assert verify(twins.primary, [record] if record else []) == []
        assert verify(twins.backup, [held.of] if held else []) == []
    assert exit_code(start(run, tmp_path, crashing)) == 0
    assert account(lake) == uninterrupted[crashing]
