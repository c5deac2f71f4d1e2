"""The partitions that a run was launched for.

Belongs here: reading them, and refusing those that do not exist. Does not belong here: which runs work on a partition
(run_status.py).
"""

from __future__ import annotations

import dagster as dg

from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.orchestration.run_status import PARTITION
from steam_assets.sources.cadence import Cadence


def run_partitions(context: dg.OpExecutionContext | dg.AssetExecutionContext, cadence: Cadence) -> list[str]:
    """The run's partition keys, oldest first.

    A permanent failure if its tags name none, or one that does not exist: Dagster would take the next one instead.
    """
    named = [context.run.tags[tag] for tag in (PARTITION, RANGE_START, RANGE_END) if tag in context.run.tags]
    if not named:
        raise permanent("the run was launched without a partition; launch it again with one")
    try:
        for key in named:
            cadence.window(key)
    except ValueError as error:
        raise permanent(f"{error}; launch the run again with a partition that exists") from error
    first = cadence.first
    if min(named) < first:
        raise permanent(f"{min(named)} is before the first partition, {first}; launch the run again with a later one")
    keys = sorted(context.partition_keys)
    if not keys:
        raise permanent(
            f"the range {' to '.join(named)} has no partitions; launch the run again with the older one first"
        )
    return keys
