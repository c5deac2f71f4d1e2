"""A REST catalog that refuses, is busy, or is no catalog at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steam_assets.lake.catalogs import open_catalog
from steam_assets.loopback import free_port
from steam_assets.outages import outage
from steam_assets.settings import Settings
from steam_assets_tests.faulty_proxy import Fault, FaultyProxy, faulty_proxy


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    with faulty_proxy(f"http://127.0.0.1:{free_port()}") as proxy:
        yield proxy


def said(home: Path, address: str) -> str:
    """What a user reads when the catalog is opened."""
    settings = Settings(home=home, iceberg_catalog="rest", iceberg_catalog_uri=address)
    with pytest.raises(Exception) as failed:  # noqa: PT011 - of pyiceberg's many
        open_catalog(settings, "raw")
    return str(outage(failed.value))


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_names_the_setting(proxy: FaultyProxy, tmp_path: Path, status: int) -> None:
    proxy.faults = [Fault(status, "No")]
    assert f"HTTP status {status}); check STEAM_ICEBERG_CATALOG_URI" in said(tmp_path, proxy.url)
    assert len(proxy.refused) == 1


def test_a_busy_catalog_is_asked_again(proxy: FaultyProxy, tmp_path: Path) -> None:
    proxy.faults = [Fault(503, "Busy", times=1), Fault(401, "No")]
    assert "HTTP status 401" in said(tmp_path, proxy.url)
    assert len(proxy.refused) == 2


def test_a_web_page_is_no_catalog(proxy: FaultyProxy, tmp_path: Path) -> None:
    proxy.faults = [Fault(200, "Welcome", content_type="text/html; charset=utf-8")]
    assert "a web server responds instead of the REST catalog" in said(tmp_path, proxy.url)


def test_a_catalog_that_is_down_is_named(tmp_path: Path) -> None:
    assert "the REST catalog does not respond" in said(tmp_path, f"http://127.0.0.1:{free_port()}")
