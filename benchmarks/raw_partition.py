"""Writes raw partitions without Kafka, as landing would; for benchmarks and tests.

Belongs here: one batch of envelopes, from rows to the commit. Does not belong here: generating envelopes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from steam_assets.ingestion.landing import envelope_row
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.lake import Lake
from steam_assets.lake.parquet_files import Written
from steam_assets.lake.raw_tables import commit_batch, write_batch
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import Batch, RawRecord
from steam_assets.sources.source import Source

LANDED_AT = datetime(2026, 11, 18, 21, tzinfo=UTC)


def put_batch(lake: Lake, source: Source, key: str, batch_id: str, envelopes: Iterable[Envelope]) -> RawRecord:
    """Write a batch as one file and commit it; returns the partition's record."""
    raw, items = lake.raw(source), Counter[str]()
    written = write_batch(raw, batch_id, counted_rows(envelopes, items))
    return commit_batch(raw, key, batch_of(batch_id, [written], items), [*written.files])


def counted_rows(envelopes: Iterable[Envelope], items: Counter[str]) -> Iterator[dict[str, object]]:
    """Rows of a raw table; adds each envelope's items to ``items``."""
    for envelope in envelopes:
        items.update(envelope.items)
        yield envelope_row(envelope, None, None, None)


def batch_of(batch_id: str, written: Iterable[Written], items: Counter[str]) -> Batch:
    """The ledger entry of a batch with these files."""
    parts = list(written)
    stored = sum((part.stored for part in parts), Stored())
    size = sum(part.size for part in parts)
    return Batch.without_kafka(batch_id, stored, items, size=size, landed_at=LANDED_AT)
