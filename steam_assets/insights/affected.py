"""Which partitions of insights are to be computed anew once clean partitions changed, and which they are computed from.

Belongs here: the way between clean partitions and insights' partitions. Does not belong here: noticing a change.

A period is computed only if a clean table of the insight's own cadence has it on record. So a day that was never
collected stays a gap and no empty partition is made for it; the present week waits for its end, when its own tables
come; and an insight outlives clean rows that housekeeping cleared.
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
    """Keys to compute by insight name, oldest first, those with none left out. ``changed`` is keys by clean table."""
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
