"""Backups of raw, set-aside and clean data hold equal content, name every damage, and restore without loss."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clean_partitions import SOURCE, THINGS, clean, labels, raw_and_clean
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_landing import KEY, LATER, NEWS, NOW, batch_id, files_of, land, sequences
from stages import copy, fill, filled_and_copied

from steam_assets.lake import backup
from steam_assets.lake.backup import (
    WouldOverwrite,
    back_up,
    backup_of,
    restore,
    verify,
    verify_twins,
)
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.parquet_files import DamagedData
from steam_assets.lake.partition_copies import BackupDiffers
from steam_assets.lake.restore import Restorer, backed_up_partitions, drill
from steam_assets.lake.roots import ROOT_NAMES, UnsafeRoot
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

KINDS = ("raw", "set aside", "clean")


def twins_of(lake: Lake, kind: str) -> Twins[Any]:
    return lake.twins(SOURCE)[KINDS.index(kind)]


def content(table: IcebergTable, key: str = KEY) -> Content:
    return table.stored([key])[key].content


def digests(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A partition of each kind with its backup; tests that change them use ``kept``."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("filled")))
    filled_and_copied(lake)
    return lake


@pytest.fixture
def kept(prepared: Prepared) -> Lake:
    return prepared(filled_and_copied)


@pytest.fixture(params=KINDS)
def twins(request: pytest.FixtureRequest, kept: Lake) -> Twins[Any]:
    return twins_of(kept, request.param)


def flip(path: Path) -> None:
    """Flip bits on every page, because a single flipped bit may be in unread bytes."""
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes(byte ^ 1 for byte in data[4 : len(data) // 2]) + data[len(data) // 2 :])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "of others": lambda path: shutil.copy(path.with_name("others"), path),
}


def damage(table: IcebergTable, how: str, key: str = KEY) -> None:
    """Damage a partition's first file."""
    path = files_of(table, key)[0]
    if how == "of others":
        rows = next(table.rows(key))
        column = "sha256" if "sha256" in rows.schema.names else "source_sha256"
        changed = rows.set_column(rows.schema.get_field_index(column), column, pa.array(["x"] * len(rows)))
        (address,) = table.write([changed], "others").files
        Path(address).rename(path.with_name("others"))
    DAMAGES[how](path)


def test_a_backup_is_equal_and_verifies_and_is_made_once(twins: Twins[Any]) -> None:
    held = backup_of(twins, KEY)
    assert held is not None
    assert (held.of, held.verified_at) == (twins.primary.record(twins.model, KEY), NOW)
    assert content(twins.backup) == content(twins.primary) == held.of.content
    assert verify_twins(twins, KEY) == []
    copied, original = (
        sorted(path.read_bytes() for path in files_of(table)) for table in (twins.backup, twins.primary)
    )
    assert copied == original
    before = files_of(twins.backup)
    back_up(twins, [KEY], NOW)
    assert files_of(twins.backup) == before


def test_missing_partitions_are_errors_and_empty_ones_are_backed_up(lake: Lake) -> None:
    """A missing partition is an error that says what to do; an empty partition is backed up like any other."""
    raw = lake.raw_twins(NEWS)
    proven, problems = back_up(raw, [KEY], NOW)
    assert proven == {} and "news/raw has no partition 2026-01-06; materialize it" in problems[0]
    land(lake, count=0)
    clean(lake, {})
    assert back_up(raw, [KEY], NOW)[1] == back_up(lake.clean_twins(SOURCE, THINGS), [KEY], NOW)[1] == []
    assert verify_twins(raw, KEY) == verify_twins(lake.clean_twins(SOURCE, THINGS), KEY) == []
    assert restore(raw, "2026-02-03") is None


