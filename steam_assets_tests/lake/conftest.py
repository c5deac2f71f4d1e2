"""Stores to test on: a folder, and a bucket of moto over HTTP or of the server that STEAM_TEST_S3_ENDPOINT names."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.s3_store import S3Store
from steam_assets.lake.store import Store
from steam_assets.settings import Settings


@pytest.fixture(scope="session")
def s3_settings(s3_server: str) -> Settings:
    return Settings(s3_endpoint_url=s3_server)


@pytest.fixture(scope="session")
def bucket(s3_settings: Settings) -> str:
    name = f"steam-test-{secrets.token_hex(6)}"
    boto3.client("s3", endpoint_url=s3_settings.s3_endpoint_url, region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture(params=["disk", "s3"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes an empty store of one of the two kinds at each call."""
    if request.param == "disk":
        return lambda: DiskStore(tmp_path / secrets.token_hex(4))
    settings: Settings = request.getfixturevalue("s3_settings")
    name: str = request.getfixturevalue("bucket")
    return lambda: S3Store(f"s3://{name}/{secrets.token_hex(4)}", settings)


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()
