"""The health check lists missing, unfinished and failed partitions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.raw_partition import put_batch
from steam_assets.clock import Clock
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.kafka.kafka_batches import envelopes, new_batch_id
from steam_assets_tests.nightly import rest_nightly


def landed(lake: Lake, source: str, key: str) -> None:
    """A raw partition with its backup, and no later stage."""
    found = source_named(source)
    batch_id = new_batch_id()
    put_batch(lake, found, key, batch_id, envelopes(found, batch_id, [10], partition_key=key))
    back_up(lake.raw_twins(found), [key], datetime.now(UTC))


def check(lake: Lake, instance: dg.DagsterInstance, source: str, now: datetime) -> tuple[bool, Mapping[str, object]]:
    defs = build_defs(settings=lake.settings, resource_overrides={"lake": lake, "clock": Clock(now)})
    result = defs.resolve_job_def("health_checks").execute_in_process(instance=instance)
    (found,) = [one for one in result.get_asset_check_evaluations() if one.asset_key.path[0] == source]
    names = ("missing", "unfinished", "failed", "late")
    return found.passed, {name: found.metadata[name].value for name in names}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def test_gaps_unfinished_and_failed_partitions_are_named(lake: Lake) -> None:
    for key in ("2026-11-12", "2026-11-14"):
        landed(lake, "most_played", key)
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": "2026-11-13"}
        instance.add_run(dg.DagsterRun("daily", tags=tags, status=dg.DagsterRunStatus.FAILURE))
        passed, told = check(lake, instance, "most_played", datetime(2026, 11, 18, 21, tzinfo=UTC))
    assert not passed
    assert told == {
        "missing": ["2026-11-13", "2026-11-15", "2026-11-16", "2026-11-17"],
        "unfinished": ["2026-11-12", "2026-11-14"],
        "failed": ["2026-11-13"],
        "late": ["newest is 2026-11-14"],
    }


def test_a_failure_that_was_repaired_is_not_reported(lake: Lake) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": "2026-11-13"}
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS):
            instance.add_run(dg.DagsterRun("daily", tags=tags, status=status))
        _, told = check(lake, instance, "most_played", datetime(2026, 11, 18, 21, tzinfo=UTC))
    assert told["failed"] == []


FAILED, MENDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
DAY = {"dagster/partition": "2026-11-13"}
RANGE = {"dagster/asset_partition_range_start": "2026-11-12", "dagster/asset_partition_range_end": "2026-11-14"}


@pytest.mark.parametrize(
    ("runs", "failed"),
    rest_nightly(
        [
            ([(RANGE, FAILED), (DAY, MENDED)], ["2026-11-12", "2026-11-14"]),
            ([(DAY, FAILED), (RANGE, MENDED)], []),
            ([(DAY, MENDED), ({**RANGE, "dagster/asset_partition_range_end": "no day"}, FAILED)], []),
            ([(RANGE, FAILED)], ["2026-11-12", "2026-11-13", "2026-11-14"]),
        ],
        kept=3,
        several=True,
    ),
)
def test_a_run_over_a_range_fails_or_repairs_each_of_its_partitions(
    lake: Lake, runs: list[tuple[dict[str, str], dg.DagsterRunStatus]], failed: list[str]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for tags, status in runs:
            instance.add_run(dg.DagsterRun("daily", tags=tags, status=status))
        _, told = check(lake, instance, "most_played", datetime(2026, 11, 18, 21, tzinfo=UTC))
    assert told["failed"] == failed


@pytest.mark.parametrize(
    ("source", "first", "second", "missing"),
    [
        ("most_played", "2023-08-05", "2023-08-07", False),  # lost for good
        ("top_sellers", "2023-07-25", "2023-08-08", True),  # the service still returns it
    ],
)
def test_an_old_gap_is_an_alarm_only_if_it_can_be_filled(
    lake: Lake, source: str, first: str, second: str, missing: bool
) -> None:
    landed(lake, source, first)
    landed(lake, source, second)
    with dg.DagsterInstance.ephemeral() as instance:
        _, told = check(lake, instance, source, datetime(2023, 10, 30, 21, tzinfo=UTC))
    assert (("2023-08-06" if source == "most_played" else "2023-08-01") in str(told["missing"])) is missing
