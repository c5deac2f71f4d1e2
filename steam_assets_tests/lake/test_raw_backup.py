"""Backups: equal bytes, every damage named, and a way back that overwrites nothing unasked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from raw_landing import KEY, SOURCE, batch_of, land

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.raw_backup import DamagedBackup, TargetDiffers, back_up, restore, verify_backup
from steam_assets.lake.raw_store import DamagedManifest, RawStore
from steam_assets.lake.store import Store

MANIFEST = f"{SOURCE}/{KEY}/manifest.json"
SECOND_COPY = f"{SOURCE}/_manifests/{KEY}.json"


@pytest.fixture
def primary(tmp_path: Path) -> RawStore:
    return RawStore(DiskStore(tmp_path / "raw"))


@pytest.fixture
def backup(tmp_path: Path) -> RawStore:
    return RawStore(DiskStore(tmp_path / "raw-backup"))


def content(raw: RawStore) -> dict[str, bytes]:
    return {stored.key: raw.store.read(stored.key) for stored in raw.store.list()}


def test_a_backup_is_equal_and_verifies(new_store: Callable[[], Store]) -> None:
    primary, backup = RawStore(new_store()), RawStore(new_store())
    land(primary)
    report = back_up(primary, backup, SOURCE, KEY)
    assert content(primary) == content(backup)
    assert (report.files, report.copied) == (2, 2)
    assert report.verification.ok
    assert verify_backup(primary, backup, SOURCE, KEY).ok
    again = back_up(primary, backup, SOURCE, KEY)
    assert (again.files, again.copied, again.manifest_digest) == (2, 0, report.manifest_digest)


def test_a_backup_crosses_from_disk_to_s3_and_back(
    new_store: Callable[[], Store], primary: RawStore, tmp_path: Path
) -> None:
    backup, target = RawStore(new_store()), RawStore(DiskStore(tmp_path / "target"))
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    assert restore(backup, target, SOURCE, KEY).verification.ok
    assert content(target) == content(primary)


def test_an_empty_partition_is_backed_up_too(primary: RawStore, backup: RawStore) -> None:
    primary.commit(SOURCE, KEY, batch_of())
    back_up(primary, backup, SOURCE, KEY)
    assert backup.manifest(SOURCE, KEY) == primary.manifest(SOURCE, KEY)


def test_what_was_never_landed_cannot_be_backed_up(primary: RawStore, backup: RawStore) -> None:
    with pytest.raises(FileNotFoundError, match="no raw partition"):
        back_up(primary, backup, SOURCE, KEY)


def test_a_backup_in_the_same_place_or_within_it_is_refused(primary: RawStore, tmp_path: Path) -> None:
    land(primary)
    for place in (tmp_path / "raw", tmp_path / "raw" / "backup", tmp_path):
        with pytest.raises(ValueError, match="one place"):
            back_up(primary, RawStore(DiskStore(place)), SOURCE, KEY)


def test_a_damaged_primary_never_reaches_the_backup(primary: RawStore, backup: RawStore) -> None:
    batch = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    good = content(backup)
    primary.store.write(batch.files[0].key, b"rotten")
    land(primary, number=2)
    assert back_up(primary, backup, SOURCE, KEY).copied == 2, "a good file in the backup needs no copy"
    assert content(backup).items() >= {key: data for key, data in good.items() if key.endswith(".gz")}.items()
    backup.store.delete(batch.files[0].key)
    with pytest.raises(ValueError, match="original is damaged"):
        back_up(primary, backup, SOURCE, KEY)


def test_a_backup_keeps_batches_the_primary_no_longer_has(primary: RawStore, backup: RawStore, tmp_path: Path) -> None:
    first = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    fresh = RawStore(DiskStore(tmp_path / "raw-again"))
    second = land(fresh, number=2)
    back_up(fresh, backup, SOURCE, KEY)
    manifest = backup.manifest(SOURCE, KEY)
    assert manifest is not None
    assert manifest.batches == (first, second)
    assert backup.verify(SOURCE, KEY).ok


def test_two_files_of_one_name_and_different_bytes_are_an_alarm(
    primary: RawStore, backup: RawStore, tmp_path: Path
) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    before = content(backup)
    other = RawStore(DiskStore(tmp_path / "other"))
    file = other.write_file(
        SOURCE, KEY, Path(next(key for key in before if key.endswith(".gz"))).name, [b'{"other":1}']
    )
    other.commit(SOURCE, KEY, batch_of(file, number=7))
    with pytest.raises(ValueError, match="stands against"):
        back_up(other, backup, SOURCE, KEY)
    assert content(backup) == before


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _extend(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _swap(path: Path) -> None:
    other = next(p for p in sorted(path.parent.iterdir()) if p != path and p.suffix == ".gz")
    data = path.read_bytes()
    shutil.copy(other, path)
    other.write_bytes(data)


def _rename(path: Path) -> None:
    path.rename(path.with_name(f"was-{path.name}"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flip": _flip,
    "truncate": _truncate,
    "extend": _extend,
    "swap": _swap,
    "rename": _rename,
    "delete": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
}


def damaged_backups(primary: RawStore, tmp_path: Path) -> Iterator[tuple[str, str, RawStore]]:
    """A backup for each file of it and each kind of damage: the kind, the damaged key, the backup."""
    sound = tmp_path / "sound"
    back_up(primary, RawStore(DiskStore(sound)), SOURCE, KEY)
    for key in content(RawStore(DiskStore(sound))):
        for kind, damage in DAMAGES.items():
            if kind == "swap" and key.endswith(".json"):
                continue
            place = tmp_path / f"{kind}-{key.replace('/', '-')}"
            shutil.copytree(sound, place)
            damage(place / key)
            yield kind, key, RawStore(DiskStore(place))


def test_every_damage_to_every_file_is_named_and_mended_by_backing_up_again(primary: RawStore, tmp_path: Path) -> None:
    land(primary)
    land(primary, number=2)
    cases = 0
    for kind, key, backup in damaged_backups(primary, tmp_path):
        problems = verify_backup(primary, backup, SOURCE, KEY).problems
        assert any(problem.startswith(f"{key}: ") for problem in problems), (kind, key, problems)
        assert len(problems) <= 2, (kind, key, problems)
        back_up(primary, backup, SOURCE, KEY)
        left = verify_backup(primary, backup, SOURCE, KEY).problems
        assert all(": extra " in problem for problem in left), (kind, key, left)
        cases += 1
    assert cases == 6 * len(DAMAGES) - 2


def test_a_backup_that_lacks_a_batch_is_no_backup_of_it(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    batch = land(primary, number=2)
    problems = verify_backup(primary, backup, SOURCE, KEY).problems
    assert [problem.split(": ")[0] for problem in problems] == [file.key for file in batch.files]


def test_a_restore_gives_the_partition_back(primary: RawStore, backup: RawStore, tmp_path: Path) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    target = RawStore(DiskStore(tmp_path / "target"))
    report = restore(backup, target, SOURCE, KEY)
    assert (report.files, report.copied, report.verification.ok) == (2, 2, True)
    assert content(target) == content(primary)
    assert restore(backup, target, SOURCE, KEY).copied == 0


def test_a_restore_completes_what_is_there_and_keeps_newer_batches(primary: RawStore, backup: RawStore) -> None:
    first = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    second = land(primary, number=2)
    primary.store.delete(first.files[0].key)
    assert restore(backup, primary, SOURCE, KEY).copied == 1
    manifest = primary.manifest(SOURCE, KEY)
    assert manifest is not None
    assert manifest.batches == (first, second)


def test_a_restore_overwrites_differing_bytes_only_when_told(primary: RawStore, backup: RawStore) -> None:
    batch = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    primary.store.write(batch.files[1].key, b"rotten")
    primary.store.delete(batch.files[0].key)
    before = content(primary)
    with pytest.raises(TargetDiffers, match="Nothing was changed"):
        restore(backup, primary, SOURCE, KEY)
    assert content(primary) == before
    assert restore(backup, primary, SOURCE, KEY, overwrite=True).verification.ok


def test_a_restore_replaces_a_damaged_manifest_only_when_told(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    for key in (MANIFEST, SECOND_COPY):
        primary.store.write(key, b"x")
    with pytest.raises(TargetDiffers, match="no copy of the manifest can be trusted"):
        restore(backup, primary, SOURCE, KEY)
    assert restore(backup, primary, SOURCE, KEY, overwrite=True).verification.ok
    assert content(primary) == content(backup)


def test_a_restore_over_a_foreign_batch_replaces_it_only_when_told(primary: RawStore, backup: RawStore) -> None:
    batch = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    for key in content(primary):
        primary.store.delete(key)
    name = Path(batch.files[0].key).name
    primary.commit(SOURCE, KEY, batch_of(primary.write_file(SOURCE, KEY, name, [b"{}"]), number=9))
    with pytest.raises(TargetDiffers, match="stands against"):
        restore(backup, primary, SOURCE, KEY)
    assert restore(backup, primary, SOURCE, KEY, overwrite=True).verification.ok
    manifest = primary.manifest(SOURCE, KEY)
    assert manifest is not None
    assert manifest.batches == (batch,)


def test_a_damaged_backup_restores_nothing_wrong(primary: RawStore, backup: RawStore, tmp_path: Path) -> None:
    batch = land(primary)
    back_up(primary, backup, SOURCE, KEY)
    backup.store.write(batch.files[1].key, b"rotten")
    target = RawStore(DiskStore(tmp_path / "target"))
    with pytest.raises(DamagedBackup, match="original is damaged"):
        restore(backup, target, SOURCE, KEY)
    backup.store.delete(batch.files[1].key)
    with pytest.raises(DamagedBackup, match="back news 2026-01-06 up again"):
        restore(backup, target, SOURCE, KEY)
    assert target.manifest(SOURCE, KEY) is None
    for key in (MANIFEST, SECOND_COPY):
        backup.store.write(key, b"x")
    with pytest.raises(DamagedManifest):
        restore(backup, target, SOURCE, KEY)
    with pytest.raises(FileNotFoundError, match="no raw partition"):
        restore(backup, target, SOURCE, "2026-01-13")


def _set_aside(raw: RawStore, data: bytes = b"\x00\xff") -> tuple[str, str]:
    """The keys of the quarantined bytes and of their reason."""
    before = set(content(raw))
    assert raw.quarantine(SOURCE, KEY, "steam.news.v1+0+7.poison", data, {"reason": "not JSON"})
    aside, note = sorted(set(content(raw)) - before)
    return aside, note


def test_quarantine_is_backed_up_and_comes_back(new_store: Callable[[], Store]) -> None:
    primary, backup, target = (RawStore(new_store()) for _ in range(3))
    land(primary)
    aside, note = _set_aside(primary)
    back_up(primary, backup, SOURCE, KEY)
    assert content(backup) == content(primary)
    assert content(backup)[aside] == b"\x00\xff"
    assert verify_backup(primary, backup, SOURCE, KEY).ok
    before = list(backup.store.list())
    assert back_up(primary, backup, SOURCE, KEY).copied == 0
    assert list(backup.store.list()) == before, "nothing was written again"
    assert restore(backup, target, SOURCE, KEY).verification.ok
    assert content(target) == content(primary)
    assert note in content(target)


def test_what_was_quarantined_since_the_backup_is_named(primary: RawStore, backup: RawStore) -> None:
    land(primary)
    back_up(primary, backup, SOURCE, KEY)
    keys = _set_aside(primary)
    problems = verify_backup(primary, backup, SOURCE, KEY).problems
    assert [problem.split(": ")[0] for problem in problems] == list(keys)
    assert all(": not in backup" in problem for problem in problems)


@pytest.mark.parametrize("which", [0, 1], ids=["bytes", "reason"])
def test_damaged_quarantine_is_named_mended_and_never_copied(
    primary: RawStore, backup: RawStore, tmp_path: Path, which: int
) -> None:
    land(primary)
    key = _set_aside(primary)[which]
    good = content(primary)
    back_up(primary, backup, SOURCE, KEY)
    backup.store.write(key, b"rotten")
    assert any(p.startswith(f"{key}: ") for p in verify_backup(primary, backup, SOURCE, KEY).problems)
    target = RawStore(DiskStore(tmp_path / "target"))
    report = restore(backup, target, SOURCE, KEY)
    assert [problem.split(": ")[0] for problem in report.verification.problems] == [key]
    assert content(target) == {k: data for k, data in good.items() if k != key}, "all else came back"
    back_up(primary, backup, SOURCE, KEY)
    assert content(backup) == good

    primary.store.write(key, b"rotten")
    back_up(primary, backup, SOURCE, KEY)
    assert content(backup) == good
    with pytest.raises(TargetDiffers, match="Nothing was changed"):
        restore(backup, primary, SOURCE, KEY)
    assert primary.store.read(key) == b"rotten"
    assert restore(backup, primary, SOURCE, KEY, overwrite=True).verification.ok
    assert content(primary) == good


def test_quarantine_damaged_before_its_first_backup_fails_after_all_else_is_safe(
    primary: RawStore, backup: RawStore
) -> None:
    land(primary)
    key, _ = _set_aside(primary)
    primary.store.write(key, b"rotten")
    with pytest.raises(ValueError, match="damaged and in no backup"):
        back_up(primary, backup, SOURCE, KEY)
    assert backup.manifest(SOURCE, KEY) == primary.manifest(SOURCE, KEY)
    assert key not in content(backup)
    assert backup.verify(SOURCE, KEY).ok
