"""A deployment whose sources are unreachable, so that sensors and runs find data only in Kafka or in a folder.

Belongs here: the deployment, and producers other than ours. Does not belong here: assertions.
"""

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

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.kafka.connection import (
    connection,
    dead_letter_topic_of,
    ensure_topics,
    kafka_loop,
    topic_of,
)
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter, key_of
from steam_assets.kafka.producer import publish
from steam_assets.kafka.topic_reader import topic_reader
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.kafka.kafka_batches import envelopes, new_batch_id

SOURCE = source_named("most_played")
WEEKLY = source_named("top_sellers")
RAW = [dg.AssetKey([SOURCE.name, "raw"]), dg.AssetKey([SOURCE.name, "raw_backup"])]
TODAY = datetime.now(UTC).replace(microsecond=0)
KEYS = [f"{TODAY - timedelta(days=days):%Y-%m-%d}" for days in (2, 1)]
NOBODY = "http://127.0.0.1:9"


def two_of(key: str) -> list[Envelope]:
    """A batch of two envelopes from a collector that fetched on the day itself."""
    asked = SOURCE.cadence.window(key).start + timedelta(hours=12) if key in KEYS else TODAY
    made = envelopes(SOURCE, new_batch_id(), [50, 60], partition_key=key)
    return [chart_in(envelope, asked, ranks=envelope.sequence + 1) for envelope in made]


def chart_in(envelope: Envelope, asked: datetime, *, ranks: int) -> Envelope:
    """The envelope of a chart that Steam counted at ``moment``."""
    listed = [{"rank": rank, "appid": 10 * rank} for rank in range(1, ranks + 1)]
    body = json.dumps({"response": {"last_update": int(asked.timestamp()), "ranks": listed}})
    changes = {"body": body, "sha256": hashlib.sha256(body.encode()).hexdigest(), "fetched_at": asked}
    return envelope.model_copy(update=changes | {"items": {SOURCE.name: ranks}})


class Deployed:
    """A deployment whose sources are unreachable; its data comes from Kafka or from a folder."""

    def __init__(self, home: Path, kafka: str, instance: dg.DagsterInstance) -> None:
        prefix = f"test-{uuid4().hex[:12]}"
        own = Settings(home=home, kafka_bootstrap_servers=kafka, kafka_topic_prefix=prefix)
        self.settings = served_by(own, NOBODY, 1.0)
        self.clock = Clock(TODAY)
        self.lake = Lake(self.settings)
        self.defs = build_defs(settings=self.settings, resource_overrides={"lake": self.lake, "clock": self.clock})
        self.instance = instance

    def publish(self, key: str) -> str:
        """Publish a batch of two envelopes as another collector would; return its ID."""
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
        """Record a finished run for this request, as the daemon would."""
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


def create_topic(settings: Settings, topic: str, configs: dict[str, str]) -> None:
    async def create() -> None:
        client = AIOKafkaAdminClient(**connection(settings))
        await client.start()
        await client.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
        await client.close()

    with kafka_loop() as loop:
        loop.run(create())


def send(
    settings: Settings,
    sent: Sequence[Envelope],
    *,
    total: int,
    spoiled: bytes | None = None,
    without: Sequence[str] = (),
    timestamp_ms: int | None = None,
) -> None:
    """Send to the source's topic, with ``spoiled`` in place of each value and without the headers in ``without``."""
    first = sent[0]
    writer = HeaderWriter(source=first.source, partition_key=first.partition_key, batch_id=first.batch_id, total=total)

    async def send() -> None:
        async with AIOKafkaProducer(**connection(settings)) as producer:
            for one in sent:
                value = one.to_bytes()
                headers: Any = [
                    header
                    for header in writer.headers(one, hashlib.sha256(value).hexdigest())
                    if header[0] not in without
                ]
                place: Any = {"key": key_of(one), "headers": headers, "timestamp_ms": timestamp_ms}
                await producer.send_and_wait(topic_of(settings, SOURCE), spoiled or value, **place)

    with kafka_loop() as loop:
        loop.run(send())
