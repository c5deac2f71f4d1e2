"""A copied or moved lake is rejected in one line and repaired by ``relocate``; the original is unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from clean_partitions import SOURCE, THINGS, clean, labels
from raw_landing import KEY, NEWS, NOW, batch_id, land, sequences
from stages import copy, fill
from test_backup import digests

from steam_assets.lake import relocate as relocating
from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.files import Files
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.lake.roots import ROOT_NAMES, UnsafeRoot
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared


@pytest.fixture
def kept(prepared: Prepared) -> Lake:
    return prepared(cleaned_again)


def cleaned_again(lake: Lake) -> None:
    """A partition in both copies, which was cleaned again after its backup."""
    fill(lake, [])
    copy(lake, [])
    clean(lake, {1: "one", 2: None})


@pytest.fixture(params=["copied", "moved", "by hard links", "deeper, with odd characters"])
def copied(request: pytest.FixtureRequest, kept: Lake, tmp_path: Path) -> Settings:
    home, goal = kept.settings.home, tmp_path / "copy"
    if request.param == "moved":
        home.rename(goal)
    elif request.param == "by hard links":
        shutil.copytree(home, goal, copy_function=lambda one, other: Path(other).hardlink_to(one))
    else:
        goal = goal / "a#b c%20d" if "odd" in request.param else goal
        shutil.copytree(home, goal)
    return kept.settings.model_copy(update={"home": goal})


def assert_whole(lake: Lake) -> None:
    """Assert that everything is present, verifies and can be worked with."""
    assert sequences(lake.raw(NEWS)) == [(batch_id(n), s) for n in (1, 2) for s in range(20)]
    assert labels(lake) == {1: "one", 2: None}
    for twins in lake.twins(SOURCE):
        assert verify_twins(twins, KEY) == []
    land(lake, number=3)
    raw = lake.raw_twins(NEWS)
    assert back_up(raw, [KEY], NOW)[1] == []
    assert verify_twins(raw, KEY) == []
    assert restore(raw, KEY) is not None
    assert len(sequences(lake.raw(NEWS))) == 60


def test_a_copy_is_refused_until_it_is_relocated_and_the_original_is_not_changed(
    copied: Settings, kept: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = kept.settings.home
    before = digests(home)
    uses: list[Callable[[Lake], object]] = [
        lambda lake: lake.raw(NEWS),
        lambda lake: lake.clean(THINGS),
        lambda lake: lake.raw_backup(NEWS),
        lambda lake: lake.clean_twins(SOURCE, THINGS),
    ]
    for use in uses:
        with pytest.raises(UnsafeRoot, match=r"^[^\n]*moved; `steam-assets relocate`[^\n]*$"):
            use(Lake(copied))
    for root in ROOT_NAMES:
        done = relocate(copied, root)
        assert done is not None and done.files > 0
        assert relocate(copied, root) is None
    assert_whole(Lake(copied))
    assert digests(home) == before
    if home.exists():
        for twins in kept.twins(SOURCE):
            assert verify_twins(twins, KEY) == []


def test_a_relocation_that_died_is_continued_by_the_next(kept: Lake, tmp_path: Path) -> None:
    """It is killed before each of its writes, including the marker's."""
    copied = kept.settings.model_copy(update={"home": tmp_path / "copy"})
    shutil.copytree(kept.settings.home, copied.home)
    write, deaths = Files.write, 0

    class Killed(Exception):
        pass

    while True:
        left = 1

        def dying(files: Files, address: str, data: bytes) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            write(files, address, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(relocating.Files, "write", dying)
            try:
                for root in ROOT_NAMES:
                    relocate(copied, root)
                break
            except Killed:
                deaths += 1
                with pytest.raises(UnsafeRoot, match="relocate"):
                    [Lake(copied).table(root, "x", (), "") for root in ROOT_NAMES]
    assert deaths > 10
    assert_whole(Lake(copied))


@pytest.mark.nightly
def test_a_lake_is_relocated_between_buckets(on_bucket: Settings) -> None:
    lake = Lake(on_bucket)
    fill(lake, [])
    copy(lake, [])
    s3 = boto3.client("s3", endpoint_url=on_bucket.s3_endpoint_url, region_name="us-east-1")
    bucket = f"{on_bucket.root('raw').split('/')[2]}-2"
    s3.create_bucket(Bucket=bucket)
    changes = {}
    for root in ROOT_NAMES:
        for file in Files(on_bucket).list(on_bucket.root(root)):
            _, _, origin, key = file.address.split("/", 3)
            s3.copy({"Bucket": origin, "Key": key}, bucket, key)
        changes[f"{root.replace('-', '_')}_root"] = f"s3://{bucket}/" + on_bucket.root(root).split("/", 3)[3]
    moved = on_bucket.model_copy(update=changes)
    with pytest.raises(UnsafeRoot, match="steam-assets relocate"):
        Lake(moved).raw(NEWS)
    for root in ROOT_NAMES:
        assert relocate(moved, root) is not None
    assert_whole(Lake(moved))
    assert len(sequences(lake.raw(NEWS))) == 40


@pytest.mark.parametrize("damage", rest_nightly([None, b"rotten" * 1000, b""], kept=2))
def test_a_lost_catalog_is_reported_and_rebuilt(kept: Lake, damage: bytes | None) -> None:
    """A deleted, truncated or overwritten catalog is rebuilt only on request, and no table is treated as empty."""
    settings = kept.settings
    for root in ROOT_NAMES:
        file = sqlite_file(settings, root)
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
    with pytest.raises(UnsafeRoot, match=r"is lost or damaged.*steam-assets catalog rebuild --root raw`"):
        land(Lake(settings))
    for root in ROOT_NAMES:
        assert rebuild_catalog(settings, root)
    assert_whole(Lake(settings))


@pytest.mark.parametrize("losers", ["cleaned up", "killed", "both cut"])
def test_the_intact_one_of_two_newest_metadata_files_is_used_or_both_are_named(kept: Lake, losers: str) -> None:
    """Two writers raced: the loser deletes its manifests unless it is killed first; the catalog cannot tell."""
    table = kept.raw(NEWS).load()
    assert table is not None
    winner = Path(table.metadata_location)
    loser = winner.with_name(f"{winner.name[:6]}{'f' * 8}-0000-4000-8000-{'f' * 12}.metadata.json")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    gone = f"{snapshot.manifest_list}.gone" if losers == "cleaned up" else snapshot.manifest_list
    loser.write_text(winner.read_text().replace(snapshot.manifest_list, gone))
    for path in (winner, loser) if losers == "both cut" else ():
        path.write_text(path.read_text()[:-9])
    if losers == "cleaned up":
        rebuild_catalog(kept.settings, "raw")
        assert_whole(Lake(kept.settings))
        return
    catalog = sqlite_file(kept.settings, "raw")
    if losers == "killed":
        catalog.unlink()
    before = catalog.read_bytes() if catalog.exists() else None
    with pytest.raises(UnsafeRoot) as refused:
        rebuild_catalog(kept.settings, "raw")
    assert str(winner) in str(refused.value) and str(loser) in str(refused.value)
    assert (catalog.read_bytes() if catalog.exists() else None) == before


def test_a_new_lake_needs_no_rebuild_and_a_rebuild_does_no_harm(lake: Lake) -> None:
    lake.raw(NEWS).create()
    lake = Lake(lake.settings)
    land(lake)
    assert rebuild_catalog(lake.settings, "raw") == ["news"]
    assert Lake(lake.settings).raw(NEWS).record(RawRecord, KEY) is not None
