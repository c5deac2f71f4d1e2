"""A copied lake never takes over the tables of its original in a catalog that both would share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from raw_landing import KEY, LATER, NEWS, NOW, files_of, land
from test_backup import digests

from steam_assets.aws_client import aws_client
from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.lake.roots import MARKER, ROOT_NAMES, UnsafeRoot
from steam_assets.settings import Settings


@pytest.fixture
def shared(s3_server: str, tmp_path: Path) -> dict[str, Any]:
    """Settings of a shared catalog, in Glue."""
    if "STEAM_TEST_S3_ENDPOINT" in os.environ:
        pytest.skip("STEAM_TEST_S3_ENDPOINT names a server that has no Glue")
    glue = aws_client("glue", endpoint_url=s3_server, region_name="us-east-1")
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    return {"iceberg_catalog": "glue", "glue_endpoint_url": s3_server, "s3_endpoint_url": s3_server}


@pytest.fixture
def original(shared: dict[str, Any], tmp_path: Path) -> Lake:
    lake = Lake(Settings(home=tmp_path / "original", **shared))
    land(lake, number=1)
    assert back_up(lake.raw_twins(NEWS), [KEY], NOW)[1] == []
    return lake


def moved(lake: Lake, home: Path, **changes: Any) -> Settings:
    return lake.settings.model_copy(update={"home": home, **changes})


def test_a_copy_with_the_catalog_of_its_original_is_not_relocated(original: Lake, tmp_path: Path) -> None:
    home = original.settings.home
    shutil.copytree(home, tmp_path / "copy")
    before = digests(tmp_path)
    with pytest.raises(UnsafeRoot, match=rf"^[^\n]*is a copy of {home}/raw, .*STEAM_ICEBERG_CATALOG=sqlite[^\n]*$"):
        relocate(moved(original, tmp_path / "copy"), "raw")
    assert digests(tmp_path) == before
    land(original, number=2, key=LATER)
    assert all(path.is_relative_to(home) for path in files_of(original.raw(NEWS), LATER))


def test_a_copy_with_another_catalog_is_relocated_and_both_are_used(original: Lake, tmp_path: Path) -> None:
    shutil.copytree(original.settings.home, tmp_path / "copy")
    copied = moved(original, tmp_path / "copy", iceberg_catalog="sqlite")
    assert all(relocate(copied, root) for root in ("raw", "raw-backup"))
    for number, lake in enumerate((Lake(copied), original), start=2):
        land(lake, number=number, key=LATER)
        assert all(path.is_relative_to(lake.settings.home) for path in files_of(lake.raw(NEWS), LATER))
        assert verify_twins(lake.raw_twins(NEWS), KEY) == []


@pytest.mark.parametrize("given_up", [False, True])
def test_a_moved_lake_or_the_copy_of_one_that_is_given_up_keeps_its_catalog(
    original: Lake, tmp_path: Path, given_up: bool
) -> None:
    home = original.settings.home
    if given_up:
        shutil.copytree(home, tmp_path / "new")
        for root in ROOT_NAMES:
            (home / root / MARKER).unlink(missing_ok=True)
    else:
        home.rename(tmp_path / "new")
    settings = moved(original, tmp_path / "new")
    assert all(relocate(settings, root) for root in ("raw", "raw-backup"))
    assert verify_twins(Lake(settings).raw_twins(NEWS), KEY) == []