@pytest.mark.parametrize("how", rest_nightly(DAMAGES, kept=3))
def test_a_damaged_backup_is_named_and_repaired_from_the_primary(twins: Twins[Any], how: str) -> None:
    whole = content(twins.backup)
    damage(twins.backup, how)
    (problem,) = verify_twins(twins, KEY)
    assert problem.startswith(f"{twins.label} backup {KEY}: ")
    assert back_up(twins, [KEY], NOW)[1] == []
    assert verify_twins(twins, KEY) == []
    assert content(twins.backup) == whole


@pytest.mark.parametrize("how", rest_nightly(DAMAGES, kept=3))
def test_a_damaged_primary_is_named_and_restored_and_never_backed_up(twins: Twins[Any], how: str) -> None:
    whole = content(twins.backup)
    damage(twins.primary, how)
    (problem,) = verify_twins(twins, KEY)
    assert problem.startswith(f"{twins.label} {KEY}: ")
    back_up(twins, [KEY], NOW)
    assert content(twins.backup) == whole
    with pytest.raises(WouldOverwrite, match="Nothing was changed"):
        restore(twins, KEY)
    assert restore(twins, KEY, overwrite=True) == whole.rows
    assert verify_twins(twins, KEY) == []


@pytest.mark.parametrize("how", ["flipped", "missing"])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_before_the_first_backup_leaves_no_backup_and_affects_no_other(lake: Lake, kind: str, how: str) -> None:
    fill(lake, [])
    land(lake, key=LATER)
    clean(lake, {7: "seven"}, key=LATER)
    twins = twins_of(lake, kind)
    damage(twins.primary, how)
    proven, problems = back_up(twins, [KEY, LATER], NOW)
    assert KEY not in proven and len(problems) >= 1
    assert backup_of(twins, KEY) is None and files_of(twins.backup) == []
    if kind != "set aside":
        assert verify(twins.backup, [proven[LATER].of]) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("old", "new"),
    [(KEY.encode(), LATER.encode()), (b"\x1c\x15\x0c\x19", b"\x1c\x15\x04\x19")],
    ids=["another partition", "a type of a column that Arrow ends the process for"],
)
def test_a_damaged_footer_is_not_copied(lake: Lake, kind: str, old: bytes, new: bytes) -> None:
    """No checksum covers it; readers would look for the copy's rows in the partition that it names."""
    fill(lake, [])
    twins = twins_of(lake, kind)
    record = twins.primary.record(twins.model, KEY)
    assert record is not None
    for path in files_of(twins.primary):
        data = path.read_bytes()
        start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        assert old in data[start:]
        path.write_bytes(data[:start] + data[start:].replace(old, new))
    assert back_up(twins, [KEY], NOW)[1] == []
    assert twins.backup.partition_rows().keys() == {KEY}
    assert content(twins.backup) == record.content


def test_damage_to_both_copies_is_reported_and_nothing_is_changed(twins: Twins[Any]) -> None:
    for table in (twins.primary, twins.backup):
        damage(table, "flipped")
    before = [digests(Path(table.location)) for table in (twins.primary, twins.backup)]
    assert len(verify_twins(twins, KEY)) == 2
    assert back_up(twins, [KEY], NOW)[1] != []
    with pytest.raises(BackupDiffers):
        restore(twins, KEY, overwrite=True)
    assert [digests(Path(table.location)) for table in (twins.primary, twins.backup)] == before


@pytest.mark.parametrize("side", ["primary", "backup"])
@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), which=st.sampled_from(KINDS))
def test_any_flipped_bit_of_a_backup_is_named_and_of_a_primary_any_that_changes_what_is_read(
    filled: Lake, side: str, place: float, bit: int, which: str
) -> None:
    twins = twins_of(filled, which)
    table: IcebergTable = getattr(twins, side)
    held = backup_of(twins, KEY)
    assert held is not None
    path = files_of(table)[0]
    good = path.read_bytes()
    hurt = bytearray(good)
    hurt[int(place * len(good))] ^= 1 << bit
    try:
        path.write_bytes(hurt)
        named = verify(table, [held if side == "backup" else held.of])
        try:
            read = content(table)
        except DamagedData:
            read = None
        assert bool(named) == (side == "backup" or read != held.of.content)
        if named and side == "primary":
            # A copy of it would be rejected.
            fresh = replace(twins, backup=filled.table("raw-backup", f"fresh_{path.stem}", table.columns, ""))
            assert back_up(fresh, [KEY], NOW)[0] == {}
    finally:
        path.write_bytes(good)


