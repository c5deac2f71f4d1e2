"""Landing for tests of this room: batches with lines that can be told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from steam_assets.lake.manifest import LandedBatch, RawFile
from steam_assets.lake.raw_store import RawStore, raw_file_name

SOURCE = "news"
KEY = "2026-01-06"
TOPIC = "steam.news.v1"


def batch_of(*files: RawFile, number: int = 1) -> LandedBatch:
    records = sum(file.records for file in files)
    return LandedBatch(
        batch_id=f"{number:032x}",
        receipt=None,
        files=files,
        fetched=records,
        published=records,
        landed=records,
        items={"news": records},
    )


def lines_of(number: int, count: int = 20) -> list[bytes]:
    """Lines that do not pack to nothing, different for each number."""
    return [
        f'{{"n":{i},"body":"{hashlib.sha256(f"{number}/{i}".encode()).hexdigest()}"}}'.encode() for i in range(count)
    ]


def land(raw: RawStore, *, number: int = 1, key: str = KEY, files: Sequence[int] = (0, 1)) -> LandedBatch:
    """Land a batch of one file a Kafka partition."""
    written = [
        raw.write_file(SOURCE, key, raw_file_name(TOPIC, partition, number * 100), lines_of(number * 10 + partition))
        for partition in files
    ]
    batch = batch_of(*written, number=number)
    raw.commit(SOURCE, key, batch)
    return batch
