"""Many partitions are restored in few commits; one that must not be overwritten keeps its group as it is."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from clean_partitions import SOURCE, THINGS, clean, raw_and_clean
from raw_landing import KEY, LATER, NOW, land
from test_backup import damage, digests

from steam_assets.lake import commit_groups
from steam_assets.lake.backup import WouldOverwrite, back_up, restore_partitions, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restorer
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

KEYS = (KEY, LATER, "2026-01-20")


@pytest.fixture
def backed_up(prepared: Prepared) -> Lake:
    return prepared(three_weeks)


def three_weeks(lake: Lake) -> None:
    """Three weeks, raw and clean, with backups."""
    for number, key in enumerate(KEYS, start=1):
        land(lake, number=number, key=key)
        clean(lake, {number: key}, key=key)
    for twins in raw_and_clean(lake):
        assert back_up(twins, KEYS, NOW)[1] == []


@pytest.mark.parametrize("limit", ["GROUP_PARTITIONS", "GROUP_BYTES"])
@pytest.mark.parametrize("most", rest_nightly([2, 1, 100]))
def test_a_lost_lake_comes_back_in_one_commit_per_group(
    backed_up: Lake, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    if limit == "GROUP_BYTES":
        (record, *_) = backed_up.raw(SOURCE).records(backed_up.raw_twins(SOURCE).model).values()
        monkeypatch.setattr(commit_groups, limit, most * sum(batch.size for batch in record.batches))
    else:
        monkeypatch.setattr(commit_groups, limit, most)
    for name in ("raw", "clean"):
        shutil.rmtree(backed_up.settings.root(name))
    lake = Lake(backed_up.settings)
    found = [*Restorer.in_place(lake).restore(SOURCE, KEYS)]
    assert [(one.partition_key, one.rows, one.problems) for one in found] == [
        (key, {"raw": 20, "clean": 1}, ()) for key in KEYS
    ]
    for twins in raw_and_clean(lake):
        table = twins.primary.load()
        assert table is not None and len(table.metadata.snapshots) == math.ceil(len(KEYS) / most)
        assert [problem for key in KEYS for problem in verify_twins(twins, key)] == []


def test_a_partition_that_differs_leaves_its_whole_group_unchanged(backed_up: Lake) -> None:
    twins = backed_up.clean_twins(SOURCE, THINGS)
    twins.primary.commit({KEY: None})
    clean(backed_up, {9: "another"}, key=KEYS[-1])
    before = digests(Path(backed_up.settings.home))
    with pytest.raises(WouldOverwrite, match=f"{KEY}|{KEYS[-1]}"):
        restore_partitions(twins, KEYS)
    assert digests(Path(backed_up.settings.home)) == before


def test_a_damaged_backup_affects_no_other_of_its_group(backed_up: Lake) -> None:
    twins = backed_up.raw_twins(SOURCE)
    damage(twins.backup, "cut", LATER)
    shutil.rmtree(backed_up.settings.root("raw"))
    raw = Lake(backed_up.settings).raw_twins(SOURCE)
    done = restore_partitions(raw, KEYS)
    assert done.rows == dict.fromkeys((KEY, KEYS[-1]), 20)
    assert [*done.problems] == [LATER] and raw.primary.record(raw.model, LATER) is None
