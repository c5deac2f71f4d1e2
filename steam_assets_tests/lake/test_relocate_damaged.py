"""Unreadable metadata does not keep a copied lake from being relocated: leftovers are skipped, and damage is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from raw_landing import KEY, NEWS, NOW, batch_id, land, sequences

from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.lake.roots import ROOT_NAMES, UnsafeRoot
from steam_assets.settings import Settings

UNKNOWN = "deadbeef-0000-4000-8000-000000000000"


@pytest.fixture
def copied(lake: Lake, tmp_path: Path) -> Settings:
    """A copied lake; its original was committed to twice."""
    land(lake, number=1)
    land(lake, number=2)
    assert back_up(lake.raw_twins(NEWS), [KEY], NOW)[1] == []
    return lake.settings.model_copy(update={"home": Path(shutil.copytree(lake.settings.home, tmp_path / "copy"))})


def metadata(settings: Settings, pattern: str) -> list[Path]:
    return sorted(Path(settings.root("raw"), "warehouse", "steam_raw", "news", "metadata").glob(pattern))


@pytest.mark.parametrize("name", ["00009-{}.metadata.json", "00001-{}.metadata.json", "{}-m0.avro", "snap-1-0-{}.avro"])
def test_a_torn_leftover_of_a_killed_commit_is_skipped_and_named(copied: Settings, name: str) -> None:
    source = metadata(copied, "*" + name.rpartition("}")[2])[-1]
    leftover = source.with_name(name.format(UNKNOWN))
    leftover.write_bytes(source.read_bytes()[:300])
    done = {root: relocate(copied, root) for root in ROOT_NAMES}
    assert done["raw"] is not None and (done["raw"].leftovers, done["raw"].damaged) == ((str(leftover),), ())
    lake = Lake(copied)
    assert verify_twins(lake.raw_twins(NEWS), KEY) == []
    land(lake, number=3)
    assert sequences(lake.raw(NEWS)) == [(batch_id(n), s) for n in (1, 2, 3) for s in range(20)]


def test_a_damaged_manifest_is_named_and_its_partition_verified_as_damaged(copied: Settings) -> None:
    manifest = metadata(copied, "*-m0.avro")[0]
    manifest.write_bytes(manifest.read_bytes()[:300])
    done = relocate(copied, "raw")
    assert done is not None and (done.leftovers, done.damaged) == ((), (str(manifest),))
    assert relocate(copied, "raw-backup") is not None
    (problem,) = verify_twins(Lake(copied).raw_twins(NEWS), KEY)
    assert "the metadata cannot be read" in problem


def test_a_damaged_current_metadata_file_stops_the_relocation_and_is_named(copied: Settings) -> None:
    current = metadata(copied, "*.metadata.json")[-1]
    current.write_bytes(current.read_bytes()[:300])
    with pytest.raises(UnsafeRoot, match=f"none of the newest metadata files of table news is intact: {current}"):
        relocate(copied, "raw")
