"""Publishing and landing, compared with a plain aiokafka loop that produces and consumes the same messages.

Run: python -m benchmarks.kafka_rate
Both use one idempotent, transactional producer (so acks=all), zstd, batches of the same size and read_committed. The
plain loop gets prepared messages, counts what it consumes, checks nothing and writes no file. To show how much of the
difference is compression, it also runs with each value written to a gzip file.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.measured import Bound, Comparison, print_comparisons, rounds, seconds_of, working_folder
from benchmarks.raw_partition import LANDED_AT
from benchmarks.review_pages import PAGE_LENGTH, envelopes
from steam_assets.ingestion.landing import land
from steam_assets.kafka.connection import MAX_RECORD_BYTES, ensure_topics, topic_of
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter, key_of
from steam_assets.kafka.producer import BATCH_BYTES, publish
from steam_assets.kafka.topic_reader import FETCH_BYTES
from steam_assets.lake.lake import Lake
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.sources import source_named

KEY = "2026-11-10"
SOURCE = source_named("reviews")
SMALL_TEXT_CHARACTERS = 100
GZIP_LEVEL = 6
OURS = "publish + land"
LIMIT = Bound(1.25)

Record = tuple[bytes, bytes, list[tuple[str, bytes | None]]]
"""Key, value, headers."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000, help="Messages with a page of 100 reviews each.")
    parser.add_argument("--small", type=int, default=20_000, help="Messages of less than 1 kB.")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print_comparisons(compared(asked.pages, asked.small, asked.rounds))


def compared(pages: int, small: int, count: int) -> list[Comparison]:
    """The comparisons for messages of both sizes, on a separate broker."""
    with working_folder("kafka") as home, EmbeddedBroker(home / "kafka", free_port()) as broker:
        settings = Settings(home=home, kafka_bootstrap_servers=broker.address)
        ensure_topics(settings, SOURCE)
        whole = list(envelopes(KEY, range(pages)))
        short = [shortened(page, sequence) for sequence, page in enumerate(repeated(whole, small))]
        return [*measure(settings, "pages", whole, count), *measure(settings, "small messages", short, count)]


def repeated(pages: Sequence[Envelope], count: int) -> list[Envelope]:
    return [pages[number % len(pages)] for number in range(count)]


def shortened(page: Envelope, sequence: int) -> Envelope:
    """A page with a single short review."""
    answer = json.loads(page.body)
    review = answer["response"]["reviews"][sequence % PAGE_LENGTH]
    answer["response"]["reviews"] = [review | {"review": review["review"][:SMALL_TEXT_CHARACTERS]}]
    body = json.dumps(answer, ensure_ascii=False)
    changed = {"body": body, "sha256": hashlib.sha256(body.encode()).hexdigest(), "items": page.items | {"reviews": 1}}
    return page.model_copy(update={"sequence": sequence, **changed})


def measure(settings: Settings, name: str, batch: Sequence[Envelope], count: int) -> list[Comparison]:
    """Publish and land a batch, and send it through two loops, in alternating rounds."""
    own, bare = _Own(settings, batch), _Bare(settings, batch)
    ways: dict[str, Callable[[], float]] = {
        OURS: own.round,
        "loop that counts them": lambda: seconds_of(lambda: asyncio.run(bare.round())),
        "loop that keeps the same bytes": lambda: seconds_of(lambda: asyncio.run(bare.round(into_files=True))),
    }
    # The first round of each includes imports and the topic's first segment.
    rounds(ways, 1)
    taken = rounds(ways, count)
    size = sum(len(value) for _, value, _ in bare.records)
    work = f"publish and land {len(batch):,} {name} of {size / len(batch) / 1e3:.1f} kB"
    return [Comparison(work, f"a {way}", taken[OURS], taken[way], LIMIT) for way in ways if way != OURS]


@dataclass
class _Own:
    """The product: a new batch per round, so that each is landed in separate files."""

    settings: Settings
    batch: Sequence[Envelope]

    def __post_init__(self) -> None:
        self.lake = Lake(self.settings)

    def round(self) -> float:
        batch_id = uuid4().hex
        batch = [envelope.model_copy(update={"batch_id": batch_id}) for envelope in self.batch]
        total = len(batch)

        def whole() -> None:
            receipt = publish(self.settings, SOURCE, batch, total=total, batch_id=batch_id, partition_key=KEY)
            land(self.lake, SOURCE, receipt, LANDED_AT)

        return seconds_of(whole)


class _Bare:
    """The minimum with aiokafka: send all, commit, read the same number back."""

    def __init__(self, settings: Settings, batch: Sequence[Envelope]) -> None:
        self._settings = settings
        self._topic = topic_of(settings, SOURCE)
        writer = HeaderWriter(source=SOURCE.name, partition_key=KEY, batch_id=batch[0].batch_id, total=len(batch))
        self.records: list[Record] = []
        for envelope in batch:
            value = envelope.to_bytes()
            self.records.append((key_of(envelope), value, writer.headers(envelope, hashlib.sha256(value).hexdigest())))

    async def round(self, *, into_files: bool = False) -> None:
        async with AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_address,
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=20,
        ) as consumer:
            at = [TopicPartition(self._topic, part) for part in range(self._settings.kafka_topic_partitions)]
            consumer.assign(at)
            await consumer.seek_to_end(*at)
            for part in at:
                await consumer.position(part)
            await self._produce()
            with ExitStack() as files:
                sinks = {part: files.enter_context(self._file(part.partition)) for part in at} if into_files else {}
                await self._consume(consumer, sinks)

    def _file(self, partition: int) -> gzip.GzipFile:
        return gzip.GzipFile(self._settings.home / f"bare+{partition}.jsonl.gz", "wb", GZIP_LEVEL)

    async def _produce(self) -> None:
        async with (
            AIOKafkaProducer(
                bootstrap_servers=self._settings.kafka_address,
                transactional_id="bare-loop",
                compression_type="zstd",
                max_batch_size=BATCH_BYTES,
                max_request_size=MAX_RECORD_BYTES,
            ) as producer,
            producer.transaction(),
        ):
            for key, value, headers in self.records:
                await producer.send(self._topic, value, key=key, headers=headers)
            await producer.flush()

    async def _consume(self, consumer: AIOKafkaConsumer, sinks: Mapping[TopicPartition, gzip.GzipFile]) -> None:
        count = size = 0
        while count < len(self.records):
            for at, messages in (await consumer.getmany(timeout_ms=200)).items():
                for message in messages:
                    count += 1
                    size += len(message.value or b"")
                    if at in sinks:
                        sinks[at].write((message.value or b"") + b"\n")
        if size != sum(len(value) for _, value, _ in self.records):
            raise SystemExit("the plain loop received bytes that differ from those sent")


if __name__ == "__main__":
    main()
