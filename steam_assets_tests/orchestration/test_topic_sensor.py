"""Batches published by other producers are landed and cleaned once, without a storm of runs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from steam_assets.kafka.consumer import TopicScan
from steam_assets.ledger.records import OffsetRange, Receipt
from steam_assets.orchestration import sensors
from steam_assets_tests.kafka.kafka_batches import new_batch_id
from steam_assets_tests.orchestration.kafka_alone import (
    KEYS,
    SOURCE,
    TODAY,
    Deployed,
    deployed,
    offsets_of,
)

__all__ = ["deployed"]


@pytest.mark.kafka
def test_batches_of_other_producers_land_under_their_own_partition_once(deployed: Deployed) -> None:
    """Two collectors publish two days, one batch twice.

    One run per day lands exactly its batches; then nothing is requested.
    """
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
    assert sum(offsets_of(first).values()) == 0, "the cursor does not pass an unlanded batch"
    second = deployed.tick("most_played_topic", first.cursor)
    assert not second.run_requests
    assert sum(offsets_of(second).values()) > 6
    assert not deployed.tick("most_played_topic").run_requests, "a landed batch is not requested again"


@pytest.mark.kafka
def test_a_batch_for_an_existing_partition_is_added_to_it(deployed: Deployed) -> None:
    """The source is not asked, and is not even reachable."""
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
def test_a_batch_whose_run_failed_is_requested_again_each_hour(deployed: Deployed) -> None:
    """It is requested until it is landed, however late. Later batches land meanwhile and are not requested again."""
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


def test_the_cursor_is_never_within_a_batch() -> None:
    """If only the end of a landed batch were read again, it would look like an incomplete batch."""

    def batch(*ranges: tuple[int, int, int]) -> Receipt:
        parts = tuple(OffsetRange(partition=part, start=start, end=end) for part, start, end in ranges)
        named = {"source": SOURCE.name, "partition_key": KEYS[0], "batch_id": new_batch_id()}
        return Receipt(**named, cluster_id="c", topic="t", ranges=parts, records=1, items={})

    passed, over, pending = batch((0, 0, 2), (1, 0, 3)), batch((0, 2, 9), (1, 3, 5)), batch((0, 6, 12), (2, 4, 6))
    scan = TopicScan(cluster_id="c", ends={0: 12, 1: 5, 2: 6}, batches=(passed, over, pending))
    cursor = sensors._TopicCursor.before(scan, [pending])
    assert (cursor.cluster_id, cursor.offsets) == ("c", {0: 2, 1: 3, 2: 4})


@pytest.mark.kafka
def test_failed_batches_do_not_keep_others_from_being_requested(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds even with more failed batches than one tick requests."""
    monkeypatch.setattr(sensors, "RUNS_A_TICK", 1)
    for key in KEYS:
        deployed.publish(key)
    (first,) = deployed.tick("most_played_topic").run_requests or []
    deployed.note(first, dg.DagsterRunStatus.FAILURE)
    (second,) = deployed.tick("most_played_topic").run_requests or []
    assert [first.partition_key, second.partition_key] == KEYS


@pytest.mark.kafka
def test_a_batch_that_a_run_is_landing_is_left_to_it(deployed: Deployed) -> None:
    """The product's own runs publish, too; the sensor sees their batches between publishing and landing."""
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
def test_a_cursor_of_another_topic_or_edited_by_hand_is_ignored(deployed: Deployed) -> None:
    """A recreated topic or cluster restarts at offset 0; an old cursor would skip its messages.

    The Dagster UI lets anybody edit the cursor; a tick that failed would fail forever.
    """
    deployed.publish(KEYS[1])
    cursor = json.loads(deployed.tick("most_played_topic").cursor or "")
    beyond = json.dumps(cursor | {"offsets": dict.fromkeys(cursor["offsets"], 10**6)})
    elsewhere = json.dumps(cursor | {"cluster_id": "another"})
    negative = json.dumps(cursor | {"offsets": dict.fromkeys(cursor["offsets"], -1)})
    for stale in (beyond, elsewhere, negative, "garbage", "5", "null", "[]", "{}", '{"offsets": {"a": 1}}'):
        assert len(deployed.tick("most_played_topic", stale).run_requests or []) == 1


@pytest.mark.kafka
@pytest.mark.parametrize("key", ["2031-01-01", "2001-01-01", "2026-02-31"])
def test_a_batch_for_an_unknown_partition_requests_no_run(deployed: Deployed, key: str) -> None:
    """Headers are untrusted: a partition key that Dagster does not know would fail every tick."""
    deployed.publish(key)
    tick = deployed.tick("most_played_topic")
    assert not tick.run_requests
    assert tick.cursor


def test_a_stopped_broker_skips_the_tick_without_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steam_assets.kafka.topic_reader.CONTACT_DEADLINE_SECONDS", 1)
    with dg.DagsterInstance.ephemeral() as instance:
        tick = Deployed(tmp_path / "home", "127.0.0.1:9", instance).tick("most_played_topic", None)
    assert not tick.run_requests
    assert "Kafka at 127.0.0.1:9" in (tick.skip_message or "")
