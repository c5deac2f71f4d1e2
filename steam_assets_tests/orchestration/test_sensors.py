"""Sensors against a real broker: other producers' batches land and are cleaned once, and nothing storms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from aiokafka import AIOKafkaProducer

from steam_assets.embedded.broker import EmbeddedBroker
from steam_assets.ingestion.clock import Clock
from steam_assets.ingestion.envelope import Envelope
from steam_assets.ingestion.history.importing import import_folder
from steam_assets.ingestion.kafka_connection import connection, ensure_topics, kafka_loop, topic_of
from steam_assets.ingestion.producer import publish
from steam_assets.ingestion.records import HeaderWriter, key_of
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.ingestion.kafka_batches import envelopes, new_batch_id

SOURCE = source_named("most_played")
WEEKLY = source_named("top_sellers")
RAW = [dg.AssetKey([SOURCE.name, "raw"]), dg.AssetKey([SOURCE.name, "raw_backup"])]
TODAY = datetime.now(UTC).replace(microsecond=0)
KEYS = [f"{TODAY - timedelta(days=days):%Y-%m-%d}" for days in (2, 1)]
NOBODY = "http://127.0.0.1:9"


class Deployed:
    """A deployment whose sources cannot be reached: what it has, it has from Kafka or a folder."""

    def __init__(self, home: Path, kafka: str, instance: dg.DagsterInstance) -> None:
        self.settings = Settings(
            home=home,
            kafka_bootstrap_servers=kafka,
            kafka_topic_prefix=f"test-{uuid4().hex[:12]}",
            steam_api_url=NOBODY,
            similarweb_url=NOBODY,
        )
        self.clock = Clock(TODAY)
        self.lake = Lake(self.settings)
        self.defs = build_defs(settings=self.settings, resource_overrides={"lake": self.lake, "clock": self.clock})
        self.instance = instance

    def publish(self, key: str) -> str:
        """Another collector's batch of two envelopes; its id."""
        ensure_topics(self.settings, SOURCE)
        sent = list(envelopes(SOURCE, new_batch_id(), [50, 60], partition_key=key))
        publish(self.settings, SOURCE, sent, total=2, batch_id=sent[0].batch_id, partition_key=key)
        return sent[0].batch_id

    def tick(self, sensor: str, cursor: str | None = None) -> dg.SensorExecutionData:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            definitions=self.defs,
            resources={"lake": self.lake, "clock": self.clock},
        )
        return self.defs.resolve_sensor_def(sensor).evaluate_tick(context)

    def run(self, request: dg.RunRequest, assets: Sequence[dg.AssetKey] = RAW) -> dg.ExecuteInProcessResult:
        assert set(assets) <= set(request.asset_selection or [])
        return self.defs.resolve_job_def("daily").execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            run_config=request.run_config,
            asset_selection=list(assets),
            tags=dict(request.tags),
        )

    def batches(self, key: str) -> list[str]:
        manifest = self.lake.raw.manifest(SOURCE.name, key)
        return [batch.batch_id for batch in manifest.batches] if manifest else []


@pytest.fixture
def deployed(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Deployed]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Deployed(tmp_path / "home", broker.address, instance)


@pytest.mark.kafka
def test_batches_of_other_producers_land_under_their_own_partition_once(deployed: Deployed) -> None:
    """Two collectors, two days, one of them twice: a run each day lands exactly its batches; then there is peace."""
    sent = {key: [deployed.publish(key)] for key in KEYS}
    sent[KEYS[0]].append(deployed.publish(KEYS[0]))
    first = deployed.tick("most_played_topic")
    requests = first.run_requests or []
    assert [request.partition_key for request in requests] == KEYS
    assert len({request.run_key for request in requests}) == 2
    for request in requests:
        assert {key.path[1] for key in request.asset_selection or []} == {"raw", "raw_backup", "clean", "clean_backup"}
        assert deployed.run(request).success
    for key in KEYS:
        assert sorted(deployed.batches(key)) == sorted(sent[key])
    assert sum(json.loads(first.cursor or "")["offsets"].values()) > 6
    assert not deployed.tick("most_played_topic", first.cursor).run_requests
    assert not deployed.tick("most_played_topic").run_requests, "what is landed is not asked for again"


@pytest.mark.kafka
def test_a_batch_for_a_partition_that_is_there_is_added_to_it(deployed: Deployed) -> None:
    """Without asking the source, which is not even there."""
    known = deployed.publish(KEYS[1])
    tick = deployed.tick("most_played_topic")
    deployed.run((tick.run_requests or [])[0])
    more = deployed.publish(KEYS[1])
    (request,) = deployed.tick("most_played_topic", tick.cursor).run_requests or []
    assert deployed.run(request).success
    assert deployed.batches(KEYS[1]) == [known, more]
    again = deployed.run(request)
    assert again.success
    assert deployed.batches(KEYS[1]) == [known, more]


@pytest.mark.kafka
def test_a_batch_that_a_run_is_landing_is_left_to_it(deployed: Deployed) -> None:
    """Our own runs publish, too: their batches are seen between publishing and landing."""
    deployed.publish(KEYS[1])
    run = deployed.instance.add_run(
        dg.DagsterRun("daily", tags={"dagster/partition": KEYS[1]}, status=dg.DagsterRunStatus.STARTED)
    )
    busy = deployed.tick("most_played_topic")
    assert not busy.run_requests
    assert busy.cursor is None
    assert KEYS[1] in (busy.skip_message or "")
    deployed.instance.delete_run(run.run_id)
    assert len(deployed.tick("most_played_topic", busy.cursor).run_requests or []) == 1


