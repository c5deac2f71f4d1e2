"""A broker killed during publishing, a publisher killed at each of its steps, and a lost leader."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from kafka_batches import KEY, as_found, envelopes, envelopes_of, new_batch_id, new_source, publish_new, read_all

from steam_assets import failpoints
from steam_assets.kafka.connection import KafkaUnavailable, connection, ensure_topics, topic_of
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.producer import RECORDS_PER_SECOND_AT_WORST, publish
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.sources.source import Source
from steam_assets_tests.kafka.broker_cluster import BrokerCluster
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.processes import Program
from steam_assets_tests.waiting import in_time, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.process, pytest.mark.slow]

HERE = Path(__file__).parent


def settings_of(address: str, **more: object) -> Settings:
    return Settings.model_validate({"kafka_bootstrap_servers": address, **more})


def with_event(source: Source, batch_id: str, at: int, total: int, event: threading.Event) -> Iterator[Envelope]:
    for envelope in envelopes(source, batch_id, [3000] * total):
        if envelope.sequence == at:
            event.set()
        yield envelope


def test_a_broker_killed_while_a_batch_is_published_shows_one_whole_batch_after_the_rerun(tmp_path: Path) -> None:
    source = new_source()
    with EmbeddedBroker(tmp_path, free_port()) as broker:
        settings = settings_of(broker.address)
        ensure_topics(settings, source)

        def cut() -> Iterator[Envelope]:
            for envelope in envelopes(source, batch_id, [3000] * 3000):
                if envelope.sequence == 1500:
                    broker.kill()
                yield envelope

        batch_id = new_batch_id()
        with pytest.raises(KafkaUnavailable, match="did not respond"):
            publish(settings, source, cut(), total=3000, batch_id=batch_id, partition_key=KEY, deadline=3)
        broker.start()
        assert find_batches(settings, source) == []
        receipt, sent = publish_new(settings, source, [3000] * 3000)
        assert find_batches(settings, source) == as_found(receipt)
        records, _ = read_all(settings, receipt)
        assert envelopes_of(records) == sent


@pytest.mark.nightly
def test_a_broker_that_comes_back_in_time_loses_nothing(tmp_path: Path) -> None:
    source = new_source()
    with EmbeddedBroker(tmp_path, free_port()) as broker:
        settings = settings_of(broker.address)
        ensure_topics(settings, source)

        def cut() -> Iterator[Envelope]:
            for envelope in envelopes(source, batch_id, [3000] * 3000):
                if envelope.sequence == 1500:
                    broker.kill()
                    broker.start()
                yield envelope

        batch_id = new_batch_id()
        receipt = publish(settings, source, cut(), total=3000, batch_id=batch_id, partition_key=KEY, deadline=40)
        assert find_batches(settings, source) == as_found(receipt)
        assert len(read_all(settings, receipt)[0]) == 3000


DEAD_SECONDS = 10
"""How long Kafka waits for a dead publisher, instead of half a minute."""
PUBLISH_STEPS = [step for step in failpoints.STEPS if step.startswith("publish:")]


def publish_elsewhere_and_die(settings: Settings, source: Source, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish 500 envelopes in another process, which dies at a step."""
    program = (
        "import sys, dataclasses\n"
        "from kafka_batches import new_source, publish_new\n"
        "from steam_assets.kafka import producer\n"
        "from steam_assets.settings import Settings\n"
        f"producer.SHORTEST_TRANSACTION_SECONDS = {DEAD_SECONDS}\n"
        "settings = Settings.model_validate({'kafka_bootstrap_servers': sys.argv[1]})\n"
        "publish_new(settings, dataclasses.replace(new_source(), name=sys.argv[2]), [2000] * 500)\n"
    )
    monkeypatch.setenv(failpoints.VARIABLE, step)
    command = [sys.executable, "-c", program, settings.kafka_address, source.name]
    died = subprocess.run(command, cwd=HERE, timeout=60)
    monkeypatch.delenv(failpoints.VARIABLE)
    assert died.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", rest_nightly(PUBLISH_STEPS))
