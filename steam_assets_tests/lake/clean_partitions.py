"""Clean partitions for lake tests: rows and their record as cleaning leaves them, without Spark.

Belongs here: writing what cleaning would write. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.ledger.records import CleanRecord
from steam_assets.sources.source import Column, Table
from steam_assets_tests.lake.raw_landing import KEY, NEWS, NOW

THINGS = Table(
    name="things",
    description="Things.",
    columns=(Column("id", "bigint", "Its id.", nullable=False), Column("label", "string", "Its name.")),
    key=("id",),
    items=lambda raw: raw.limit(0),
)
SOURCE = replace(NEWS, tables=(THINGS,))
"""News with one clean table that can be written without Spark."""


def clean(
    lake: Lake,
    rows: Mapping[int, str | None],
    *,
    table: Table = THINGS,
    key: str = KEY,
    sha256: Sequence[str] = (),
    **more: Sequence[Any],
) -> CleanRecord:
    """Replace a partition's rows with ``rows``, labels by ID, and write their record.

    ``sha256`` are the digests of their source responses, ``more`` further columns.
    """
    target = lake.clean(table)
    values = {"id": list(rows), "label": list(rows.values()), **more}
    values |= {"partition_key": [key] * len(rows), "fetched_at": [NOW] * len(rows), "changes": [[]] * len(rows)}
    values["source_sha256"] = [*sha256] or ["0" * 64] * len(rows)
    schema = arrow_schema(target.create())
    named = {name: values[name] for name in schema.names}
    written = target.write(pa.Table.from_pydict(named, schema).to_batches(), "cleaned")
    record = CleanRecord(
        table=table.name,
        partition_key=key,
        raw_digest="0-0",
        items=len(rows),
        clean=len(rows),
        quarantined=0,
        duplicates=0,
        content=written.stored.content,
        sha256s=written.stored.sha256s,
        snapshot_id=len(rows),
        committed_at=NOW,
    )
    target.commit({key: record}, remove=of_partitions([key]), add=written.files)
    return record


def raw_and_clean(lake: Lake) -> list[Twins[Any]]:
    return [lake.raw_twins(SOURCE), lake.clean_twins(SOURCE, THINGS)]


def labels(lake: Lake, *, table: Table = THINGS, key: str = KEY) -> dict[int, str | None]:
    """The labels that readers see."""
    rows = lake.clean(table).arrow([key], ("id", "label"))
    return {row["id"]: row["label"] for row in rows.to_pylist()} if rows else {}