@pytest.mark.kafka
def test_half_a_batch_is_waited_for_and_then_given_up(deployed: Deployed) -> None:
    """A producer without transactions may be seen between its records, or die between them."""
    ensure_topics(deployed.settings, SOURCE)
    sent = list(envelopes(SOURCE, new_batch_id(), [50, 60], partition_key=KEYS[1]))
    _send(deployed.settings, sent[:1], total=2)
    half = deployed.tick("most_played_topic")
    assert not half.run_requests
    assert half.cursor is None
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    late = deployed.tick("most_played_topic")
    assert not late.run_requests
    assert late.cursor is not None
    _send(deployed.settings, sent[1:], total=2)
    deployed.clock.move_to(TODAY)
    (request,) = deployed.tick("most_played_topic", half.cursor).run_requests or []
    assert deployed.run(request).success
    assert deployed.batches(KEYS[1]) == [sent[0].batch_id]


def _send(settings: Settings, sent: Sequence[Envelope], *, total: int) -> None:
    first = sent[0]
    writer = HeaderWriter(source=first.source, partition_key=first.partition_key, batch_id=first.batch_id, total=total)

    async def send() -> None:
        async with AIOKafkaProducer(**connection(settings)) as producer:
            for one in sent:
                value = one.to_bytes()
                headers: Any = writer.headers(one, value)
                await producer.send_and_wait(topic_of(settings, SOURCE), value, key=key_of(one), headers=headers)

    with kafka_loop() as loop:
        loop.run(send())


@pytest.mark.kafka
def test_a_cursor_of_another_topic_is_not_believed(deployed: Deployed) -> None:
    """A topic or cluster that was made anew begins at 0 again: an old cursor would skip all that it holds."""
    deployed.publish(KEYS[1])
    cursor = json.loads(deployed.tick("most_played_topic").cursor or "")
    beyond = json.dumps(cursor | {"offsets": dict.fromkeys(cursor["offsets"], 10**6)})
    elsewhere = json.dumps(cursor | {"cluster_id": "another"})
    for stale in (beyond, elsewhere):
        assert len(deployed.tick("most_played_topic", stale).run_requests or []) == 1


@pytest.mark.kafka
@pytest.mark.parametrize("key", ["2031-01-01", "2001-01-01", "2026-02-31"])
def test_a_batch_of_no_partition_asks_for_no_run(deployed: Deployed, key: str) -> None:
    """The headers are another's text: Dagster would fail each tick over a partition that it does not have."""
    deployed.publish(key)
    tick = deployed.tick("most_played_topic")
    assert not tick.run_requests
    assert tick.cursor


def test_a_stopped_broker_is_a_reason_to_skip_and_no_error(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tick = Deployed(tmp_path / "home", "127.0.0.1:9", instance).tick("most_played_topic", None)
    assert not tick.run_requests
    assert "Kafka at 127.0.0.1:9" in (tick.skip_message or "")


def test_new_raw_data_is_cleaned_however_it_came(tmp_path: Path) -> None:
    """An imported chart is cleaned once; with more in it, again; while a run is at it, it is left alone."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "2023-10-27_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,Steam Deck,0\n")
    with dg.DagsterInstance.ephemeral() as instance:
        deployed = Deployed(tmp_path / "home", "127.0.0.1:9", instance)
        assert not deployed.tick("top_sellers_uncleaned").run_requests
        import_folder(deployed.lake, folder, TODAY)
        tick = deployed.tick("top_sellers_uncleaned")
        (request,) = tick.run_requests or []
        assert request.partition_key == "2023-10-17"
        assert {key.path[1] for key in request.asset_selection or []} == {"raw_backup", "clean", "clean_backup"}
        (same,) = deployed.tick("top_sellers_uncleaned").run_requests or []
        assert same.run_key == request.run_key

        (folder / "2023-10-28_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,Rust,0\n")
        import_folder(deployed.lake, folder, TODAY)
        (changed,) = deployed.tick("top_sellers_uncleaned", tick.cursor).run_requests or []
        assert (changed.partition_key, changed.run_key == request.run_key) == ("2023-10-17", False)

        tags = {"dagster/asset_partition_range_start": "2023-10-03", "dagster/asset_partition_range_end": "2023-10-17"}
        status = dg.DagsterRunStatus.STARTED
        selected = frozenset({dg.AssetKey(["top_sellers", "clean"])})
        instance.add_run(dg.DagsterRun("weekly", tags=tags, status=status, asset_selection=selected))
        busy = deployed.tick("top_sellers_uncleaned", tick.cursor)
        assert not busy.run_requests
        assert busy.cursor == tick.cursor


def test_all_automation_is_off_until_asked_for(tmp_path: Path) -> None:
    for automation in (False, True):
        made = build_defs(settings=Settings(home=tmp_path, automation=automation))
        names = ["failure_alerts"] + [f"{s}_{k}" for s in ("news", "reviews") for k in ("topic", "uncleaned")]
        for name in names:
            running = made.resolve_sensor_def(name).default_status is dg.DefaultSensorStatus.RUNNING
            assert running is automation
        schedule = made.resolve_schedule_def("standing_checks_schedule")
        assert (schedule.default_status is dg.DefaultScheduleStatus.RUNNING) is automation
