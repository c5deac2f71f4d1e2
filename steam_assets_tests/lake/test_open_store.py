"""Roots: what is refused before anything is written, and the marker that says whose a place is."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.open_store import MARKER, UnsafeRoot, check_roots, open_root, open_store
from steam_assets.lake.s3_store import S3Store
from steam_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_a_new_root_is_marked_as_what_it_is(settings: Settings) -> None:
    for name in ("raw", "raw-backup", "clean", "clean-backup"):
        store = open_root(name, settings)
        assert json.loads(store.read(MARKER))["root"] == name
        assert open_root(name, settings).uri == store.uri
    assert isinstance(store, DiskStore)


def test_a_folder_with_foreign_things_is_refused_and_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "name that is no key.jpg").write_text("x")
    with pytest.raises(UnsafeRoot, match="is not empty and carries no"):
        open_store(str(tmp_path / "photos"), settings)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["name that is no key.jpg"]


def test_a_root_is_not_used_as_another(settings: Settings, tmp_path: Path) -> None:
    open_root("raw", settings)
    mistaken = Settings(home=tmp_path / "other", raw_backup_root=settings.root("raw"))
    with pytest.raises(UnsafeRoot, match="marked as 'raw' and the settings use it as 'raw-backup'"):
        open_root("raw-backup", mistaken)


def test_a_place_that_is_none_of_the_four_may_be_restored_into(settings: Settings, tmp_path: Path) -> None:
    open_store(str(tmp_path / "drill"), settings)
    assert open_store(str(tmp_path / "drill"), settings).stat(MARKER)
    with pytest.raises(UnsafeRoot, match="marked as 'elsewhere'"):
        open_root("raw", Settings(home=tmp_path / "home", raw_root=str(tmp_path / "drill")))


@pytest.mark.parametrize("marker", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_marker_is_said(settings: Settings, marker: bytes) -> None:
    open_root("raw", settings).write(MARKER, marker)
    with pytest.raises(UnsafeRoot, match="is damaged; look at what is there"):
        open_root("raw", settings)


@pytest.mark.parametrize("root", ["/", "~", "~/..", "", "  ", "gs://bucket", "/tmp/a\nb", "/tmp/caf\udce9"])
def test_a_dangerous_root_is_refused(settings: Settings, root: str) -> None:
    with pytest.raises(UnsafeRoot):
        open_store(str(Path(root).expanduser()) if root.startswith("~") else root, settings)


@pytest.mark.parametrize(("name", "said"), [("a\nb", "control character"), ("caf\udce9", "not UTF-8")])
def test_a_home_that_files_cannot_name_is_refused_with_the_settings(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(home=tmp_path / name)


def roots(raw: str, raw_backup: str) -> Settings:
    return Settings(home=Path("/srv/steam"), raw_root=raw, raw_backup_root=raw_backup)


@pytest.mark.parametrize(
    ("raw", "raw_backup"),
    [
        ("/srv/a", "/srv/a"),
        ("/srv/a", "/srv/a/"),
        ("/srv/a", "/srv/a/b"),
        ("/srv/a/b", "/srv/a"),
        ("/srv/a", "/srv/x/../a"),
        ("/srv/steam/clean", "/srv/b"),
        ("s3://b", "s3://b/backup"),
        ("s3://b/x/", "s3://b/x"),
        ("s3://b/x/y", "s3://b/x"),
    ],
)
def test_equal_and_nested_roots_are_refused(raw: str, raw_backup: str) -> None:
    with pytest.raises(UnsafeRoot, match=r"set STEAM_(RAW_BACKUP|CLEAN)_ROOT"):
        check_roots(roots(raw, raw_backup))


@pytest.mark.parametrize(
    ("raw", "raw_backup"), [("", ""), ("/srv/a", "/srv/ab"), ("s3://b", "s3://c"), ("s3://b/x", "s3://b/xy")]
)
def test_separate_roots_are_fine(raw: str, raw_backup: str) -> None:
    check_roots(roots(raw, raw_backup))


def test_a_root_behind_a_link_to_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UnsafeRoot, match="same place"):
        check_roots(roots(str(tmp_path / "a"), str(tmp_path / "b")))


def test_a_bucket_is_a_root_like_a_folder(s3_settings: Settings, bucket: str) -> None:
    place = f"s3://{bucket}/{secrets.token_hex(4)}"
    S3Store(place, s3_settings).write("foreign", b"x")
    with pytest.raises(UnsafeRoot, match="is not empty"):
        open_store(place, s3_settings)
    settings = s3_settings.model_copy(update={"raw_root": f"{place}-raw"})
    assert json.loads(open_root("raw", settings).read(MARKER))["root"] == "raw"
    with pytest.raises(FileNotFoundError, match=r"bucket of .* does not exist; make it first"):
        open_store("s3://no-such-bucket-here/x", s3_settings)
