"""A small lake without Spark, with texts and names that must not be in a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa

from steam_assets.insights.declared_tables import DeclaredTable, declared_tables
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Sensitivity

COMMITTED = datetime(2026, 11, 18, 21, 5, tzinfo=UTC)
CANARY = {Sensitivity.PERSON: "CANARY-PERSON", Sensitivity.TEXT: "CANARY-TEXT"}
"""The start of every value of a sensitive column."""
DECLARED = {table.name: table for table in declared_tables(SOURCES)}
DEFAULTS: Mapping[str, object] = {
    "string": "text",
    "bigint": 1,
    "int": 1,
    "double": 0.5,
    "boolean": True,
    "date": date(2026, 11, 10),
    "timestamp": COMMITTED,
    "array<string>": [],
    "array<int>": [],
}

Row = Mapping[str, object]


@dataclass(frozen=True)
class SmallLake:
    """A lake whose partitions are written as by cleaning and insights."""

    lake: Lake

    @property
    def settings(self) -> Settings:
        return self.lake.settings

    def put(self, name: str, key: str, rows: Sequence[Row], *, quarantined: int = 0, files: int = 1) -> None:
        """Replace a partition's rows with ``rows`` in ``files`` files; missing values are made up."""
        table = DECLARED[name]
        target = self.lake.table("clean", name, table.columns, table.description)
        schema = arrow_schema(target.create())
        whole = pa.Table.from_pylist([_filled(table, key, row, number) for number, row in enumerate(rows)], schema)
        step = max(1, -(-len(rows) // files))
        parts = [
            target.write(whole.slice(start, step).to_batches(), f"put{start}") for start in range(0, len(rows), step)
        ]
        written = [address for part in parts for address in part.files]
        stored = sum((part.stored for part in parts), Stored())
        record = None
        if not table.is_insight:
            record = CleanRecord(
                table=name,
                partition_key=key,
                raw_digest="0-0",
                items=len(rows) + quarantined,
                clean=len(rows),
                quarantined=quarantined,
                duplicates=0,
                content=stored.content,
                sha256s=stored.sha256s,
                snapshot_id=1,
                committed_at=COMMITTED,
            )
        target.commit({key: record}, remove=of_partitions([key]), add=written)


def _filled(table: DeclaredTable, key: str, row: Row, number: int) -> dict[str, object]:
    made: dict[str, object] = {}
    for column in table.columns:
        canary = CANARY.get(column.sensitivity)
        made[column.name] = f"{canary} {column.name} {number}" if canary else DEFAULTS[column.type]
    return made | {"partition_key": key} | dict(row)


def fill(small: SmallLake) -> None:
    """Write two months of charts with a gap, a week of reviews and news, and one insight."""
    for day in ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-04"):
        rows = [{"rank": rank, "app_id": rank * 10, "day": date.fromisoformat(day)} for rank in (2, 1, 3)]
        small.put("most_played", day, rows, quarantined=int(day == "2026-11-01"))
    reviews = [{"app_id": 570, "recommendation_id": f"{CANARY[Sensitivity.PERSON]} {n}"} for n in (3, 1, 2)]
    small.put("reviews", "2026-11-10", reviews)
    small.put("review_summary", "2026-11-10", [{"app_id": 570}])
    small.put("news", "2026-11-10", [{"app_id": 570, "gid": "7"}])
    small.put("insight_market_day", "2026-11-04", [{"day": date(2026, 11, 4)}])
    small.put("insight_freshness", "all", [{"source": "most_played", "period": date(2026, 11, 4)}])
