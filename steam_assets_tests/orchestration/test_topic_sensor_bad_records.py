"""Malformed, damaged or misdated messages, and incomplete batches, do not hold up other batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from pydantic import SecretStr

from steam_assets.kafka.connection import (
    ensure_topics,
    topic_of,
)
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.topic_reader import topic_reader
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration import sensors
from steam_assets_tests.kafka.kafka_batches import envelopes, new_batch_id
from steam_assets_tests.kafka.segment_files import damage, segment, stored_batches
from steam_assets_tests.orchestration.kafka_alone import (
    KEYS,
    NOBODY,
    SOURCE,
    TODAY,
    WEEKLY,
    Deployed,
    create_topic,
    deployed,
    offsets_of,
    send,
    two_of,
)

__all__ = ["deployed"]


@pytest.mark.kafka
def test_an_invalid_envelope_is_set_aside_once_before_the_cursor_advances(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Junk and another source's message between batches go to quarantine and to the dead-letter topic."""
    monkeypatch.setattr(sensors, "DEAD_LETTERS_A_TICK", 1)
    ensure_topics(deployed.settings, SOURCE)
    stray = next(envelopes(WEEKLY, new_batch_id(), [50], partition_key="2026-11-10"))
    deployed.send_junk(b"junk")
    send(deployed.settings, [stray], total=1)
    first = deployed.tick("most_played_topic")
    assert (offsets_of(first), len(deployed.dead_letters()), len(deployed.quarantined())) == ({}, 1, 1)
    second = deployed.tick("most_played_topic", first.cursor)
    assert sum(offsets_of(second).values()) == 2
    deployed.tick("most_played_topic")
    assert sorted(deployed.dead_letters()) == sorted(deployed.quarantined()) == sorted([b"junk", stray.to_bytes()])


@pytest.mark.kafka
def test_a_spoiled_record_of_a_batch_fails_a_check_and_the_others_land(deployed: Deployed) -> None:
    """This also holds if the producer leaves out the item-count header."""
    ensure_topics(deployed.settings, SOURCE)
    sent = two_of(KEYS[1])
    send(deployed.settings, sent[:1], total=2)
    send(deployed.settings, sent[1:], total=2, spoiled=b"{}", without=("items", "sha256"))
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
def test_an_incomplete_batch_is_waited_for_and_then_skipped(deployed: Deployed) -> None:
    """A producer without transactions may be between two messages of a batch, or may have died there."""
    ensure_topics(deployed.settings, SOURCE)
    sent = two_of(KEYS[1])
    send(deployed.settings, sent[:1], total=2)
    half = deployed.tick("most_played_topic")
    assert not half.run_requests
    assert offsets_of(half) == {}
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    late = deployed.tick("most_played_topic")
    assert not late.run_requests
    assert sum(offsets_of(late).values()) > 0
    send(deployed.settings, sent[1:], total=2)
    deployed.clock.move_to(TODAY)
    (request,) = deployed.tick("most_played_topic", half.cursor).run_requests or []
    assert deployed.run(request).success
    assert deployed.batches(KEYS[1]) == [sent[0].batch_id]


@pytest.mark.kafka
def test_a_record_with_a_future_timestamp_delays_nothing(deployed: Deployed) -> None:
    """On a topic with producer timestamps, an incomplete batch dated next year is not awaited until then."""
    topic = topic_of(deployed.settings, SOURCE)
    any_time = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
    create_topic(deployed.settings, topic, any_time)
    ahead = int((TODAY + timedelta(days=400)).timestamp() * 1000)
    send(deployed.settings, two_of(KEYS[1])[:1], total=2, timestamp_ms=ahead)
    tick = deployed.tick("most_played_topic")
    assert sum(offsets_of(tick).values()) == 1


@pytest.mark.kafka
def test_a_batch_for_a_day_that_cannot_be_holds_up_no_other(deployed: Deployed) -> None:
    """The first and the last day of the calendar have no windows in which anything could be calculated."""
    for key in ("9999-12-31", "0001-01-01", KEYS[1]):
        deployed.publish(key)
    tick = deployed.tick("most_played_topic")
    assert [request.partition_key for request in tick.run_requests or []] == [KEYS[1]]
    assert sum(offsets_of(tick).values()) > 6


