"""Housekeeping deletes only what a verified backup holds, and gives the reason for everything it keeps."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clean_partitions import SOURCE, THINGS, clean, labels, raw_and_clean
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table.statistics import StatisticsFile
from raw_landing import KEY, LATER, NEWS, NOW, files_of, land, sequences
from stages import copy, fill
from test_backup import KINDS, damage, digests, twins_of

from steam_assets.lake import housekeeping
from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.housekeeping import ORPHANS_KEPT, Housekeeping, Line, sweep
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import Cleared, RawRecord
from steam_assets.settings import RootName
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
"""After the start of the first of the two weeks and before the second."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BACKUPS: tuple[RootName, ...] = ("raw-backup", "clean-backup")
LABELS = {"raw": "news/raw", "clean": "news/clean"}


@pytest.fixture
def kept(prepared: Prepared) -> Lake:
    return prepared(two_weeks)


def two_weeks(lake: Lake) -> None:
    """Two weeks of raw and clean data, all backed up."""
    fill(lake, [])
    land(lake, key=LATER)
    clean(lake, {7: "seven"}, key=LATER)
    copy(lake, [])
    for twins in raw_and_clean(lake):
        assert back_up(twins, [LATER], NOW)[1] == []


def lines(found: list[Line]) -> dict[tuple[str, str], Line]:
    return {(line.label, line.partition_key): line for line in found}


def apply(lake: Lake, older_than: datetime = NOW) -> dict[tuple[str, str], Line]:
    return lines(Housekeeping(lake, (SOURCE,), older_than).apply())


def age(lake: Lake) -> None:
    """Make every file older than a commit can take."""
    long_ago = time.time() - ORPHANS_KEPT.total_seconds() - 60
    for root in ROOT_NAMES:
        for path in Path(lake.settings.root(root)).rglob("*"):
            os.utime(path, (long_ago, long_ago))


def test_a_dry_run_lists_what_and_why_and_changes_no_byte(kept: Lake) -> None:
    land(kept, key="2026-01-20")
    land(kept, key=LATER, number=2)
    before = digests(kept.settings.home)
    told = lines(Housekeeping(kept, (SOURCE,), datetime(2026, 1, 20, tzinfo=UTC)).plan())
    assert digests(kept.settings.home) == before
    assert {place for place, line in told.items() if line.clear} == {
        ("news/raw", KEY),
        ("news/clean", KEY),
        ("news/clean", LATER),
    }
    assert "read before deleting" in told["news/raw", KEY].reason
    assert "the backup is of an earlier version" in told["news/raw", LATER].reason
    assert "not older than 2026-01-20" in told["news/raw", "2026-01-20"].reason
    assert (told["news/raw", KEY].rows, told["news/clean", KEY].rows) == (40, 2)
    assert "not in the backup" in lines(Housekeeping(kept, (SOURCE,), NOW).plan())["news/raw", "2026-01-20"].reason


def test_deleted_partitions_are_in_the_backup_and_can_be_restored(kept: Lake) -> None:
    """The old week is deleted and the newer one stays; backups do not change.

    A second run does nothing; a restore undoes it.
    """
    backups = [digests(Path(kept.settings.root(root))) for root in BACKUPS]
    before = sequences(kept.raw(NEWS))
    done = apply(kept, MONDAY)
    assert {place: line.clear for place, line in done.items()} == {
        (label, key): key == KEY for label in ("news/raw", "news/clean") for key in (KEY, LATER)
    }
    assert (sequences(kept.raw(NEWS)), labels(kept)) == ([], {})
    assert len(sequences(kept.raw(NEWS), LATER)) == 20 and labels(kept, key=LATER) == {7: "seven"}
    assert [digests(Path(kept.settings.root(root))) for root in BACKUPS] == backups
    status = SourceLedger.of(kept, SOURCE).status(KEY)
    assert (status.up_to_date, status.cleared, status.settled) == (False, True, True)
    assert not any(line.clear for line in apply(kept, MONDAY).values())
    for twins in raw_and_clean(kept):
        assert restore(twins, KEY) is not None
        assert verify_twins(twins, KEY) == []
        assert twins.primary.record(Cleared, KEY) is None
    assert sequences(kept.raw(NEWS)) == before and labels(kept) == {1: "one", 2: None}


@pytest.mark.parametrize("how", rest_nightly(["flipped", "missing"]))
@pytest.mark.parametrize("side", ["primary", "backup"])
@pytest.mark.parametrize("kind", LABELS)
def test_a_damaged_partition_is_kept_in_both_copies_and_its_neighbour_is_deleted(
    kept: Lake, kind: str, side: str, how: str
) -> None:
    twins = twins_of(kept, kind)
    damage(getattr(twins, side), how)
    done = apply(kept)
    stayed = done[LABELS[kind], KEY]
    assert not stayed.clear and KEY in stayed.reason
    assert twins.primary.record(twins.model, KEY) is not None and files_of(twins.primary) != []
    assert done[LABELS[kind], LATER].clear


