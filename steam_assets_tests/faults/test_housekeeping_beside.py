"""Housekeeping beside runs, as processes: nothing that was landed is lost, and each ends by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from steam_assets.lake.backup import back_up, backup_of, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets_tests.forked_work import exit_code, start
from steam_assets_tests.lake.raw_landing import KEY, NOW, batch_id
from steam_assets_tests.lake.stages import SOURCE, STAGES, run

BATCHES = 3


def land_one_by_one(home: Path) -> None:
    """Land batches and back each up, as runs of a partition do."""
    lake = Lake(Settings(home=home))
    for number in range(1, BATCHES + 1):
        STAGES["land"](lake, [number])
        # Housekeeping may have cleared it meanwhile, since another process backed it up.
        back_up(lake.raw_twins(SOURCE), [KEY], NOW)


def keep_house(home: Path) -> None:
    """Clear again and again what is backed up, and sweep."""
    for _ in range(BATCHES + 1):
        run(home, "housekeeping")


def bring_back(home: Path) -> None:
    """Restore again and again what was cleared."""
    for _ in range(BATCHES):
        run(home, "restore")


@pytest.mark.fault
@pytest.mark.nightly
def test_batches_that_land_during_housekeeping_are_never_lost(tmp_path: Path) -> None:
    beside = [start(work, tmp_path) for work in (land_one_by_one, keep_house, bring_back)]
    assert [exit_code(process) for process in beside] == [0, 0, 0]
    lake = Lake(Settings(home=tmp_path))
    raw = lake.raw_twins(SOURCE)
    STAGES["restore"](lake, [])
    back_up(raw, [KEY], NOW)
    record, held = raw.primary.record(raw.model, KEY), backup_of(raw, KEY)
    assert record is not None and held is not None
    assert record.batch_ids == held.of.batch_ids == {batch_id(number) for number in range(1, BATCHES + 1)}
    assert verify_twins(raw, KEY) == []
