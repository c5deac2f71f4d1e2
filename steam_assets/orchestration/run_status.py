"""What sensors and health checks query from the instance: which partitions are in progress, and which failed.

Belongs here: queries about runs. Does not belong here: the sensors (sensors.py), the state of the data (ledger/).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.sources.cadence import Cadence, range_in_words
from steam_assets.sources.source import Source

PARTITION = "dagster/partition"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
MOST_RUNS = 500
"""Maximum number of runs queried; a healthy deployment has fewer at once and per month."""


def job_name(source: Source) -> str:
    """The job with all stages of a source: its cadence's, or its own if it takes samples."""
    return source.name if source.sampled_every else source.cadence.value


class Activity:
    """The runs that are queued or in progress at this moment."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=MOST_RUNS)

    def works_on(self, source: Source, partition_key: str) -> bool:
        """Whether a queued or running run includes a partition of the source."""
        return any(_concerns(run, source) and _covers(run.tags, partition_key) for run in self._runs)


def failed_partitions(instance: dg.DagsterInstance, source: Source, now: datetime, days: int) -> dict[str, str]:
    """Partitions of the source whose newest run within ``days`` failed, alone or in a range, with that run's id.

    A partition that was committed in a range in which others failed did not fail.
    """
    since = dg.RunsFilter(created_after=now - timedelta(days=days))
    newest: dict[str, str | None] = {}
    for run in instance.get_runs(since, limit=MOST_RUNS):
        if run.is_finished and _concerns(run, source):
            failed = run.status is dg.DagsterRunStatus.FAILURE
            made = _made(instance, run) if failed and RANGE_START in run.tags else set[str]()
            for key in _keys(run.tags, source.cadence):
                newest.setdefault(key, run.run_id if failed and key not in made else None)
    return {key: run_id for key, run_id in newest.items() if run_id}


def partitions_named(tags: Mapping[str, str]) -> str | None:
    """The partition in a run's tags, or ``FIRST to LAST`` of its range; None if they have neither."""
    if RANGE_START in tags:
        return range_in_words(tags[RANGE_START], tags.get(RANGE_END, tags[RANGE_START]))
    return tags.get(PARTITION)


def _keys(tags: Mapping[str, str], cadence: Cadence) -> list[str]:
    """The partition keys in a run's tags, without those that are not partitions of the cadence."""
    if RANGE_START not in tags:
        return [tags[PARTITION]] if PARTITION in tags else []
    try:
        return [window.key for window in cadence.between(tags[RANGE_START], tags.get(RANGE_END, tags[RANGE_START]))]
    except ValueError:
        return []


def _made(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    """The partitions for which a run materialized every requested asset."""
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    made: dict[str, set[dg.AssetKey]] = {}
    for record in records:
        if record.partition_key and record.asset_key:
            made.setdefault(record.partition_key, set()).add(record.asset_key)
    return {key for key, assets in made.items() if run.asset_selection and run.asset_selection <= assets}


def _concerns(run: dg.DagsterRun, source: Source) -> bool:
    if run.asset_selection is None:
        return run.job_name == job_name(source)
    return any(key.path[0] == source.name for key in run.asset_selection)


def _covers(tags: Mapping[str, str], partition_key: str) -> bool:
    if RANGE_START in tags:
        return tags[RANGE_START] <= partition_key <= tags.get(RANGE_END, tags[RANGE_START])
    return tags.get(PARTITION) == partition_key