def test_rows_changed_by_other_programs_are_reported_as_damage(twins: Twins[Any]) -> None:
    """A row was duplicated and another deleted: files and metadata agree, but the ledger does not."""
    table = twins.primary
    (again,) = table.write([next(table.rows(KEY))], "again").files
    table.commit({}, add=[again])
    assert "but its ledger records" in verify_twins(twins, KEY)[0]
    table.commit({}, remove=of_partitions([KEY]))
    (problem,) = verify_twins(twins, KEY)
    assert f"{KEY}: holds 0 rows" in problem
    assert back_up(twins, [KEY], NOW)[1] or content(twins.backup).rows
    assert restore(twins, KEY, overwrite=True) is not None
    assert verify_twins(twins, KEY) == []


def test_a_lost_manifest_is_named(twins: Twins[Any]) -> None:
    loaded = twins.primary.load()
    assert loaded is not None
    snapshot = loaded.current_snapshot()
    assert snapshot is not None
    Path(snapshot.manifests(loaded.io)[0].manifest_path).write_bytes(b"rotten")
    (problem,) = verify_twins(twins, KEY)
    assert "the metadata cannot be read" in problem


def test_two_concurrent_first_backups_are_both_kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(lake, [])

    def other(step: str) -> None:
        monkeypatch.undo()
        land(lake, number=3)
        copy(lake, [])

    monkeypatch.setattr(backup, "failpoint", other)
    copy(lake, [])
    for twins in lake.twins(SOURCE):
        assert verify_twins(twins, KEY) == []


def test_a_raw_backup_only_grows(kept: Lake) -> None:
    """Batches missing from the primary stay, new batches are added, and only their rows are copied."""
    twins = kept.raw_twins(NEWS)
    before = files_of(twins.backup)
    twins.primary.commit({KEY: None}, remove=of_partitions([KEY]))
    land(kept, number=3)
    assert "its current version is not in the backup; back it up" in verify_twins(twins, KEY)[0]
    assert back_up(twins, [KEY], NOW)[1] == []
    held = backup_of(twins, KEY)
    assert held is not None and held.of.batch_ids == {batch_id(n) for n in (1, 2, 3)}
    assert set(before) < set(files_of(twins.backup))
    assert verify_twins(twins, KEY) == []


def test_a_batch_with_a_known_id_and_other_content_is_an_error(kept: Lake) -> None:
    twins = kept.raw_twins(NEWS)
    before = content(twins.backup)
    twins.primary.commit({KEY: None}, remove=of_partitions([KEY]))
    land(kept, count=5)
    proven, problems = back_up(twins, [KEY], NOW)
    assert proven == {} and "other content" in problems[0]
    assert content(twins.backup) == before


def test_a_clean_backup_holds_the_newest_cleaning(kept: Lake) -> None:
    twins = kept.clean_twins(SOURCE, THINGS)
    record = clean(kept, {1: "another"})
    assert back_up(twins, [KEY], NOW)[1] == []
    assert content(twins.backup) == record.content == content(twins.primary)


def test_a_restore_completes_what_is_there_and_keeps_newer_batches(kept: Lake) -> None:
    twins = kept.raw_twins(NEWS)
    twins.primary.commit({KEY: None}, remove=of_partitions([KEY]))
    land(kept, number=3)
    land(kept, number=2)
    restored = restore(twins, KEY)
    assert restored == 20
    assert sequences(twins.primary) == [(batch_id(n), s) for n in (1, 2, 3) for s in range(20)]
    record = twins.primary.record(RawRecord, KEY)
    assert record is not None and verify(twins.primary, [record]) == []
    assert restore(twins, KEY) == 0


