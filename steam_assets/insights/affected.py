"""Which partitions of insights are to be computed anew once clean partitions changed.

Belongs here: the way from changed clean partitions to insights' partitions. Does not belong here: noticing the change.

A period is computed only if a clean table of the insight's own cadence has it on record. So a day that was never
collected stays a gap and no empty partition is made for it; the present week waits for its end, when its own tables
come; and an insight outlives clean rows that housekeeping cleared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from steam_assets.insights.insight import Insight
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import CleanRecord
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
