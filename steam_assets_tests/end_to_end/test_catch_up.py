"""Catching up: where a past partition comes from, what is lost, and that each stage runs on its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from pyspark.sql import functions as F

from benchmarks.backfill import put_raw_day
from steam_assets.extraction.errors import NotAvailable
from steam_assets.extraction.extract import extract
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.extraction.spool import Spool
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import Origin, RawResolver, Resolved
from steam_assets.kafka.connection import ensure_topics
from steam_assets.kafka.consumer import LostRecords, find_batches
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import back_up, verify
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.launch import RunFailed
from steam_assets.orchestration.stages import Stage
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest, Source
from steam_assets_tests.deployment import Deployment
from steam_assets_tests.retention import expire

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PLAYED, SELLERS = source_named("most_played"), source_named("top_sellers")
DAY = "2026-11-17"
DURING, AFTER = datetime(2026, 11, 17, 21, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)


def resolve_raw(deployment: Deployment, source: Source, key: str, *, refetch: bool = False) -> Resolved:
    return RawResolver(deployment.lake, deployment.clock).resolve_raw(source, key, tuple, refetch=refetch)


def land_all(deployment: Deployment, source: Source, key: str, resolved: Resolved) -> None:
    lake = deployment.lake
    for receipt in resolved.receipts:
        landed = land(lake, source, receipt, deployment.clock.now())
        commit_batch(lake.raw(source), key, landed.batch, landed.files)


def lose_a_file(deployment: Deployment, source: Source, key: str) -> None:
    """Delete a data file of a raw partition; its table and record still refer to it."""
    table = deployment.lake.raw(source)
    loaded = table.load()
    assert loaded is not None
    lost, *_ = loaded.scan(row_filter=of_partitions([key])).plan_files()
    loaded.io.delete(lost.file.file_path)
    assert not table.is_whole(key)


def asked(deployment: Deployment) -> int:
    return len(deployment.simulator.requests)


def test_a_past_day_comes_from_kafka_or_the_backup_or_is_a_named_gap(deployment: Deployment) -> None:
    """It is restored byte for byte by the raw stage alone, without any call to the live service."""
    deployment.at(DURING)
    deployment.run(PLAYED, DAY, stages=(Stage.RAW, Stage.RAW_BACKUP))
    before, requests = deployment.digests("raw"), asked(deployment)
    assert [*before] == [f"{PLAYED.name}/{DAY}"]
    deployment.at(AFTER)

    deployment.lose("raw", PLAYED, DAY)
    deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    assert deployment.digests("raw") == before, "from the topic"

    deployment.lose("raw", PLAYED, DAY)
    expire(deployment.settings, PLAYED)
    assert find_batches(deployment.settings, PLAYED, [DAY]) == []
    deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    assert deployment.digests("raw") == before, "from the backup"

    deployment.lose("raw", PLAYED, DAY)
    deployment.lose("raw-backup", PLAYED, DAY)
    with pytest.raises(RunFailed, match=f"gap: most_played {DAY}.*only live data"):
        deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    assert deployment.digests("raw") == {}
    assert deployment.status(PLAYED, DAY).raw is None
    assert asked(deployment) == requests


def test_files_lost_one_by_one_come_back_from_the_topic(deployment: Deployment) -> None:
    """The record exists but a file is missing: catch-up lands that file again and does not ask the source."""
    deployment.at(DURING)
    deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    before, requests = deployment.digests("raw"), asked(deployment)
    lose_a_file(deployment, PLAYED, DAY)
    deployment.at(AFTER)
    deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    assert deployment.digests("raw") == before
    assert asked(deployment) == requests


def test_a_lost_file_that_is_nowhere_else_is_named_for_any_source(deployment: Deployment) -> None:
    """Fetching again would leave a table that refers to missing files, so the loss is reported with how to fix it."""
    deployment.run(SELLERS, "2026-11-10", stages=(Stage.RAW,))
    expire(deployment.settings, SELLERS)
    (record,) = deployment.lake.raw(SELLERS).records(RawRecord).values()
    (batch,) = record.batches
    lose_a_file(deployment, SELLERS, "2026-11-10")
    with pytest.raises(RunFailed, match=f"has lost files.*{batch.batch_id}"):
        deployment.run(SELLERS, "2026-11-10", stages=(Stage.RAW,))

    deployment.lose("raw", SELLERS, "2026-11-10")
    deployment.run(SELLERS, "2026-11-10", stages=(Stage.RAW,))
    raw = deployment.lake.raw(SELLERS)
    assert list(raw.records(RawRecord)) == ["2026-11-10"]
    assert verify(raw, raw.records(RawRecord).values()) == []


def test_records_that_expired_before_landing_are_reported_as_lost(deployment: Deployment) -> None:
    """If retention deletes a published batch, the error names the batch and its offsets; nothing is partly landed."""
    deployment.at(DURING)
    (receipt,) = resolve_raw(deployment, PLAYED, DAY).receipts
    expire(deployment.settings, PLAYED)
    with pytest.raises(LostRecords, match=f"{receipt.batch_id} of most_played {DAY} .* is lost") as lost:
        land(deployment.lake, PLAYED, receipt, deployment.clock.now())
    assert "retention has deleted it" in str(lost.value)
    assert deployment.status(PLAYED, DAY).raw is None
    deployment.at(AFTER)
    with pytest.raises(NotAvailable, match=f"gap: most_played {DAY}"):
        resolve_raw(deployment, PLAYED, DAY)


def test_snapshots_that_the_topic_no_longer_has_come_from_the_backup(deployment: Deployment) -> None:
    """Kafka has only the newer of a day's two snapshots: the raw partition is restored with both."""
    deployment.at(DURING - timedelta(hours=9))
    first = resolve_raw(deployment, PLAYED, DAY)
    land_all(deployment, PLAYED, DAY, first)
    deployment.at(DURING)
    land_all(deployment, PLAYED, DAY, resolve_raw(deployment, PLAYED, DAY, refetch=True))
    back_up(deployment.lake.raw_twins(PLAYED), [DAY], deployment.clock.now())
    before = deployment.digests("raw")
    expire(deployment.settings, PLAYED, {r.partition: r.end for r in first.receipts[0].ranges})
    assert len(find_batches(deployment.settings, PLAYED, [DAY])) == 1

    deployment.at(AFTER)
    deployment.lose("raw", PLAYED, DAY)
    deployment.run(PLAYED, DAY, stages=(Stage.RAW,))
    assert deployment.digests("raw") == before


