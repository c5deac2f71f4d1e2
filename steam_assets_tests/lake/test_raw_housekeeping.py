"""Housekeeping deletes nothing that a verified backup does not hold, and says why it leaves what it leaves."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from raw_landing import KEY, SOURCE, land
from test_raw_backup import content, damaged_backups

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.lease import LeaseHeld, lease
from steam_assets.lake.raw_backup import back_up, restore
from steam_assets.lake.raw_housekeeping import apply, plan
from steam_assets.lake.raw_manifests import PartitionBeingCleared
from steam_assets.lake.raw_store import RawStore
from steam_assets.lake.store import Store, StoreConflict

LATER = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def primary(tmp_path: Path) -> RawStore:
    return RawStore(DiskStore(tmp_path / "raw"))


@pytest.fixture
def backup(tmp_path: Path) -> RawStore:
    return RawStore(DiskStore(tmp_path / "raw-backup"))


def data_of(raw: RawStore) -> dict[str, bytes]:
    return {key: data for key, data in content(raw).items() if "_tombstones" not in key}


def test_a_backed_up_partition_is_cleared_and_comes_back(new_store: Callable[[], Store]) -> None:
    primary, backup = RawStore(new_store()), RawStore(new_store())
    land(primary)
    before = content(primary)
    back_up(primary, backup, SOURCE, KEY)
    saved = content(backup)
    candidates = plan(primary, backup, [SOURCE], LATER)
    assert content(primary) == before, "a plan deletes nothing"
    (outcome,) = apply(primary, backup, candidates)
    assert (outcome.cleared, outcome.size) == (True, candidates[0].size)
    assert data_of(primary) == {}
    assert primary.manifest(SOURCE, KEY) is None
    assert primary.partitions(SOURCE) == []
    assert plan(primary, backup, [SOURCE], LATER) == []
    assert content(backup) == saved
    restore(backup, primary, SOURCE, KEY)
    assert data_of(primary) == before
    assert primary.partitions(SOURCE) == [KEY]


def test_a_plan_says_what_and_why(primary: RawStore, backup: RawStore) -> None:
    for key in ("2026-01-06", "2026-01-13", "2026-01-20", "2026-03-31"):
        land(primary, key=key)
    back_up(primary, backup, SOURCE, "2026-01-06")
    back_up(primary, backup, SOURCE, "2026-01-20")
    land(primary, key="2026-01-20", number=2)
    found = plan(primary, backup, [SOURCE], datetime(2026, 3, 31, tzinfo=UTC))
    assert [(c.partition_key, c.clear) for c in found] == [
        ("2026-01-06", True),
        ("2026-01-13", False),
        ("2026-01-20", False),
        ("2026-03-31", False),
    ]
    reasons = [c.reason for c in found]
    assert "whose bytes are read before deleting" in reasons[0]
    assert "not in the backup" in reasons[1]
    assert "the backup lacks news/2026-01-20/" in reasons[2]
    assert "not older than 2026-03-31" in reasons[3]
    assert found[0].size == sum(len(primary.store.read(key)) for key in found[0].files)


def test_age_is_that_of_the_window_and_needs_a_zone(primary: RawStore, backup: RawStore) -> None:
    land(primary, key="2019-12-31")
    back_up(primary, backup, SOURCE, "2019-12-31")
    assert plan(primary, backup, [SOURCE], datetime(2020, 1, 1, tzinfo=UTC))[0].clear
    with pytest.raises(ValueError, match="time zone"):
        plan(primary, backup, [SOURCE], datetime(2020, 1, 1))  # noqa: DTZ001


def test_no_damaged_backup_lets_its_primary_go(primary: RawStore, tmp_path: Path) -> None:
    land(primary)
    before = content(primary)
    for kind, key, backup in damaged_backups(primary, tmp_path):
        candidates = plan(primary, backup, [SOURCE], LATER)
        outcomes = apply(primary, backup, [dataclasses.replace(c, clear=True) for c in candidates])
        assert not any(outcome.cleared for outcome in outcomes), (kind, key)
        assert content(primary) == before, (kind, key)


def test_a_file_nobody_committed_keeps_its_partition(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    primary.write_file(SOURCE, KEY, "uncommitted.jsonl.gz", [b"{}"])
    (outcome,) = apply(primary, backup, plan(primary, backup, [SOURCE], LATER))
    assert not outcome.cleared
    assert "uncommitted.jsonl.gz: extra" in outcome.reason


def test_a_commit_after_the_plan_keeps_the_partition(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    candidates = plan(primary, backup, [SOURCE], LATER)
    land(primary, number=2)
    (outcome,) = apply(primary, backup, candidates)
    assert (outcome.cleared, outcome.reason) == (False, "it changed since the plan; plan again")
    assert primary.verify(SOURCE, KEY).ok


def test_of_a_landing_and_a_clearing_at_once_one_gives_way(primary: RawStore) -> None:
    """The two halves of the race: whichever writes the manifest's place first, the other one learns of it."""
    land(primary)
    seen = primary.manifest(SOURCE, KEY)
    assert seen is not None
    land(primary, number=2)
    with pytest.raises(StoreConflict):
        primary.manifests.begin_clearing(seen)
    assert primary.verify(SOURCE, KEY).ok
    now = primary.manifest(SOURCE, KEY)
    assert now is not None
    primary.manifests.begin_clearing(now)
    assert primary.manifest(SOURCE, KEY) is None
    with pytest.raises(PartitionBeingCleared, match="run housekeeping again"):
        land(primary, number=3)


