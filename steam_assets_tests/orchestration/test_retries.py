"""Both ops of raw are retried after a transient failure."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from steam_assets.ingestion.resolve_raw import RawResolver
from steam_assets.lake.catalogs import table_location
from steam_assets.orchestration import failures, ingest_ops
from steam_assets_tests.faults.conftest import HASTY
from steam_assets_tests.orchestration.kafka_alone import (
    KEYS,
    RAW,
    SOURCE,
    TODAY,
    Deployed,
    deployed,
)

__all__ = ["deployed"]


@pytest.mark.kafka
def test_landing_is_retried(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka or the storage may be briefly unavailable."""
    monkeypatch.setattr(failures, "RETRIES", dg.RetryPolicy(max_retries=2, delay=0))
    deployed.publish(KEYS[1])
    (request,) = deployed.tick("most_played_topic").run_requests or []
    in_the_way = Path(table_location(deployed.settings, "raw", SOURCE.name))
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("where landing has to make a folder")
    result = deployed.run(request, raise_on_error=False)
    retried = result.filter_events(lambda event: event.event_type_value == "STEP_UP_FOR_RETRY")
    assert [event.step_key for event in retried] == ["most_played__raw.land_most_played"] * 2
    in_the_way.unlink()
    assert deployed.run(request).success


@pytest.mark.kafka
def test_fetching_is_retried(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is retried as often as configured, by a client that times out quickly."""
    monkeypatch.setattr(failures, "RETRIES", dg.RetryPolicy(max_retries=2, delay=0))
    monkeypatch.setattr(ingest_ops, "RawResolver", partial(RawResolver, retry_policy=HASTY))
    today = f"{TODAY:%Y-%m-%d}"
    result = deployed.run(dg.RunRequest(partition_key=today, asset_selection=RAW), raise_on_error=False)
    failed = next(iter(result.filter_events(lambda event: event.is_step_failure)))
    retried = result.filter_events(lambda event: event.is_step_up_for_retry)
    assert [event.step_key for event in retried] == ["most_played__raw.publish_most_played"] * 2
    assert failed.step_key == "most_played__raw.publish_most_played"