def test_a_publisher_killed_at_any_step_leaves_a_whole_batch_or_none(
    broker: EmbeddedBroker, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, source = settings_of(broker.address), new_source()
    ensure_topics(settings, source)
    publish_elsewhere_and_die(settings, source, step, monkeypatch)
    found = find_batches(settings, source)
    assert len(found) == (1 if step == "publish:after_commit" else 0)
    assert all(len(read_all(settings, receipt)[0]) == 500 for receipt in found)
    # The rerun ends the transaction that the dead process left open, and is readable at once.
    receipt, _ = publish_new(settings, source, [2000] * 500)
    assert len(read_all(settings, receipt)[0]) == 500


def test_a_dead_publisher_of_another_partition_delays_readers_for_a_bounded_time(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, source = settings_of(broker.address), new_source()
    ensure_topics(settings, source)
    publish_elsewhere_and_die(settings, source, "publish:after_send", monkeypatch)
    receipt, _ = publish_new(settings, source, [100] * 60, partition_key="2026-11-04")
    began, worked = time.monotonic(), time.process_time()
    assert len(read_all(settings, receipt)[0]) == 60
    waited = time.monotonic() - began
    assert in_time(waited, DEAD_SECONDS + 30)
    assert time.process_time() - worked < waited / 4, "it stays paused meanwhile"


async def _leader(settings: Settings, topic: str) -> int:
    client = AIOKafkaAdminClient(**connection(settings))
    await client.start()
    described = await client.describe_topics([topic])
    await client.close()
    return described[0]["partitions"][0]["leader"]


@pytest.mark.nightly
def test_losing_a_leader_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    source, batch_id, halfway = new_source(), new_batch_id(), threading.Event()
    with BrokerCluster(tmp_path, nodes=3) as cluster:
        settings = settings_of(cluster.address, kafka_replication_factor=3, kafka_min_insync_replicas=2)
        ensure_topics(settings, source)
        leader = cluster.node(asyncio.run(_leader(settings, topic_of(settings, source))))

        def cut() -> None:
            halfway.wait(60)
            leader.kill()

        killer = threading.Thread(target=cut)
        killer.start()
        sent = with_event(source, batch_id, 2000, 6000, halfway)
        receipt = publish(settings, source, sent, total=6000, batch_id=batch_id, partition_key=KEY, deadline=60)
        killer.join()
        assert not leader.is_running
        assert find_batches(settings, source) == as_found(receipt)
        records, poisons = read_all(settings, receipt)
        assert sorted(record.sequence for record in records) == list(range(6000))
        assert not poisons


PAUSING = """\
import dataclasses, os, signal, sys
from kafka_batches import KEY, envelopes, new_batch_id, new_source
from steam_assets.kafka import producer
from steam_assets.settings import Settings

address, name, at, pauses = sys.argv[1:]
producer.SHORTEST_TRANSACTION_SECONDS = 2
settings = Settings.model_validate({"kafka_bootstrap_servers": address})
source, batch_id, left = dataclasses.replace(new_source(), name=name), new_batch_id(), [None] * int(pauses)

class Spool:
    def __iter__(self):
        for envelope in envelopes(source, batch_id, [30_000] * 600):
            if envelope.sequence == int(at) and left:
                left.pop()
                os.kill(os.getpid(), signal.SIGSTOP)
            yield envelope

try:
    producer.publish(settings, source, Spool(), total=600, batch_id=batch_id, partition_key=KEY)
except producer.PublishFailed as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(("at", "pauses"), rest_nightly([(400, 2), (400, 1), (0, 1)], several=True))
def test_a_publisher_that_was_suspended_within_a_batch_publishes_it_again(
    broker: EmbeddedBroker, tmp_path: Path, at: int, pauses: int
) -> None:
    """Paused beyond its transaction timeout, the publisher retries once; after a second pause it gives the reason."""
    settings, source = settings_of(broker.address), new_source()
    ensure_topics(settings, source)
    command = [sys.executable, "-c", PAUSING, broker.address, source.name, str(at), str(pauses)]
    timeout = 2 + 600 // RECORDS_PER_SECOND_AT_WORST
    with Program(command, tmp_path / "output.txt", {"PYTHONPATH": str(HERE)}) as publisher:

        def asleep() -> bool | None:
            return True if psutil.Process(publisher.pid).status() == psutil.STATUS_STOPPED else None

        for _ in range(pauses):
            wait_until(asleep, 60, "the publisher's pause")
            # Kafka checks every second for transactions that exceed their timeout.
            threading.Event().wait(timeout + 2)
            publisher.signal(signal.SIGCONT)
        assert publisher.wait(60) == 0, publisher.output
        said = publisher.output
    found = find_batches(settings, source)
    if pauses == 1:
        assert "Traceback" not in said and "TransactionExpired" not in said
        (receipt,) = found
        assert len(read_all(settings, receipt)[0]) == 600
    else:
        assert found == []
        cause = f"this process paused for longer than transaction.timeout.ms ({timeout} s)"
        assert said.index(cause) < said.index("another run")