def fetched(deployment: Deployment) -> Spool:
    """A day's responses on the local disk, as left by a run that died before publishing them."""
    settings = deployment.settings
    fetch_request = FetchRequest(
        PLAYED.cadence.window(DAY), deployment.clock.now(), options=settings.options_of(PLAYED)
    )
    client = HttpClient(settings, deployment.clock, RetryPolicy())
    return extract(PLAYED, fetch_request, client, settings.home / "spool")


def test_responses_fetched_in_time_survive_a_crash_before_midnight(deployment: Deployment) -> None:
    """A run died between fetching and publishing; the next run, on another day, publishes the responses on disk."""
    deployment.at(DURING)
    spool, requests = fetched(deployment), asked(deployment)
    deployment.at(AFTER)
    assert resolve_raw(deployment, PLAYED, DAY).receipts[0].batch_id == spool.batch_id
    assert asked(deployment) == requests


def test_a_second_snapshot_is_a_separate_batch_even_after_a_crash(deployment: Deployment) -> None:
    """A run died right after publishing; a later refetch asks the source and does not publish the old responses."""
    deployment.at(DURING)
    spool, settings = fetched(deployment), deployment.settings
    ensure_topics(settings, PLAYED)
    publish(settings, PLAYED, spool, total=spool.records, batch_id=spool.batch_id, partition_key=DAY)
    land_all(deployment, PLAYED, DAY, resolve_raw(deployment, PLAYED, DAY))
    requests = asked(deployment)
    again = resolve_raw(deployment, PLAYED, DAY, refetch=True)
    assert again.receipts[0].batch_id != spool.batch_id
    assert asked(deployment) > requests


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2026-12-31"])
def test_the_day_ends_in_utc_whatever_the_machines_time_zone(
    deployment: Deployment, zone: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live chart is fetched until the day's last microsecond; after that, the day comes from Kafka."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        window = PLAYED.cadence.window(day)
        deployment.at(window.end - timedelta(microseconds=1))
        assert resolve_raw(deployment, PLAYED, day).origin is Origin.SOURCE
        requests = asked(deployment)
        deployment.at(window.end)
        assert resolve_raw(deployment, PLAYED, day).origin is Origin.KAFKA
        yesterday = PLAYED.cadence.containing(window.start - timedelta(seconds=1))
        with pytest.raises(NotAvailable, match=f"gap: most_played {yesterday.key}"):
            resolve_raw(deployment, PLAYED, yesterday.key)
        assert asked(deployment) == requests
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.spark
def test_past_weeks_come_from_the_service_with_data_of_that_week(deployment: Deployment) -> None:
    """Chart, news and reviews of a past week are requested by its dates, and the responses are dated in it."""
    key, window = "2026-10-06", SELLERS.cadence.window("2026-10-06")
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    news, reviews = source_named("news"), source_named("reviews")
    deployment.run(SELLERS, key, stages=(Stage.RAW, Stage.CLEAN))
    apps = [row["app_id"] for row in deployment.rows(SELLERS).orderBy("rank").limit(2).collect()]
    requests = asked(deployment)
    for source in (news, reviews):
        deployment.run(source, key, stages=(Stage.RAW, Stage.CLEAN), apps=apps)
    assert asked(deployment) >= requests + 4
    answers = deployment.lake.raw(SELLERS).arrow([key], ("url",))
    assert answers is not None
    (answer,) = answers.to_pylist()
    assert str(start) in unquote(answer["url"])
    assert {row["week_start"] for row in deployment.rows(SELLERS).collect()} == {window.start.date()}
    for source, column in ((news, "published_at"), (reviews, "created_at")):
        rows = deployment.rows(source)
        assert rows.count() > 0, source.name
        moment = F.unix_timestamp(column)
        assert rows.where((moment < start) | (moment >= end)).count() == 0, source.name
        assert {row["app_id"] for row in rows.select("app_id").distinct().collect()} <= set(apps)


@pytest.mark.spark
def test_a_range_of_days_is_cleaned_and_backed_up_in_one_run_and_one_commit(deployment: Deployment) -> None:
    """Catching up a month adds one snapshot to the table and one to its backup; each day reconciles on its own."""
    windows = list(PLAYED.cadence.between("2026-10-19", "2026-11-17"))
    for window in windows:
        put_raw_day(deployment.settings, deployment.simulator, window)
    deployment.run_range(PLAYED, windows[0].key, windows[-1].key)
    twins = deployment.clean_twins(PLAYED)
    for table in (twins.primary, twins.backup):
        assert len(table.partition_rows()) == len(windows) == 30
        assert deployment.commits(table) == 1
    statuses = [deployment.status(PLAYED, window.key) for window in windows]
    assert [status.partition_key for status in statuses if not status.up_to_date] == []


@pytest.mark.spark
def test_each_stage_runs_alone_and_names_the_missing_earlier_stage(deployment: Deployment) -> None:
    """Each stage does only its own part. Run too early, it names the missing stage and its command."""
    key = "2026-11-10"

    def done() -> list[bool]:
        status = deployment.status(SELLERS, key)
        return [status.raw_present, status.raw_backed_up, status.tables[0].current, status.tables[0].backed_up]

    for stage, missing in ((Stage.RAW_BACKUP, "raw"), (Stage.CLEAN, "raw"), (Stage.CLEAN_BACKUP, "clean")):
        with pytest.raises(RunFailed, match=f"steam-assets run top_sellers --stage {missing} --from {key} --to {key}$"):
            deployment.run(SELLERS, key, stages=(stage,))
    assert done() == [False] * 4
    deployment.run(SELLERS, key, stages=(Stage.RAW,))
    assert done() == [True, False, False, False]
    deployment.run(SELLERS, key, stages=(Stage.CLEAN,))
    assert done() == [True, False, True, False]
    deployment.run(SELLERS, key, stages=(Stage.CLEAN_BACKUP,))
    assert done() == [True, False, True, True]
    deployment.run(SELLERS, key, stages=(Stage.RAW_BACKUP,))
    assert done() == [True] * 4
