"""Roots: invalid ones are rejected before any write; a marker states a root's kind and its original location."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_landing import KEY, NEWS, NOW, files_of, land, sequences

from steam_assets.commands.doctor_roots import check_four_roots
from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.files import Files
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.lake.roots import MARKER, ROOT_NAMES, UnsafeRoot, check_roots, marker_address, open_root, read_marker
from steam_assets.settings import Settings

NO_PLACES = (
    *("s3://", "s3:/b/a", "s3a://b/a", "s3://b//a", "s3://b/a//c", "s3://b/../a", "s3://b/./a", "s3://b/a#1"),
    *("s3://b/a?c", "s3://b/a\tc", "s3://b:9000/a", "s3://user@b/a", "s3://arn:aws:s3:::b/a"),
)
"""Addresses that are none, or that programs read differently."""


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


@pytest.mark.parametrize(
    "root", ["/", "~", "~/..", "gs://bucket", "gs:/bucket", "S3://bucket", "file:/lake", *NO_PLACES]
)
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


@pytest.mark.parametrize("below", ["", "/raw"])
@pytest.mark.parametrize("place", ["a file", "a loop of links", "a link to nothing"])
def test_a_root_that_is_or_passes_through_no_folder_is_refused(tmp_path: Path, place: str, below: str) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a loop of links").symlink_to("back")
    (tmp_path / "back").symlink_to("a loop of links")
    (tmp_path / "a link to nothing").symlink_to("nothing")
    with pytest.raises(UnsafeRoot, match=f"{place} is .*; correct STEAM_RAW_ROOT"):
        check_roots(Settings(home=tmp_path / "home", raw_root=f"{tmp_path / place}{below}"))


def test_whitespace_around_a_root_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell script or a .env file may add it; a root of whitespace alone is the default."""
    monkeypatch.setenv("STEAM_RAW_ROOT", " ")
    monkeypatch.setenv("STEAM_CLEAN_ROOT", " s3://lake/clean \n")
    settings = Settings(home=tmp_path)
    assert (settings.root("raw"), settings.root("clean")) == (str(tmp_path / "raw"), "s3://lake/clean")


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


@pytest.mark.parametrize("by", ["a link", "a link in front", "two dots"])
def test_a_lake_named_differently_is_the_same_lake(tmp_path: Path, by: str) -> None:
    """It is neither refused nor relocated, and all its addresses stay as they were spelled first."""
    home, link = tmp_path / "disk" / "home", tmp_path / "link"
    link.symlink_to(home if by == "a link" else home.parent, target_is_directory=True)
    lake = Lake(Settings(home=home))
    land(lake, number=1)
    assert back_up(lake.raw_twins(NEWS), [KEY], NOW)[1] == []
    names = {"a link": link, "a link in front": link / "home", "two dots": home / ".." / "home"}
    other = Settings(home=names[by])
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert [relocate(other, root) for root in ROOT_NAMES] == [None] * 4
    assert "problem" not in [finding.state for finding in check_four_roots(other)]
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert len(land(Lake(other), number=2).batches) == 2
    rebuild_catalog(other, "raw")
    assert back_up(Lake(other).raw_twins(NEWS), [KEY], NOW)[1] == []
    link.unlink()
    for twins in (lake.raw_twins(NEWS), Lake(lake.settings).raw_twins(NEWS)):
        assert verify_twins(twins, KEY) == []
        assert [str(path).startswith(f"{home}/") for path in files_of(twins.primary)] == [True, True]
        held = twins.primary.load()
        assert held is not None and held.metadata_location.startswith(f"{home}/")


def test_a_lake_made_through_a_link_stays_usable_by_both_names(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    land(Lake(Settings(home=tmp_path / "link")), number=1)
    lake = Lake(Settings(home=tmp_path / "disk"))
    land(lake, number=2)
    assert {path.parts[len(tmp_path.parts)] for path in files_of(lake.raw(NEWS))} == {"link"}
    assert relocate(lake.settings, "raw") is None


def test_a_new_lake_does_not_depend_on_a_folder_that_its_name_passes_through(tmp_path: Path) -> None:
    (passed := tmp_path / "passed").mkdir()
    land(Lake(Settings(home=passed / ".." / "home")), number=1)
    passed.rmdir()
    lake = Lake(Settings(home=tmp_path / "home"))
    assert len(land(lake, number=2).batches) == 2 and len(sequences(lake.raw(NEWS))) == 40
