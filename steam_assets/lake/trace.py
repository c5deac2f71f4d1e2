"""From a clean row to the answer it was read from: snapshot, request, moment, bytes, and place in Kafka.

Belongs here: following the columns by which rows name their origin. Does not belong here: printing (commands/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyiceberg.expressions import And, BooleanExpression, In

from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import CleanRecord, RawRecord
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import Source, Table

ANSWER = (
    *("request", "url", "status", "app_id", "fetched_at", "sha256", "provenance"),
    *("batch_id", "sequence", "topic", "kafka_partition", "kafka_offset"),
)


@dataclass(frozen=True)
class Version:
    """A commit that changed a partition: its snapshot and moment (UTC), and whether readers see it now."""

    snapshot_id: int
    committed_at: datetime
    operation: str
    current: bool


@dataclass(frozen=True)
class Trace:
    """A clean partition's record, its versions, and each answer with the number of rows that were read from it."""

    table: str
    record: CleanRecord
    raw: RawRecord | None
    versions: tuple[Version, ...]
    answers: tuple[dict[str, Any], ...]


def trace(lake: Lake, source: Source, table: Table, key: str, app_id: int | None = None) -> Trace | None:
    """Where the rows of a partition (of one app, by default all) came from; None if it was never cleaned."""
    clean = lake.clean(table)
    record = clean.record(CleanRecord, key)
    if record is None:
        return None
    names = [column.name for column in clean.columns]
    columns = tuple(name for name in ("source_sha256", "app_id", "changes") if name in names)
    rows = clean.arrow([key], columns)
    found = [row for row in (rows.to_pylist() if rows else []) if app_id is None or row.get("app_id") == app_id]
    answers = list(_answers(lake.raw(source), key, {row["source_sha256"] for row in found}))
    for answer in answers:
        of_answer = [row for row in found if row["source_sha256"] == answer["sha256"]]
        answer["rows"] = len(of_answer)
        answer["changes"] = sorted({change for row in of_answer for change in row["changes"] or ()})
    raw = lake.raw(source).record(RawRecord, key)
    return Trace(clean.identifier, record, raw, tuple(versions(clean, key)), tuple(answers))


def versions(table: IcebergTable, key: str) -> Iterator[Version]:
    """The commits to a partition that Iceberg still knows, oldest first; housekeeping expires old ones."""
    loaded = table.load()
    current = loaded.current_snapshot() if loaded else None
    newest = None
    found = []
    for snapshot in sorted(loaded.snapshots(), key=lambda one: one.timestamp_ms) if loaded else []:
        summary = snapshot.summary
        if summary and key in str(summary.additional_properties.get("steam.partitions", "")).split(","):
            moment = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
            found.append((snapshot.snapshot_id, moment, summary.operation.value))
            newest = snapshot.snapshot_id
    for snapshot_id, moment, operation in found:
        yield Version(snapshot_id, moment, operation, current is not None and snapshot_id == newest)


def raw_rows(table: IcebergTable, key: str, app_id: int | None = None) -> Iterator[dict[str, Any]]:
    """The envelopes of a raw partition, one app's or all, as they rest; a few in memory at a time."""
    where: BooleanExpression = of_partitions([key])
    for batch in table.rows(where):
        for row in batch.to_pylist():
            if app_id is None or row["app_id"] == app_id:
                yield row


def _answers(raw: IcebergTable, key: str, digests: set[str]) -> Iterator[dict[str, Any]]:
    loaded = raw.load()
    if loaded is None or not digests:
        return
    where = And(of_partitions([key]), In("sha256", sorted(digests)))  # pyright: ignore[reportCallIssue]
    yield from loaded.scan(row_filter=where, selected_fields=ANSWER).to_arrow().to_pylist()


@dataclass(frozen=True)
class Reads:
    """A clean partition that a derived partition was computed from; ``record`` is None where there was none."""

    table: str
    partition_key: str
    record: CleanRecord | None


def reads(lake: Lake, sources: Sequence[Source], spans: Mapping[str, Window]) -> list[Reads]:
    """The clean partitions of tables that lie, in part, in a span of time each; gaps are named too."""
    found: list[Reads] = []
    for source in sources:
        for table in source.tables:
            if span := spans.get(table.name):
                records = lake.clean(table).records(CleanRecord)
                last = source.cadence.containing(span.end - timedelta(seconds=1)).key
                windows = source.cadence.between(source.cadence.containing(span.start).key, last)
                found += [Reads(table.name, window.key, records.get(window.key)) for window in windows]
    return found
