"""A manually saved response whose file has a wrong time: it is named before anything is published."""

from __future__ import annotations

import json
import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from steam_assets.clock import CLOCKS_DIFFER, Clock
from steam_assets.extraction.errors import SourceError
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import RawResolver, Resolved, in_topic
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources import source_named

pytestmark = pytest.mark.kafka

MONTH = "2026-10-01"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
VISITS = source_named("monthly_visits")
BODY = {"SiteName": "store.steampowered.com", "EstimatedMonthlyVisits": {MONTH: 5}}


@pytest.fixture
def lake(tmp_path: Path, broker: EmbeddedBroker) -> Lake:
    """One of a deployment that reaches no host."""
    own = Settings(home=tmp_path, kafka_bootstrap_servers=broker.address, kafka_topic_prefix=f"test-{uuid4().hex[:12]}")
    return Lake(served_by(own, "http://127.0.0.1:1", 500.0))


def resolve(lake: Lake) -> Resolved:
    return RawResolver(lake, Clock(NOW), retry_policy=RetryPolicy(attempts=1)).resolve_raw(VISITS, MONTH, tuple)


@pytest.mark.parametrize(
    "modified",
    [
        datetime(1980, 1, 1, tzinfo=UTC),
        datetime(2026, 10, 31, 23, tzinfo=UTC),
        NOW + timedelta(days=1),
    ],
    ids=["an archive without times", "before the month's end", "another machine's clock"],
)
def test_a_file_of_an_impossible_time_is_named_with_the_command_that_mends_it(modified: datetime, lake: Lake) -> None:
    folder = lake.settings.home / "similarweb"
    folder.mkdir()
    saved = folder / "saved in October.json"
    saved.write_text(json.dumps(BODY))
    os.utime(saved, (modified.timestamp(), modified.timestamp()))
    with pytest.raises(SourceError, match=r"saved in October\.json: its modification time") as refused:
        resolve(lake)
    assert in_topic(lake.settings, VISITS, [MONTH])() == {}

    touch, path = shlex.split(str(refused.value).rpartition("Next: ")[2])
    assert (touch, Path(path)) == ("touch", saved)
    touched = (NOW + CLOCKS_DIFFER).timestamp()
    os.utime(saved, (touched, touched))
    (receipt,) = resolve(lake).receipts
    assert land(lake, VISITS, receipt, NOW).batch.items["visits"] == 1