def test_a_restore_overwrites_another_cleaning_only_on_request(kept: Lake) -> None:
    twins = kept.clean_twins(SOURCE, THINGS)
    for mine in ({5: "mine"}, {}):
        clean(kept, mine)
        with pytest.raises(WouldOverwrite, match=r"another version.*--overwrite. Nothing was changed"):
            restore(twins, KEY)
        assert labels(kept) == mine
        restore(twins, KEY, overwrite=True)
        assert labels(kept) == {1: "one", 2: None}


def test_a_restore_overwrites_rows_without_a_record_only_on_request(kept: Lake) -> None:
    twins = kept.clean_twins(SOURCE, THINGS)
    twins.primary.commit({KEY: None})
    with pytest.raises(WouldOverwrite):
        restore(twins, KEY)
    restore(twins, KEY, overwrite=True)
    assert verify_twins(twins, KEY) == []


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "elsewhere") if request.param == "disk" else f"s3://{request.getfixturevalue('bucket')}/else"


def test_everything_restores_to_another_root(kept: Lake, place: str, s3_server: str) -> None:
    """Settings can use the result as a lake; primaries and backups are unchanged."""
    lake = Lake(kept.settings.model_copy(update={"s3_endpoint_url": s3_server}))
    before = {name: digests(Path(lake.settings.root(name))) for name in ROOT_NAMES}
    restorer = Restorer.elsewhere(lake, place)
    for _ in range(2):
        (result,) = restorer.restore(SOURCE, backed_up_partitions(lake, SOURCE))
        assert (result.rows, result.problems) == ({"raw": 40, "set aside": 1, "clean": 2}, ())
    assert before == {name: digests(Path(lake.settings.root(name))) for name in ROOT_NAMES}
    assert f"STEAM_CLEAN_ROOT={place}/clean" in restorer.usable_as
    for here, there in zip(lake.twins(SOURCE), restorer.target.twins(SOURCE), strict=True):
        assert there.primary.record(there.model, KEY) == here.primary.record(here.model, KEY)
        assert content(there.primary) == content(here.primary)


@pytest.mark.parametrize("place", ["", "raw", "raw/news", "clean/warehouse/x", "raw-backup/x", ".."])
def test_a_restore_target_is_never_within_a_root(lake: Lake, place: str) -> None:
    with pytest.raises(UnsafeRoot, match=r"is, contains or is inside|home folder"):
        Restorer.elsewhere(lake, str(lake.settings.home / place))


@pytest.fixture
def damaged(kept: Lake) -> Lake:
    """Three weeks: one with a damaged raw backup, one with a damaged clean backup."""
    for key in (LATER, "2026-01-20"):
        land(kept, key=key)
        clean(kept, {7: "seven"}, key=key)
        for twins in raw_and_clean(kept):
            assert back_up(twins, [key], NOW)[1] == []
    damage(kept.raw_backup(NEWS), "flipped", LATER)
    damage(kept.clean_twins(SOURCE, THINGS).backup, "missing", "2026-01-20")
    return kept


def test_a_drill_names_all_damage_and_restores_the_rest(damaged: Lake, tmp_path: Path) -> None:
    found = {r.partition_key: r for r in drill(damaged, (SOURCE,), tmp_path / "drill")}
    assert found[KEY].problems == () and found[KEY].rows == {"raw": 40, "set aside": 1, "clean": 2}
    assert found[LATER].rows == {"clean": 1}
    assert "news/raw 2026-01-13" in found[LATER].problems[0]
    assert found["2026-01-20"].rows == {"raw": 20}
    assert "news/clean 2026-01-20" in found["2026-01-20"].problems[0]
    with pytest.raises(ValueError, match="not empty"):
        list(drill(damaged, (SOURCE,), tmp_path / "drill"))
    assert labels(damaged) == {1: "one", 2: None}
