"""Land rows in raw tables: envelopes of a batch, and set-aside data; each batch is committed exactly once.

Belongs here: from envelopes to rows, the commit of a batch. Does not belong here: reading Kafka (ingestion/), copies
(backup.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from steam_assets.failpoints import failpoint
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable, of_batches, retry_on_contention
from steam_assets.lake.parquet_files import Written
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import Batch, RawRecord

BATCH_BYTES = 4 << 20
"""Approximate size of the rows buffered before they are written to a file."""


def write_batch(table: IcebergTable, batch_id: str, rows: Iterable[Mapping[str, object]]) -> Written:
    """Write rows to files of the table, not yet visible."""
    written = table.write(_batches(table, rows), batch_id)
    failpoint("land:after_files")
    return written


def commit_batch(table: IcebergTable, partition_key: str, batch: Batch, files: Sequence[str]) -> RawRecord:
    """Add a batch to its partition. If it is already there, intact, it stays, and the new files become orphans.

    If files of the partition are missing, the batch's rows are replaced with ``files``.

    Raises ValueError if the partition has a batch with that id but other content; Contention after losing for five
    minutes.
    """

    def change() -> RawRecord:
        now = table.pinned()
        record = now.record(RawRecord, partition_key) or RawRecord(table=table.name, partition_key=partition_key)
        if held := next((b for b in record.batches if b.batch_id == batch.batch_id), None):
            if held.content != batch.content:
                raise ValueError(
                    f"{table.name} {partition_key} already has a batch {batch.batch_id} of {held.content.rows} rows, "
                    f"with other content than the {batch.content.rows} new rows; see `steam-assets trace`"
                )
            if not now.is_whole(partition_key):
                again = of_batches(partition_key, [batch.batch_id])
                now.commit({partition_key: record}, remove=again, add=files)
            return record
        made = record.with_batches((batch,))
        ranges = batch.receipt.ranges if batch.receipt else ()
        offsets = {"steam.offsets": ",".join(f"{r.partition}:{r.start}-{r.end}" for r in ranges)} if ranges else {}
        summary = {"steam.batch-id": batch.batch_id, "steam.rows": str(batch.landed), **offsets}
        now.commit({partition_key: made}, add=files, summary=summary)
        return made

    record = retry_on_contention(change)
    failpoint("land:after_commit")
    return record


def exclude_batch(table: IcebergTable, partition_key: str, batch_id: str, reason: str | None, now: datetime) -> bool:
    """Exclude a batch from cleaning, landed or not, or include it again (``reason`` None); its rows are unchanged.

    ``now`` is aware. Returns whether that changed anything. Raises LookupError if a batch to include was never landed.
    """

    def change() -> bool:
        table.create()
        held = table.pinned()
        record = held.record(RawRecord, partition_key) or RawRecord(table=table.name, partition_key=partition_key)
        known = next((batch for batch in record.batches if batch.batch_id == batch_id), None)
        if reason is None and (known is None or known.published == 0):
            raise LookupError(f"{table.name} {partition_key} has no rows of a batch {batch_id}")
        if known is not None and (known.excluded is None) == (reason is None):
            return False
        batch = known or Batch.without_kafka(batch_id, Stored(), {}, landed_at=now, provenance="not landed")
        marked = batch.model_copy(update={"excluded": reason})
        others = record.batches if known else (*record.batches, batch)
        batches = tuple(marked if one.batch_id == batch_id else one for one in others)
        held.commit({partition_key: record.model_copy(update={"batches": batches})})
        return True

    return retry_on_contention(change)


def put_aside(table: IcebergTable, source: str, partition_key: str, aside: Sequence[Aside], now: datetime) -> int:
    """Store invalid data as bytes, in one commit; return the number of new entries. ``now`` is aware."""
    known = kept_aside(table, partition_key)
    new = [one for one in aside if one.id not in known]
    if not new:
        return 0
    batch_id = hashlib.sha256("".join(sorted(one.id for one in new)).encode()).hexdigest()[:32]
    written = write_batch(table, batch_id, (one.row(source, partition_key, batch_id) for one in new))
    batch = Batch.without_kafka(batch_id, written.stored, {}, size=written.size, landed_at=now, provenance="set aside")
    commit_batch(table, partition_key, batch, written.files)
    return len(new)


@dataclass(frozen=True)
class Aside:
    """Bytes that are not a valid envelope: ``name`` is their origin, ``reason`` why they are unusable."""

    name: str
    value: bytes
    reason: str
    details: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        return hashlib.sha256(self.name.encode() + b"\0" + self.value).hexdigest()

    def row(self, source: str, partition_key: str, batch_id: str) -> dict[str, object]:
        return {
            "source": source,
            "partition_key": partition_key,
            "batch_id": batch_id,
            "id": self.id,
            "name": self.name,
            "value": self.value,
            "sha256": hashlib.sha256(self.value).hexdigest(),
            "reason": self.reason,
            "details": self.details or {},
        }


def kept_aside(table: IcebergTable, partition_key: str) -> set[str]:
    """Ids of the entries set aside before."""
    rows = table.arrow([partition_key], ("id",))
    return {row["id"] for row in rows.to_pylist()} if rows else set()


def _batches(table: IcebergTable, rows: Iterable[Mapping[str, object]]) -> Iterator[pa.RecordBatch]:
    """Convert rows to Arrow, a few MB at a time; missing values become null."""
    schema = arrow_schema(table.create())
    held, size = list[Mapping[str, object]](), 0
    for row in rows:
        held.append(row)
        content = row.get("body") or row.get("value")
        size += 500 + (len(content) if isinstance(content, str | bytes) else 0)
        if size >= BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(held, schema)
            held, size = [], 0
    if held:
        yield pa.RecordBatch.from_pylist(held, schema)
