"""Lakes to test on: in buckets of an S3 server, and with a partition in both copies."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import boto3
import pytest
from clean_partitions import raw_and_clean
from stages import filled_and_copied

from steam_assets.lake.lake import Twins
from steam_assets.settings import Settings
from steam_assets_tests.prepared_lakes import Prepared


@pytest.fixture(scope="session")
def bucket(s3_server: str) -> str:
    name = f"steam-test-{secrets.token_hex(6)}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def on_bucket(bucket: str, s3_server: str, tmp_path: Path) -> Settings:
    """Settings with four roots in one bucket; their catalogs are files in HOME."""
    place = f"s3://{bucket}/{secrets.token_hex(4)}"
    names = ("raw", "raw_backup", "clean", "clean_backup")
    roots: dict[str, Any] = {f"{name}_root": f"{place}/{name}" for name in names}
    return Settings(home=tmp_path / "home", s3_endpoint_url=s3_server, **roots)


@pytest.fixture(params=[0, 1], ids=["raw", "clean"])
def twins(request: pytest.FixtureRequest, prepared: Prepared) -> Twins[Any]:
    """A raw or a clean table in which one partition is filled and backed up."""
    return raw_and_clean(prepared(filled_and_copied))[request.param]