@pytest.mark.kafka
def test_our_topics_set_the_timestamps_of_records(deployed: Deployed) -> None:
    """With producer timestamps, retention would delete some messages at once and others never."""
    ensure_topics(deployed.settings, SOURCE)
    for moment in (1, int((TODAY + timedelta(days=400)).timestamp() * 1000)):
        send(deployed.settings, two_of(KEYS[1])[:1], total=2, timestamp_ms=moment)
    with topic_reader(deployed.settings, topic_of(deployed.settings, SOURCE)) as reader:
        times = [message.timestamp / 1000 for message in reader.everything({})]
    assert len(times) == 2
    assert all(abs(time - datetime.now(UTC).timestamp()) < 600 for time in times)


@pytest.mark.kafka
def test_the_same_records_and_batches_cause_one_warning(deployed: Deployed, capfd: pytest.CaptureFixture[str]) -> None:
    """They are reported once, even if an incomplete batch before them makes many ticks read them."""
    ensure_topics(deployed.settings, SOURCE)
    dead = two_of(KEYS[0])
    send(deployed.settings, dead[:1], total=2)
    deployed.publish("2031-01-01")
    for junk in (b"one", b"two"):
        deployed.send_junk(junk)
    deployed.clock.move_to(datetime.now(UTC) + timedelta(minutes=59))
    tick = deployed.tick("most_played_topic")
    first = capfd.readouterr().err.splitlines()
    assert sum("2 messages" in line for line in first) == 1
    assert sum("2031-01-01" in line for line in first) == 1
    again = deployed.tick("most_played_topic", tick.cursor)
    assert (offsets_of(tick), offsets_of(again)) == ({}, {}), "the incomplete batch holds the cursor"
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    deployed.tick("most_played_topic", again.cursor)
    later = [line for line in capfd.readouterr().err.splitlines() if "WARNING" in line or "ERROR" in line]
    assert [line for line in later if "messages" in line or "2031" in line] == []
    assert sum(dead[0].batch_id in line for line in later) == 1


@pytest.mark.kafka
def test_a_damaged_record_causes_one_alert_and_the_other_batches_land(
    deployed: Deployed, broker: EmbeddedBroker, capfd: pytest.CaptureFixture[str]
) -> None:
    """This holds although an incomplete batch holds the cursor and the alert webhook is down."""
    deployed.lake.settings = deployed.settings.model_copy(
        update={"alert_webhook_url": SecretStr(f"{NOBODY}/hook-token")}
    )
    topic = topic_of(deployed.settings, SOURCE)
    ensure_topics(deployed.settings.model_copy(update={"kafka_topic_partitions": 1}), SOURCE)
    send(deployed.settings, two_of(KEYS[0])[:1], total=2)
    lost, good = two_of(KEYS[0]), two_of(KEYS[1])
    send(deployed.settings, lost, total=2)
    send(deployed.settings, good, total=2)
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


@pytest.mark.kafka
def test_a_batch_that_is_given_up_causes_one_alert(deployed: Deployed, capfd: pytest.CaptureFixture[str]) -> None:
    """A record that is sent again after its batch was landed is not an incomplete batch, and holds up nothing."""
    deployed.lake.settings = deployed.settings.model_copy(
        update={"alert_webhook_url": SecretStr(f"{NOBODY}/hook-token")}
    )
    ensure_topics(deployed.settings, SOURCE)
    dead, good = two_of(KEYS[0]), two_of(KEYS[1])
    send(deployed.settings, good, total=2)
    tick = deployed.tick("most_played_topic")
    assert deployed.run((tick.run_requests or [])[0]).success
    passed = deployed.tick("most_played_topic", tick.cursor)
    send(deployed.settings, good[1:], total=2)
    again = deployed.tick("most_played_topic", passed.cursor)
    assert sum(offsets_of(again).values()) == 3

    send(deployed.settings, dead[:1], total=2)
    deployed.clock.move_to(datetime.now(UTC) + timedelta(hours=2))
    capfd.readouterr()
    late = deployed.tick("most_played_topic", again.cursor)
    logged = capfd.readouterr().err
    assert f"most_played were never finished and are not landed: {dead[0].batch_id} of {KEYS[0]}" in logged
    assert good[0].batch_id not in logged
    assert "STEAM_ALERT_WEBHOOK_URL could not be reached" in logged
    send(deployed.settings, two_of(KEYS[0])[:1], total=2)
    deployed.tick("most_played_topic", late.cursor)
    assert dead[0].batch_id not in capfd.readouterr().err
