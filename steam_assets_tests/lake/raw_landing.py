"""Landing for lake tests: batches of a raw table with distinguishable rows, without Kafka.

Belongs here: writing what landing would write. Does not belong here: assertions.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import commit_batch, write_batch
from steam_assets.ledger.records import Batch, RawRecord
from steam_assets.sources import source_named
from steam_assets.sources.source import Source

NEWS = source_named("news")
KEY, LATER = "2026-01-06", "2026-01-13"
NOW = datetime(2026, 11, 18, tzinfo=UTC)


def batch_id(number: int) -> str:
    return f"{number:032x}"


def rows_of(number: int, key: str = KEY, count: int = 20) -> Iterator[dict[str, Any]]:
    """Envelopes that compress poorly and differ for each number."""
    for sequence in range(count):
        body = f'{{"n":"{hashlib.sha256(f"{number}/{sequence}".encode()).hexdigest()}"}}'
        yield {
            "source": NEWS.name,
            "partition_key": key,
            "batch_id": batch_id(number),
            "sequence": sequence,
            "request": "news",
            "app_id": 10 * number + sequence,
            "url": "https://example.org/",
            "status": 200,
            "headers": [("etag", str(number))] if sequence % 2 else [],
            "fetched_at": NOW + timedelta(microseconds=number),
            "sha256": hashlib.sha256(body.encode()).hexdigest(),
            "body": body,
            "items": [("news", 1)],
            "provenance": "live",
            "topic": "steam.news.v1",
            "kafka_partition": sequence % 3,
            "kafka_offset": 100 * number + sequence,
        }


def land(lake: Lake, *, number: int = 1, key: str = KEY, count: int = 20) -> RawRecord:
    """Land a batch of news as the product does, without Kafka."""
    return land_rows(lake, NEWS, key, [*rows_of(number, key, count)], number=number)


def land_rows(lake: Lake, source: Source, key: str, rows: Sequence[Mapping[str, Any]], *, number: int) -> RawRecord:
    table = lake.raw(source)
    items: Counter[str] = Counter()
    for row in rows:
        items.update(dict(row["items"]))
    written = write_batch(table, batch_id(number), rows)
    newest = max((row["fetched_at"] for row in rows), default=None)
    batch = Batch.without_kafka(
        batch_id(number), written.stored, items, size=written.size, fetched_at=newest, landed_at=NOW
    )
    return commit_batch(table, key, batch, written.files)


def sequences(table: IcebergTable, key: str = KEY) -> list[tuple[str, int]]:
    """What readers see of a partition: the batch and sequence number of each row, sorted."""
    rows = table.arrow([key], ("batch_id", "sequence"))
    return sorted((row["batch_id"], row["sequence"]) for row in rows.to_pylist()) if rows else []


def files_of(table: IcebergTable, key: str = KEY) -> list[Path]:
    """The local data files of a partition that readers open."""
    loaded = table.load()
    tasks = loaded.scan(of_partitions([key])).plan_files() if loaded else ()
    return sorted(Path(task.file.file_path) for task in tasks)
