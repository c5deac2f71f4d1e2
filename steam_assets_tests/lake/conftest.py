"""Stores to test on: a folder, and a bucket of moto over HTTP or of the server that STEAM_TEST_S3_ENDPOINT names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.s3_store import S3Store
from steam_assets.lake.store import Store
from steam_assets.settings import Settings


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server; credentials for it are in the environment."""
    given = os.environ.get("STEAM_TEST_S3_ENDPOINT")
    if given:
        yield given
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    server.stop()


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
