"""What sensors and standing checks ask of the instance: which partitions are being worked on, and which failed.

Belongs here: questions about runs. Does not belong here: the sensors (sensors.py), the state of the data (lake/).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.sources.source import Source

PARTITION = "dagster/partition"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
MOST_RUNS = 500
"""Runs looked at; more than that at once, or in a month, is no state of a deployment that works."""


class Activity:
    """The runs that are queued or going on, as they stand now."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=MOST_RUNS)

    def works_on(self, source: Source, partition_key: str) -> bool:
        """Whether a run is about to do something with a partition of the source."""
        return any(_concerns(run, source) and _covers(run.tags, partition_key) for run in self._runs)


def failed_partitions(instance: dg.DagsterInstance, source: Source, now: datetime, days: int) -> dict[str, str]:
    """Partitions of the source whose newest run within ``days`` failed, with the id of that run."""
    since = dg.RunsFilter(created_after=now - timedelta(days=days))
    newest: dict[str, dg.DagsterRun] = {}
    for run in instance.get_runs(since, limit=MOST_RUNS):
        key = run.tags.get(PARTITION)
        if key and run.is_finished and _concerns(run, source):
            newest.setdefault(key, run)
    return {key: run.run_id for key, run in newest.items() if run.status is dg.DagsterRunStatus.FAILURE}


def _concerns(run: dg.DagsterRun, source: Source) -> bool:
    if run.asset_selection is None:
        return run.job_name == source.cadence.value
    return any(key.path[0] == source.name for key in run.asset_selection)


def _covers(tags: Mapping[str, str], partition_key: str) -> bool:
    if RANGE_START in tags:
        return tags[RANGE_START] <= partition_key <= tags.get(RANGE_END, tags[RANGE_START])
    return tags.get(PARTITION) == partition_key
