"""Shared by the Kafka tests: a source for one test, its envelopes, and a topic's visible messages."""

from __future__ import annotations

import hashlib
import random
import string
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from steam_assets.kafka.consumer import Record, read_batch
from steam_assets.kafka.dead_letters import Poison
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.producer import publish
from steam_assets.ledger.records import Receipt
from steam_assets.settings import Settings
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import History, Source

KEY = "2026-11-03"
ITEMS = {"clean": 2, "summary": 1}


def new_source() -> Source:
    """A source that no other test uses."""
    return Source(
        name="test_" + uuid.uuid4().hex[:12],
        title="Test",
        description="For a test",
        hosts=(),
        cadence=Cadence.DAILY,
        history=History.LIVE,
        requests=("test",),
        extract=lambda ask, fetch_request: iter(()),
        count=lambda window, request, body: ITEMS,
        tables=(),
    )


def new_batch_id() -> str:
    return uuid.uuid4().hex


def text(size: int, seed: int = 0) -> str:
    """Text with about the compression ratio of a page of reviews."""
    chosen = random.Random(seed)
    words = ["".join(chosen.choices(string.ascii_lowercase, k=chosen.randint(2, 9))) for _ in range(4000)]
    page = " ".join(chosen.choices(words, k=min(size, 200_000) // 4 + 1))
    return (page * (size // len(page) + 1))[:size]


def envelopes(
    source: Source, batch_id: str, sizes: Sequence[int], *, partition_key: str = KEY, word: str = ""
) -> Iterator[Envelope]:
    """One envelope per size (characters of its body); every fifth has no app."""
    page = text(max(sizes, default=0))
    for sequence, size in enumerate(sizes):
        body = f"{word}{sequence} {page[:size]} é\u2028"
        yield Envelope(
            source=source.name,
            partition_key=partition_key,
            batch_id=batch_id,
            sequence=sequence,
            request=source.requests[0],
            app_id=None if sequence % 5 == 0 else sequence,
            url="https://example.invalid/",
            status=200,
            headers={"content-type": "application/json"},
            fetched_at=datetime(2026, 11, 3, 12, tzinfo=UTC),
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
            items=ITEMS,
        )


def publish_new(
    settings: Settings, source: Source, sizes: Sequence[int], *, partition_key: str = KEY
) -> tuple[Receipt, list[Envelope]]:
    """Publish a new batch; return its receipt and its envelopes."""
    sent = list(envelopes(source, new_batch_id(), sizes, partition_key=partition_key))
    batch_id = sent[0].batch_id
    receipt = publish(settings, source, sent, total=len(sent), batch_id=batch_id, partition_key=partition_key)
    return receipt, sent


def as_found(*receipts: Receipt) -> list[Receipt]:
    """The receipts as they are when their batches are found in the topic: nobody vouches for the counts."""
    return [receipt.model_copy(update={"digest": None}) for receipt in receipts]


def read_all(settings: Settings, receipt: Receipt) -> tuple[list[Record], list[Poison]]:
    poisons: list[Poison] = []
    return list(read_batch(settings, receipt, on_poison=poisons.append)), poisons


def envelopes_of(records: Sequence[Record]) -> list[Envelope | None]:
    """The envelopes in the messages, in the order sent."""
    return [record.envelope for record in sorted(records, key=lambda record: record.sequence)]