def test_changed_rows_are_refused(kept: Lake) -> None:
    """Both sides are read rather than trusted: a duplicate row in the primary, a missing one in the backup."""
    raw, things = kept.raw_twins(SOURCE), kept.clean_twins(SOURCE, THINGS)
    raw.primary.commit({}, add=[str(files_of(raw.primary)[0])])
    things.backup.commit({}, remove=of_partitions([KEY]))
    done = apply(kept)
    assert not done["news/raw", KEY].clear and "names a file twice" in done["news/raw", KEY].reason
    assert (
        not done["news/clean", KEY].clear and "the backup: 2026-01-06: holds 0 rows" in done["news/clean", KEY].reason
    )
    assert len(sequences(kept.raw(NEWS))) == 60 and labels(kept) == {1: "one", 2: None}


def test_a_commit_between_the_check_and_the_delete_keeps_its_rows(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """If data is landed or cleaned during the check, housekeeping decides again and keeps what changed."""
    verify, late = housekeeping.verify, [lambda: land(kept, number=3), lambda: clean(kept, {9: "late"})]

    def verifying(*arguments: Any) -> list[str]:
        while late:
            late.pop()()
        return verify(*arguments)

    monkeypatch.setattr(housekeeping, "verify", verifying)
    done = apply(kept)
    for kind, label in LABELS.items():
        assert not done[label, KEY].clear and "earlier version" in done[label, KEY].reason
        assert done[label, LATER].clear
        assert twins_of(kept, kind).primary.record(twins_of(kept, kind).model, KEY) is not None
    assert len(sequences(kept.raw(NEWS))) == 60 and labels(kept) == {9: "late"}


def test_files_of_cleared_partitions_leave_the_disk_when_their_snapshots_are_old(kept: Lake) -> None:
    """Files that readers still use, or that may belong to a running commit, stay."""
    folder = Path(kept.raw(NEWS).location)
    stray = folder / "data" / "left-by-a-dead-writer.parquet"
    stray.write_bytes(b"x")
    apply(kept, MONDAY)
    assert list(folder.rglob(f"partition_key={KEY}/*.parquet")), "an old snapshot still has it"
    age(kept)
    young = folder / "data" / "of-a-commit-under-way.parquet"
    young.write_bytes(b"x")
    reader = kept.raw(NEWS).pinned()
    for table in (kept.raw(NEWS), kept.clean(THINGS)):
        assert sweep(kept, table, datetime.now(UTC) + timedelta(hours=1)) != []
    assert not list(folder.rglob(f"partition_key={KEY}/*.parquet")) and not stray.exists() and young.exists()
    assert reader.stored([LATER])[LATER].content.rows == 20, "a read that began before it continues"
    loaded = kept.raw(NEWS).load()
    assert loaded is not None and len(loaded.snapshots()) == 1
    for twins in raw_and_clean(kept):
        assert verify_twins(twins, LATER) == []
    land(kept, number=4)
    assert len(sequences(kept.raw(NEWS))) == 20


def test_a_sweep_during_a_commit_deletes_none_of_its_files(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch lands again while the snapshot that held its files expires."""
    apply(kept)
    age(kept)

    def landing(step: str) -> None:
        monkeypatch.undo()
        land(kept)

    monkeypatch.setattr(housekeeping, "failpoint", landing)
    sweep(kept, kept.raw(NEWS), datetime.now(UTC) + timedelta(hours=1))
    record = kept.raw(NEWS).record(RawRecord, KEY)
    assert record is not None and kept.raw(NEWS).stored([KEY])[KEY].content == record.content
    assert len(sequences(kept.raw(NEWS))) == 20


@pytest.mark.parametrize("left", rest_nightly([0, 1000, 1, -1], kept=2))
def test_metadata_that_a_killed_commit_left_torn_stops_no_sweep(kept: Lake, left: int) -> None:
    """What it may name, which is newer than the current metadata, stays until the next commit."""
    table = kept.raw(NEWS)
    folder = Path(table.location)
    older, newer = (folder / "data" / f"{name}.parquet" for name in ("older", "newer"))
    older.write_bytes(b"x")
    age(kept)
    current = table.create().metadata_location.removeprefix("file://")
    version, _, writer = Path(current).name.partition("-")
    torn = Path(current).with_name(f"{int(version) + 1:05}-{writer}")
    torn.write_bytes(Path(current).read_bytes()[:left])
    newer.write_bytes(b"x")
    written = Path(current).stat().st_mtime
    for path, moment in ((older, written - 1), (torn, written + 1), (newer, written + 1)):
        os.utime(path, (moment, moment))

    sweep(kept, table, LONG_AGO)
    assert (older.exists(), newer.exists(), torn.exists()) == (False, True, True)
    land(kept, number=6)
    sweep(kept, table, LONG_AGO)
    assert not newer.exists() and not torn.exists()
    assert len(sequences(kept.raw(NEWS))) == 60


def test_snapshots_expire_while_a_run_commits(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expiry that lost to the commit is decided again, and takes nothing of it."""
    real = SqlCatalog._write_metadata

    def committing_before(**staged: Any) -> None:
        monkeypatch.undo()
        land(kept, number=5, key=LATER)
        real(**staged)

    monkeypatch.setattr(SqlCatalog, "_write_metadata", staticmethod(committing_before))
    sweep(kept, kept.raw(NEWS), datetime.now(UTC) + timedelta(hours=1))
    loaded = kept.raw(NEWS).load()
    assert loaded is not None and len(loaded.snapshots()) == 1
    assert len(sequences(kept.raw(NEWS), LATER)) == 40


def test_a_backup_is_never_swept(kept: Lake) -> None:
    """With a catalog older than its tables, the only copy of a partition looks like an orphan."""
    catalog = Path(kept.settings.root("clean-backup")) / "catalog.db"
    older = catalog.read_bytes()
    for rows in ({1: "another"}, {1: "a third"}):
        clean(kept, rows)
        copy(kept, [])
    (Path(kept.raw_backup(NEWS).location) / "data" / "stray.parquet").write_bytes(b"x")
    catalog.write_bytes(older)
    whole = {root: digests(Path(kept.settings.root(root))) for root in BACKUPS}
    age(kept)
    apply(Lake(kept.settings), MONDAY)
    assert {root: digests(Path(kept.settings.root(root))) for root in BACKUPS} == whole


def test_files_of_commits_that_the_catalog_has_lost_are_not_swept(kept: Lake) -> None:
    """After an older copy of the catalog was put back and written to, they look like orphans."""
    catalog, table = sqlite_file(kept.settings, "raw"), kept.raw(NEWS)
    older = catalog.read_bytes()
    for number in (7, 8):
        land(kept, number=number)
    lost = {file for file in digests(Path(table.location)) if file.endswith(".parquet")}
    catalog.write_bytes(older)
    again = Lake(kept.settings)
    for number in (9, 10, 11):
        land(again, number=number)
    age(again)
    sweep(again, again.raw(NEWS), LONG_AGO)
    assert lost <= digests(Path(table.location)).keys()


def test_statistics_that_another_engine_adds_stay(kept: Lake) -> None:
    """As Trino's ANALYZE and Spark's compute_table_stats write them."""
    table = kept.raw(NEWS).create()
    file = Path(table.location()) / "metadata" / "statistics.puffin"
    file.write_bytes(b"x")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    named = {"statistics-path": str(file), "file-size-in-bytes": 1, "file-footer-size-in-bytes": 1, "blob-metadata": []}
    with table.update_statistics() as update:
        update.set_statistics(StatisticsFile.model_validate(named | {"snapshot-id": snapshot.snapshot_id}))
    age(kept)
    sweep(kept, kept.raw(NEWS), LONG_AGO)
    assert file.exists()


def test_a_table_whose_metadata_is_damaged_does_not_stop_the_others(kept: Lake) -> None:
    snapshot = kept.raw(NEWS).create().current_snapshot()
    assert snapshot is not None
    Path(snapshot.manifest_list).write_bytes(b"rotten")
    age(kept)
    stray = Path(kept.clean(THINGS).location) / "data" / "stray.parquet"
    stray.write_bytes(b"x")
    age(kept)
    done = apply(kept, LONG_AGO)
    assert "the metadata cannot be read" in done["news/raw", ""].reason and not stray.exists()


def test_a_table_without_partitions_is_still_swept(kept: Lake) -> None:
    """When the last partition is cleared its snapshots are too young; a later run must expire them."""
    apply(kept)
    age(kept)
    apply(kept, datetime.now(UTC) + timedelta(days=1))
    assert list(Path(kept.settings.root("raw")).rglob("*.parquet")) != [], "set-aside data stays"
    assert list(Path(kept.raw(NEWS).location).rglob("*.parquet")) == []


def test_tables_that_were_never_created_need_no_housekeeping(lake: Lake) -> None:
    assert apply(lake) == {}
    assert {kind: twins_of(lake, kind).primary.load() for kind in KINDS} == dict.fromkeys(KINDS)
