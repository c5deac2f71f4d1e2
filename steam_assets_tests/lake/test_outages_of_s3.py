"""While S3 refuses or does not respond, nothing is taken for damaged, and afterwards everything works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from steam_assets.lake.backup import back_up, restore_partitions, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.files import Files
from steam_assets.lake.housekeeping import sweep
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import marker_address
from steam_assets.outages import Unavailable, outage
from steam_assets.settings import Settings
from steam_assets_tests.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from steam_assets_tests.lake.raw_landing import KEY, NEWS, NOW, land, sequences
from steam_assets_tests.nightly import rest_nightly

REFUSALS = [(403, "AccessDenied"), (400, "ExpiredToken"), (301, "PermanentRedirect"), (403, "ComeBackOnMonday")]
"""Status and code; the last is made up."""


@dataclass(frozen=True)
class Place:
    """A backed-up partition of news in a bucket behind a proxy."""

    settings: Settings
    proxy: FaultyProxy

    @property
    def lake(self) -> Lake:
        return Lake(self.settings)


@pytest.fixture
def place(on_bucket: Settings, s3_server: str) -> Iterator[Place]:
    with faulty_proxy(s3_server) as proxy:
        settings = on_bucket.model_copy(update={"s3_endpoint_url": proxy.url})
        lake = Lake(settings)
        land(lake)
        back_up(lake.raw_twins(NEWS), [KEY], NOW)
        yield Place(settings, proxy)


def verified(place: Place) -> None:
    assert verify_twins(place.lake.raw_twins(NEWS), KEY) == []


def restored(place: Place) -> None:
    done = restore_partitions(place.lake.raw_twins(NEWS), [KEY], overwrite=True)
    assert (done.problems, done.beyond) == ({}, {})


def rebuilt(place: Place) -> None:
    assert rebuild_catalog(place.settings, "raw") == ["news"]


def swept(place: Place) -> None:
    assert sweep(place.lake, place.lake.raw(NEWS), NOW) == []


def failure(work: Callable[[Place], None], place: Place) -> Exception | None:
    try:
        work(place)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("work", rest_nightly([rebuilt, verified, restored, swept], kept=2))
def test_a_refusal_is_not_taken_for_damage(place: Place, work: Callable[[Place], None]) -> None:
    for (status, code), path in product(REFUSALS, [".metadata.json", ".avro", ".parquet"]):
        place.proxy.faults = [Fault(status, code, path, ("GET", "HEAD"))]
        place.proxy.refused.clear()
        error = failure(work, place)
        said = str(error and outage(error))
        assert error is None or (said.startswith(("S3 refused", "the bucket is")) and "\n" not in said), error
        assert (error is not None) == bool(place.proxy.refused)
    place.proxy.faults = []
    work(place)
    assert len(sequences(place.lake.raw(NEWS))) == 20


def test_a_busy_s3_is_asked_again(place: Place) -> None:
    # The first is shorter than the error.
    paths = (".steam-root.json", ".metadata.json", ".avro", ".parquet")
    place.proxy.faults = [Fault(503, "SlowDown", path, ("GET",), times=1) for path in paths]
    verified(place)
    assert len(place.proxy.refused) == len(paths)


def test_a_write_to_a_busy_s3_is_repeated_and_counts_once(place: Place) -> None:
    place.proxy.faults = [Fault(503, "SlowDown", methods=("PUT", "POST"), times=3)]
    land(place.lake, number=2)
    assert len(place.proxy.refused) == 3
    assert len(sequences(place.lake.raw(NEWS))) == 40


def test_a_lost_file_is_no_outage(place: Place) -> None:
    with pytest.raises(FileNotFoundError) as lost:
        Files(place.settings).read(f"{marker_address(place.settings, 'raw')}.bak")
    assert outage(lost.value) is None


def test_a_web_page_is_no_damaged_marker(place: Place) -> None:
    """As a network answers, with status 200, before one has logged in."""
    place.proxy.faults = [Fault(200, "Welcome", content_type="text/html")]
    error = failure(verified, place)
    assert error is not None and "a web server responds instead of S3" in str(outage(error))
    place.proxy.faults = []
    verified(place)


def test_a_bucket_that_is_gone_is_named(place: Place) -> None:
    elsewhere = place.settings.model_copy(update={"raw_root": "s3://nobodys-lake/raw"})
    with pytest.raises(OSError, match="NO_SUCH_BUCKET") as refused:
        land(Lake(elsewhere))
    assert "there is no bucket nobodys-lake" in str(outage(refused.value))
    assert isinstance(outage(refused.value), Unavailable)
