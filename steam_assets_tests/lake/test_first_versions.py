"""Backup files that were overwritten on S3 are named with their first version, which a command puts back."""

from __future__ import annotations

import secrets

import boto3
import pytest
from clean_partitions import SOURCE
from raw_landing import KEY
from stages import copy, fill
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.backup import backup_of, verify
from steam_assets.lake.first_versions import overwritten, put_back
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import Settings
from steam_assets_tests.nightly import rest_nightly


@pytest.fixture(params=rest_nightly(["s3://{bucket}/{root}", "s3://{bucket}-{root}"]), ids=["prefixes", "buckets"])
def versioned(request: pytest.FixtureRequest, on_bucket: Settings, bucket: str) -> Lake:
    """A lake in buckets with versions, whose backup files somebody with the writer's rights overwrote."""
    name = f"{bucket}-{secrets.token_hex(4)}"
    s3 = boto3.client("s3", endpoint_url=on_bucket.s3_endpoint_url, region_name="us-east-1")
    addresses = {root: str(request.param).format(bucket=name, root=root) for root in ROOT_NAMES}
    for made in {address.split("/")[2] for address in addresses.values()}:
        s3.create_bucket(Bucket=made)
        s3.put_bucket_versioning(Bucket=made, VersioningConfiguration={"Status": "Enabled"})
    roots = {f"{root.replace('-', '_')}_root": address for root, address in addresses.items()}
    lake = Lake(on_bucket.model_copy(update=roots))
    fill(lake, [])
    copy(lake, [])
    for twins in lake.twins(SOURCE):
        for file in twins.backup.files_of(KEY):
            made, _, key = file.file_path.removeprefix("s3://").partition("/")
            s3.put_object(Bucket=made, Key=key, Body=b"nothing of the kind")
    return lake


def problems(lake: Lake) -> list[str]:
    found = list[str]()
    for twins in lake.twins(SOURCE):
        held = backup_of(twins, KEY)
        found += verify(twins.backup, [held] if held else [])
    return found


def test_first_versions_are_put_back_and_the_others_kept(versioned: Lake) -> None:
    assert len(problems(versioned)) == len(versioned.twins(SOURCE))
    found = [file for root in ROOT_NAMES for file in overwritten(versioned.settings, root)]
    files = [file.file_path for twins in versioned.twins(SOURCE) for file in twins.backup.files_of(KEY)]
    assert sorted(file.address for file in found) == sorted(files)
    for file in found:
        put_back(versioned.settings, file)
    assert problems(versioned) == []
    assert [file for root in ROOT_NAMES for file in overwritten(versioned.settings, root)] == []


def test_verify_says_how_and_the_command_does_it(versioned: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in versioned.settings.environment(secrets=False).items():
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(app, ["verify", "--source", SOURCE.name])
    assert said.exit_code == 1 and "steam-assets restore --first-versions" in " ".join(said.output.split())
    done = CliRunner().invoke(app, ["restore", "--source", SOURCE.name, "--first-versions"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["verify", "--source", SOURCE.name]).exit_code == 0


def test_a_lake_on_a_disk_has_no_versions(lake: Lake) -> None:
    assert [file for root in ROOT_NAMES for file in overwritten(lake.settings, root)] == []
