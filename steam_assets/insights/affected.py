"""Which insight partitions must be recomputed after clean partitions changed, and which inputs they have.

Belongs here: mapping between clean partitions and insight partitions. Does not belong here: detecting changes.

A period is computed only if the ledger of a clean table with the insight's cadence has it. So a day that was never
collected stays a gap without an empty partition; the current week is computed after its end, when its own tables exist;
and an insight survives the deletion of clean rows by housekeeping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from steam_assets.insights.insight import Insight
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import Source


def affected(
    insights: Sequence[Insight],
    sources: Sequence[Source],
    lake: Lake,
    changed: Mapping[str, Sequence[str]],
    now: datetime,
) -> dict[str, list[str]]:
    """The keys to compute by insight name, oldest first; ``changed`` is by clean table."""
    cadences = {table.name: source.cadence for source in sources for table in source.tables}
    tables = {table.name: table for source in sources for table in source.tables}
    recorded = cache(lambda table: set(lake.clean(tables[table]).records(CleanRecord)))
    found: dict[str, list[str]] = {}
    for insight in insights:
        keys = {
            touched
            for table, partitions in changed.items()
            for key in partitions
            for touched in insight.touched(table, cadences[table].window(key), now)
        }
        own = [needed.table for needed in insight.inputs if cadences.get(needed.table) is insight.cadence]
        if insight.cadence is not None:
            keys &= set().union(*(recorded(table) for table in own))
        if keys:
            found[insight.name] = sorted(keys)
    return found


@dataclass(frozen=True)
class Reads:
    """A clean partition that an insight partition was computed from; ``record`` is None if it did not exist."""

    table: str
    partition_key: str
    record: CleanRecord | None


def reads(lake: Lake, sources: Sequence[Source], spans: Mapping[str, Window]) -> list[Reads]:
    """The clean partitions that overlap each table's time span, including gaps."""
    found: list[Reads] = []
    for source in sources:
        for table in source.tables:
            if span := spans.get(table.name):
                records = lake.clean(table).records(CleanRecord)
                last = source.cadence.containing(span.end - timedelta(seconds=1)).key
                windows = source.cadence.between(source.cadence.containing(span.start).key, last)
                found += [Reads(table.name, window.key, records.get(window.key)) for window in windows]
    return found