def test_a_backup_that_is_the_primary_is_refused(primary: RawStore, tmp_path: Path) -> None:
    land(primary)
    for place in (tmp_path / "raw", tmp_path):
        with pytest.raises(ValueError, match="one place"):
            plan(primary, RawStore(DiskStore(place)), [SOURCE], LATER)
        with pytest.raises(ValueError, match="one place"):
            apply(primary, RawStore(DiskStore(place)), [])


def test_two_housekeepings_do_not_meet(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    candidates = plan(primary, backup, [SOURCE], LATER)
    with lease(primary.store, "raw-housekeeping"), pytest.raises(LeaseHeld):
        apply(primary, backup, candidates)
    assert apply(primary, backup, candidates)[0].cleared


def test_a_half_cleared_partition_is_kept_if_its_backup_has_rotted_since(primary: RawStore, backup: RawStore) -> None:
    batch = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    candidates = plan(primary, backup, [SOURCE], LATER)
    manifest = primary.manifest(SOURCE, KEY)
    assert manifest is not None

    class DiesOnDelete(DiskStore):
        def delete(self, key: str) -> None:
            if key == batch.files[1].key:
                raise ConnectionResetError("the line broke")
            super().delete(key)

    dying = RawStore(DiesOnDelete(primary.store.root))  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ConnectionResetError):
        apply(dying, backup, candidates)
    assert primary.partitions(SOURCE) == []
    good = backup.store.read(batch.files[1].key)
    backup.store.write(batch.files[1].key, b"rotten")
    (begun,) = plan(primary, backup, [SOURCE], LATER)
    assert begun.begun
    (outcome,) = apply(primary, backup, [begun])
    assert not outcome.cleared
    assert primary.store.stat(batch.files[1].key) is not None
    backup.store.write(batch.files[1].key, good)
    assert apply(primary, backup, [begun])[0].cleared
    assert data_of(primary) == {}


def test_leftovers_of_dead_writers_are_swept(primary: RawStore, backup: RawStore, tmp_path: Path) -> None:
    land(primary)
    left = tmp_path / "raw" / ".temporary~" / "1"
    left.write_bytes(b"x")
    apply(primary, backup, [])
    assert left.exists(), "a writer may be at it"
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(left, (long_ago, long_ago))
    apply(primary, backup, [])
    assert not left.exists()
