"""Sensors against a real broker: other producers' batches land and are cleaned once, and nothing storms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.ingestion.history.importing import import_folder
from steam_assets.kafka.connection import (
    connection,
    dead_letter_topic_of,
    ensure_topics,
    kafka_loop,
    topic_of,
)
from steam_assets.kafka.consumer import TopicScan
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter, key_of
from steam_assets.kafka.producer import publish
from steam_assets.kafka.topic_reader import topic_reader
from steam_assets.lake.catalogs import table_location
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import OffsetRange, RawRecord, Receipt
from steam_assets.orchestration import failures, sensors
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.kafka.kafka_batches import envelopes, new_batch_id
from steam_assets_tests.kafka.segment_files import damage, segment, stored_batches

SOURCE = source_named("most_played")
WEEKLY = source_named("top_sellers")
RAW = [dg.AssetKey([SOURCE.name, "raw"]), dg.AssetKey([SOURCE.name, "raw_backup"])]
TODAY = datetime.now(UTC).replace(microsecond=0)
KEYS = [f"{TODAY - timedelta(days=days):%Y-%m-%d}" for days in (2, 1)]
NOBODY = "http://127.0.0.1:9"


def two_of(key: str) -> list[Envelope]:
    """A batch of a collector that asked on the day itself."""
    asked = SOURCE.cadence.window(key).start + timedelta(hours=12) if key in KEYS else TODAY
    made = envelopes(SOURCE, new_batch_id(), [50, 60], partition_key=key)
    return [chart_in(envelope, asked, ranks=envelope.sequence + 1) for envelope in made]


def chart_in(envelope: Envelope, asked: datetime, *, ranks: int) -> Envelope:
    """The envelope with a chart that Steam counted at that moment."""
    listed = [{"rank": rank, "appid": 10 * rank} for rank in range(1, ranks + 1)]
    body = json.dumps({"response": {"last_update": int(asked.timestamp()), "ranks": listed}})
    changes = {"body": body, "sha256": hashlib.sha256(body.encode()).hexdigest(), "fetched_at": asked}
    return envelope.model_copy(update=changes | {"items": {SOURCE.name: ranks}})


class Deployed:
    """A deployment whose sources cannot be reached: what it has, it has from Kafka or a folder."""

    def __init__(self, home: Path, kafka: str, instance: dg.DagsterInstance) -> None:
        prefix = f"test-{uuid4().hex[:12]}"
        own = Settings(home=home, kafka_bootstrap_servers=kafka, kafka_topic_prefix=prefix)
        self.settings = served_by(own, NOBODY, 1.0)
        self.clock = Clock(TODAY)
        self.lake = Lake(self.settings)
        self.defs = build_defs(settings=self.settings, resource_overrides={"lake": self.lake, "clock": self.clock})
        self.instance = instance

    def publish(self, key: str) -> str:
        """Another collector's batch of two envelopes; its id."""
        ensure_topics(self.settings, SOURCE)
        sent = two_of(key)
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

    def run(
        self, request: dg.RunRequest, assets: Sequence[dg.AssetKey] = RAW, *, raise_on_error: bool = True
    ) -> dg.ExecuteInProcessResult:
        assert set(assets) <= set(request.asset_selection or [])
        return self.defs.resolve_job_def("daily").execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            run_config=request.run_config,
            asset_selection=list(assets),
            tags=dict(request.tags),
            raise_on_error=raise_on_error,
        )

    def note(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        """A run of the request as the daemon records it, ended."""
        tags = {"dagster/run_key": request.run_key or "", "dagster/partition": request.partition_key or ""}
        self.instance.add_run(dg.DagsterRun("daily", tags=tags, status=status))

    def send_junk(self, value: bytes) -> None:
        async def send() -> None:
            async with AIOKafkaProducer(**connection(self.settings)) as producer:
                await producer.send_and_wait(topic_of(self.settings, SOURCE), value)

        with kafka_loop() as loop:
            loop.run(send())

    def dead_letters(self) -> list[bytes]:
        with topic_reader(self.settings, dead_letter_topic_of(topic_of(self.settings, SOURCE))) as reader:
            return [message.value or b"" for message in reader.everything({})]

    def quarantined(self) -> list[bytes]:
        kept = self.lake.set_aside(SOURCE).arrow(columns=("value",))
        return [row["value"] for row in kept.to_pylist()] if kept is not None else []

    def batches(self, key: str) -> list[str]:
        record = self.lake.raw(SOURCE).record(RawRecord, key)
        return [batch.batch_id for batch in record.batches] if record else []


def offsets_of(tick: dg.SensorExecutionData) -> dict[str, int]:
    offsets: dict[str, int] = json.loads(tick.cursor or "")["offsets"]
    return offsets


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
    assert sum(offsets_of(first).values()) == 0, "what is not landed is not passed"
    second = deployed.tick("most_played_topic", first.cursor)
    assert not second.run_requests
    assert sum(offsets_of(second).values()) > 6
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
def test_a_batch_whose_run_failed_is_asked_for_again_each_hour(deployed: Deployed) -> None:
    """Until it is landed, however late; what came after it lands meanwhile, and is not asked for again."""
    lost, late = deployed.publish(KEYS[0]), deployed.publish(KEYS[1])
    tick = deployed.tick("most_played_topic")
    failed, other = tick.run_requests or []
    deployed.note(failed, dg.DagsterRunStatus.FAILURE)
    assert deployed.run(other).success
    tick = deployed.tick("most_played_topic", tick.cursor)
    assert not tick.run_requests
    assert "this hour" in (tick.skip_message or "")
    for hours in (1, 2):
        deployed.clock.move_to(TODAY + timedelta(hours=hours))
        tick = deployed.tick("most_played_topic", tick.cursor)
        (again,) = tick.run_requests or []
        assert again.partition_key == KEYS[0]
        assert again.run_key != failed.run_key
        deployed.note(again, dg.DagsterRunStatus.FAILURE)
    assert deployed.run(again).success
    assert (deployed.batches(KEYS[0]), deployed.batches(KEYS[1])) == ([lost], [late])
    done = deployed.tick("most_played_topic", tick.cursor)
    assert not done.run_requests
    assert sum(offsets_of(done).values()) > 4


def test_the_cursor_never_stands_within_a_batch() -> None:
    """A landed batch of which only the end is read again would look like one that was never finished."""

    def batch(*ranges: tuple[int, int, int]) -> Receipt:
        parts = tuple(OffsetRange(partition=part, start=start, end=end) for part, start, end in ranges)
        named = {"source": SOURCE.name, "partition_key": KEYS[0], "batch_id": new_batch_id()}
        return Receipt(**named, cluster_id="c", topic="t", ranges=parts, records=1, items={})

    passed, over, pending = batch((0, 0, 2), (1, 0, 3)), batch((0, 2, 9), (1, 3, 5)), batch((0, 6, 12), (2, 4, 6))
    scan = TopicScan(cluster_id="c", ends={0: 12, 1: 5, 2: 6}, batches=(passed, over, pending))
    cursor = sensors._TopicCursor.before(scan, [pending])
    assert (cursor.cluster_id, cursor.offsets) == ("c", {0: 2, 1: 3, 2: 4})


@pytest.mark.kafka
def test_failed_batches_do_not_keep_others_from_being_asked_for(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more of them than a tick asks for."""
    monkeypatch.setattr(sensors, "RUNS_A_TICK", 1)
    for key in KEYS:
        deployed.publish(key)
    (first,) = deployed.tick("most_played_topic").run_requests or []
    deployed.note(first, dg.DagsterRunStatus.FAILURE)
    (second,) = deployed.tick("most_played_topic").run_requests or []
    assert [first.partition_key, second.partition_key] == KEYS


@pytest.mark.kafka
def test_what_is_no_envelope_is_set_aside_once_and_before_the_cursor_passes_it(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Junk and another source's record, between batches: each in quarantine and in the dead-letter topic."""
    monkeypatch.setattr(sensors, "DEAD_LETTERS_A_TICK", 1)
    ensure_topics(deployed.settings, SOURCE)
    stray = next(envelopes(WEEKLY, new_batch_id(), [50], partition_key="2026-11-10"))
    deployed.send_junk(b"junk")
    _send(deployed.settings, [stray], total=1)
    first = deployed.tick("most_played_topic")
    assert (offsets_of(first), len(deployed.dead_letters()), len(deployed.quarantined())) == ({}, 1, 1)
    second = deployed.tick("most_played_topic", first.cursor)
    assert sum(offsets_of(second).values()) == 2
    deployed.tick("most_played_topic")
    assert sorted(deployed.dead_letters()) == sorted(deployed.quarantined()) == sorted([b"junk", stray.to_bytes()])


@pytest.mark.kafka
def test_a_spoiled_record_of_a_batch_fails_a_check_and_the_others_land(deployed: Deployed) -> None:
    """Also where the producer leaves out the header that counts items."""
    ensure_topics(deployed.settings, SOURCE)
    sent = two_of(KEYS[1])
    _send(deployed.settings, sent[:1], total=2)
    _send(deployed.settings, sent[1:], total=2, spoiled=b"{}", without=("items", "sha256"))
    (request,) = deployed.tick("most_played_topic").run_requests or []
    result = deployed.run(request)
    assert result.success
    (failed,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert (failed.check_name, failed.severity) == ("no_dead_letters", dg.AssetCheckSeverity.ERROR)
    record = deployed.lake.raw(SOURCE).record(RawRecord, KEYS[1])
    assert record is not None
    (batch,) = record.batches
    assert (batch.published, batch.landed, batch.dead_letters) == (2, 1, 1)
    assert deployed.dead_letters() == [b"{}"]


@pytest.mark.kafka
def test_landing_is_tried_again(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka or the storage may be away for a moment then, too."""
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
def test_fetching_is_tried_again(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as is allowed: once here, as the client has waited long enough for a test."""
    monkeypatch.setattr(failures, "RETRIES", dg.RetryPolicy(max_retries=1))
    today = f"{TODAY:%Y-%m-%d}"
    result = deployed.run(dg.RunRequest(partition_key=today, asset_selection=RAW), raise_on_error=False)
    failed = next(iter(result.filter_events(lambda event: event.is_step_failure)))
    (again,) = result.filter_events(lambda event: event.is_step_up_for_retry)
    assert failed.step_key == again.step_key == "most_played__raw.publish_most_played"


@pytest.mark.kafka
def test_a_batch_that_a_run_is_landing_is_left_to_it(deployed: Deployed) -> None:
    """Our own runs publish, too: their batches are seen between publishing and landing."""
    deployed.publish(KEYS[1])
    run = deployed.instance.add_run(
        dg.DagsterRun("daily", tags={"dagster/partition": KEYS[1]}, status=dg.DagsterRunStatus.STARTED)
    )
    busy = deployed.tick("most_played_topic")
    assert not busy.run_requests
    assert KEYS[1] in (busy.skip_message or "")
    deployed.instance.delete_run(run.run_id)
    assert len(deployed.tick("most_played_topic", busy.cursor).run_requests or []) == 1


@pytest.mark.kafka
def test_half_a_batch_is_waited_for_and_then_given_up(deployed: Deployed) -> None:
    """A producer without transactions may be seen between its records, or die between them."""
    ensure_topics(deployed.settings, SOURCE)
    sent = two_of(KEYS[1])
    _send(deployed.settings, sent[:1], total=2)
    half = deployed.tick("most_played_topic")
    assert not half.run_requests
    assert offsets_of(half) == {}
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    late = deployed.tick("most_played_topic")
    assert not late.run_requests
    assert sum(offsets_of(late).values()) > 0
    _send(deployed.settings, sent[1:], total=2)
    deployed.clock.move_to(TODAY)
    (request,) = deployed.tick("most_played_topic", half.cursor).run_requests or []
    assert deployed.run(request).success
    assert deployed.batches(KEYS[1]) == [sent[0].batch_id]


@pytest.mark.kafka
def test_a_record_dated_ahead_of_now_holds_nothing_up(deployed: Deployed) -> None:
    """On a topic that takes times from producers: half a batch of next year is not waited for until then."""
    topic = topic_of(deployed.settings, SOURCE)
    any_time = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
    _create_topic(deployed.settings, topic, any_time)
    ahead = int((TODAY + timedelta(days=400)).timestamp() * 1000)
    _send(deployed.settings, two_of(KEYS[1])[:1], total=2, timestamp_ms=ahead)
    tick = deployed.tick("most_played_topic")
    assert sum(offsets_of(tick).values()) == 1


@pytest.mark.kafka
def test_our_topics_date_records_themselves(deployed: Deployed) -> None:
    """By its producer's time retention would delete the one at once, and the other never."""
    ensure_topics(deployed.settings, SOURCE)
    for moment in (1, int((TODAY + timedelta(days=400)).timestamp() * 1000)):
        _send(deployed.settings, two_of(KEYS[1])[:1], total=2, timestamp_ms=moment)
    with topic_reader(deployed.settings, topic_of(deployed.settings, SOURCE)) as reader:
        times = [message.timestamp / 1000 for message in reader.everything({})]
    assert len(times) == 2
    assert all(abs(time - datetime.now(UTC).timestamp()) < 600 for time in times)


@pytest.mark.kafka
def test_the_same_records_and_batches_are_warned_of_once(deployed: Deployed, capfd: pytest.CaptureFixture[str]) -> None:
    """However many ticks see them, because a batch before them is incomplete."""
    ensure_topics(deployed.settings, SOURCE)
    dead = two_of(KEYS[0])
    _send(deployed.settings, dead[:1], total=2)
    deployed.publish("2031-01-01")
    for junk in (b"one", b"two"):
        deployed.send_junk(junk)
    deployed.clock.move_to(datetime.now(UTC) + timedelta(minutes=59))
    tick = deployed.tick("most_played_topic")
    first = capfd.readouterr().err.splitlines()
    assert sum("2 messages" in line for line in first) == 1
    assert sum("2031-01-01" in line for line in first) == 1
    again = deployed.tick("most_played_topic", tick.cursor)
    assert (offsets_of(tick), offsets_of(again)) == ({}, {}), "the half batch holds the cursor"
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    deployed.tick("most_played_topic", again.cursor)
    later = [line for line in capfd.readouterr().err.splitlines() if "WARNING" in line]
    assert [line for line in later if "messages" in line or "2031" in line] == []
    assert sum(dead[0].batch_id in line for line in later) == 1


@pytest.mark.kafka
def test_a_damaged_record_is_alerted_of_once_and_the_other_batches_land(
    deployed: Deployed, broker: EmbeddedBroker, capfd: pytest.CaptureFixture[str]
) -> None:
    """Though a half batch before it holds the cursor, and the webhook of the alert is down."""
    deployed.lake.settings = deployed.settings.model_copy(
        update={"alert_webhook_url": SecretStr(f"{NOBODY}/hook-token")}
    )
    topic = topic_of(deployed.settings, SOURCE)
    ensure_topics(deployed.settings.model_copy(update={"kafka_topic_partitions": 1}), SOURCE)
    _send(deployed.settings, two_of(KEYS[0])[:1], total=2)
    lost, good = two_of(KEYS[0]), two_of(KEYS[1])
    _send(deployed.settings, lost, total=2)
    _send(deployed.settings, good, total=2)
    path = segment(broker.folder, topic)
    bad = [*stored_batches(path)][2]
    damage(path, bad.place + bad.size - 9, 1)
    tick = deployed.tick("most_played_topic")
    assert [request.partition_key for request in tick.run_requests or []] == [KEYS[1]]
    logged = capfd.readouterr().err
    assert f"Kafka's log is damaged: {topic}/0 offsets [2, 3)" in logged
    assert "STEAM_ALERT_WEBHOOK_URL could not be reached" in logged and "hook-token" not in logged
    again = deployed.tick("most_played_topic", tick.cursor)
    assert offsets_of(again) == {}
    assert "damaged" not in capfd.readouterr().err
    assert deployed.run((tick.run_requests or [])[0]).success
    assert deployed.batches(KEYS[1]) == [good[0].batch_id]


def _create_topic(settings: Settings, topic: str, configs: dict[str, str]) -> None:
    async def create() -> None:
        client = AIOKafkaAdminClient(**connection(settings))
        await client.start()
        await client.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
        await client.close()

    with kafka_loop() as loop:
        loop.run(create())


def _send(
    settings: Settings,
    sent: Sequence[Envelope],
    *,
    total: int,
    spoiled: bytes | None = None,
    without: Sequence[str] = (),
    timestamp_ms: int | None = None,
) -> None:
    """To the source's topic; ``spoiled`` takes the place of each value, headers named in ``without`` are not set."""
    first = sent[0]
    writer = HeaderWriter(source=first.source, partition_key=first.partition_key, batch_id=first.batch_id, total=total)

    async def send() -> None:
        async with AIOKafkaProducer(**connection(settings)) as producer:
            for one in sent:
                value = one.to_bytes()
                headers: Any = [header for header in writer.headers(one, value) if header[0] not in without]
                place: Any = {"key": key_of(one), "headers": headers, "timestamp_ms": timestamp_ms}
                await producer.send_and_wait(topic_of(settings, SOURCE), spoiled or value, **place)

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
        by_source = [f"{s}_{k}" for s in ("news", "reviews") for k in ("topic", "uncleaned")]
        for name in ["failure_alerts", "check_alerts", *by_source]:
            running = made.resolve_sensor_def(name).default_status is dg.DefaultSensorStatus.RUNNING
            assert running is automation
        schedule = made.resolve_schedule_def("health_checks_schedule")
        assert (schedule.default_status is dg.DefaultScheduleStatus.RUNNING) is automation
