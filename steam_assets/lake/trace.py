"""Trace a clean row to the response it was read from: snapshot, request, time, bytes and position in Kafka.

Belongs here: following the columns that name a row's origin. Does not belong here: printing (commands/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict, cast

from pyiceberg.table.snapshots import ancestors_of

from steam_assets.lake.iceberg_table import PARTITIONS, IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.sources.source import Source, Table


@dataclass(frozen=True)
class Version:
    """A commit that changed a partition: its snapshot, its time (UTC), and whether it is the current one."""

    snapshot_id: int
    committed_at: datetime
    operation: str
    current: bool


class Answer(TypedDict):
    """A response that rows were read from: its envelope's origin, the number of rows, and what was changed in them."""

    request: str
    url: str
    status: int
    app_id: int | None
    fetched_at: datetime
    sha256: str
    provenance: str
    batch_id: str
    sequence: int
    topic: str | None
    kafka_partition: int | None
    kafka_offset: int | None
    rows: int
    changes: list[str]


@dataclass(frozen=True)
class Trace:
    """A clean partition's record, its versions, and each response with the number of rows read from it."""

    table: str
    record: CleanRecord
    raw: RawRecord | None
    versions: tuple[Version, ...]
    answers: tuple[Answer, ...]


def trace(lake: Lake, source: Source, table: Table, key: str, app_id: int | None = None) -> Trace | None:
    """Trace the rows of a partition (of one app, by default all); None if it was never cleaned."""
    clean = lake.clean(table)
    record = clean.record(CleanRecord, key)
    if record is None:
        return None
    names = [column.name for column in clean.columns]
    columns = tuple(name for name in ("source_sha256", "app_id", "changes") if name in names)
    rows = clean.arrow([key], columns)
    found = [row for row in (rows.to_pylist() if rows else []) if app_id is None or row.get("app_id") == app_id]
    answers = _answers(lake.raw(source), key, {row["source_sha256"] for row in found})
    for answer in answers:
        of_answer = [row for row in found if row["source_sha256"] == answer["sha256"]]
        answer["rows"] = len(of_answer)
        answer["changes"] = sorted({change for row in of_answer for change in row["changes"] or ()})
    raw = lake.raw(source).record(RawRecord, key)
    return Trace(clean.identifier, record, raw, tuple(_versions(clean, key)), tuple(answers))


def _versions(table: IcebergTable, key: str) -> list[Version]:
    """The commits to a partition that were visible and have not expired, oldest first."""
    loaded, found = table.load(), list[Version]()
    for snapshot in ancestors_of(loaded.current_snapshot(), loaded.metadata) if loaded else ():
        if (summary := snapshot.summary) and key in (summary.additional_properties.get(PARTITIONS) or "").split(","):
            moment = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
            found.append(Version(snapshot.snapshot_id, moment, summary.operation.value, current=not found))
    return found[::-1]


def raw_rows(table: IcebergTable, key: str, app_id: int | None = None) -> Iterator[Mapping[str, object]]:
    """The envelopes of a raw partition, for one app or all, a few in memory at a time; maps are dictionaries."""
    for batch in table.rows(key):
        for row in batch.to_pylist():
            if app_id is None or row["app_id"] == app_id:
                yield row | {"headers": dict(row["headers"] or ()), "items": dict(row["items"] or ())}


def _answers(raw: IcebergTable, key: str, digests: set[str]) -> list[Answer]:
    rows = raw.arrow([key], tuple(name for name in Answer.__annotations__ if name not in ("rows", "changes")))
    found = [row for row in rows.to_pylist() if row["sha256"] in digests] if rows else []
    return [cast("Answer", row | {"rows": 0, "changes": []}) for row in found]
