"""Roots: invalid ones are rejected before any write; a marker states a root's kind and its original location."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_landing import NEWS, land

from steam_assets.lake.files import Files
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import MARKER, ROOT_NAMES, UnsafeRoot, check_roots, marker_address, open_root, read_marker
from steam_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_a_new_root_is_marked_with_its_role_and_location(settings: Settings) -> None:
    for name in ROOT_NAMES:
        for _ in range(2):
            open_root(settings, name)
        marker = read_marker(settings, name)
        assert marker is not None
        assert (marker.root, marker.warehouse) == (name, f"{settings.root(name)}/warehouse")


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "a photo.jpg"
    photo.parent.mkdir()
    photo.write_text("x")
    settings = Settings(home=tmp_path / "home", raw_root=str(photo.parent))
    with pytest.raises(UnsafeRoot, match=f"is not empty and has no {MARKER}.*set STEAM_RAW_ROOT"):
        land(Lake(settings))
    assert [*photo.parent.iterdir()] == [photo]


def test_a_root_is_not_accepted_in_another_role(settings: Settings, tmp_path: Path) -> None:
    open_root(settings, "raw")
    mistaken = Settings(home=tmp_path / "other", raw_backup_root=settings.root("raw"))
    with pytest.raises(UnsafeRoot, match=r"marked as 'raw', but the settings use it as 'raw-backup'.*RAW_BACKUP_ROOT"):
        Lake(mistaken).raw_backup(NEWS)


@pytest.mark.parametrize("marker", [b"", b"[]", b"{}", b"\xff", b'{"root": "attic", "warehouse": "/x"}'])
def test_a_damaged_marker_is_reported(settings: Settings, marker: bytes) -> None:
    open_root(settings, "raw")
    Path(marker_address(settings, "raw")).write_bytes(marker)
    with pytest.raises(UnsafeRoot, match="is damaged; check the data next to it"):
        open_root(settings, "raw")


@pytest.mark.parametrize("root", ["/", "~", "~/..", "gs://bucket"])
def test_a_dangerous_root_is_refused(tmp_path: Path, root: str) -> None:
    given = str(Path(root).expanduser()) if root.startswith("~") else root
    with pytest.raises(UnsafeRoot):
        Lake(Settings(home=tmp_path, raw_root=given))


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
def test_separate_roots_are_accepted(raw: str, raw_backup: str) -> None:
    check_roots(roots(raw, raw_backup))


def test_a_root_behind_a_link_to_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UnsafeRoot, match="same place"):
        check_roots(roots(str(tmp_path / "a"), str(tmp_path / "b")))


def test_a_bucket_is_a_root_like_a_folder(on_bucket: Settings) -> None:
    Files(on_bucket).write(f"{on_bucket.root('clean')}/foreign", b"x")
    with pytest.raises(UnsafeRoot, match="is not empty"):
        open_root(on_bucket, "clean")
    land(Lake(on_bucket))
    marker = read_marker(on_bucket, "raw")
    assert marker is not None and marker.warehouse == f"{on_bucket.root('raw')}/warehouse"


def test_a_file_is_written_completely_or_not_at_all(settings: Settings, tmp_path: Path) -> None:
    """This holds even if other names link to the same file, as in a copy by hard links."""
    files, path, other = Files(settings), tmp_path / "file", tmp_path / "link"
    files.write(str(path), b"old")
    other.hardlink_to(path)
    files.write(str(path), b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")
