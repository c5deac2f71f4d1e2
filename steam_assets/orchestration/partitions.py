"""Dagster's partitions definitions for the three cadences, all in UTC.

Belongs here: one definition per cadence, shared by all its assets, so that a range of one is a range of all.
Does not belong here: the windows themselves (sources/cadence.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Tags of a run over a range of partitions."""

Partitions = dg.DailyPartitionsDefinition | dg.WeeklyPartitionsDefinition | dg.MonthlyPartitionsDefinition


def partitions_by_cadence(sources: Iterable[Source]) -> dict[Cadence, Partitions]:
    """The partitions definition of each cadence that these sources have."""
    return {cadence: _definition(cadence) for cadence in dict.fromkeys(source.cadence for source in sources)}


def _definition(cadence: Cadence) -> Partitions:
    match cadence:
        case Cadence.DAILY:
            # The current day is a partition: a live snapshot is taken during the day it belongs to.
            return dg.DailyPartitionsDefinition(cadence.first, timezone="UTC", end_offset=1)
        case Cadence.WEEKLY:
            return dg.WeeklyPartitionsDefinition(cadence.first, timezone="UTC", day_offset=2)
        case Cadence.MONTHLY:
            return dg.MonthlyPartitionsDefinition(cadence.first, timezone="UTC")
