"""Deleting runs that ended long ago from Dagster's storage, if STEAM_RUN_HISTORY_DAYS is set.

Belongs here: which runs, and everything that Dagster keeps of one. Does not belong here: ticks (``retention`` in
dagster.yaml), the lake, whose ledger keeps each partition's state.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

from steam_assets.clock import Clock
from steam_assets.orchestration.run_status import ENDED, PARTITION
from steam_assets.orchestration.schedules import MOST_WINDOWS, SCHEDULE
from steam_assets.settings import Settings

RUNS_A_TICK = 200
"""Deleted per tick: each takes a few transactions in the database that runs write to."""


def forget_runs(instance: dg.DagsterInstance, before: datetime, most: int = RUNS_A_TICK) -> list[str]:
    """Delete up to ``most`` ended runs that were created before an aware time, oldest first; their ids.

    The run of the newest partition that a schedule requested is kept, so that the schedule can tell what it missed.
    The events of a run go with it: the Dagster UI then shows partitions that no later run materialized as missing.
    """
    old = dg.RunsFilter(statuses=ENDED, created_before=before)
    ended = instance.get_runs(old, limit=most, ascending=True)
    kept = {_newest_of(instance, name) for run in ended if (name := run.tags.get(SCHEDULE))}
    found = [run.run_id for run in ended if run.run_id not in kept]
    for run_id in found:
        # The run itself last: if this process is killed, the next tick finds it again.
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
        instance.event_log_storage.delete_events(run_id)
        # With SQLite each run has a database of its own, which Dagster empties but leaves behind.
        for file in (Path(instance.root_directory) / "history" / "runs").glob(f"{run_id}.db*"):
            file.unlink(missing_ok=True)
        instance.run_storage.delete_run(run_id)
    return found


def _newest_of(instance: dg.DagsterInstance, schedule: str) -> str | None:
    """The run of the newest partition that a schedule requested; a later one may repeat an older partition."""
    latest = instance.get_runs(dg.RunsFilter(tags={SCHEDULE: schedule}), limit=2 * MOST_WINDOWS)
    return max(((run.tags.get(PARTITION, ""), run.run_id) for run in latest), default=(None, None))[1]


def run_history_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """A sensor that is always on, if a limit is set."""
    if not settings.run_history_days:
        return []
    kept = timedelta(days=settings.run_history_days)

    @dg.sensor(
        name="run_history",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=600,
        description=f"Deletes runs older than {kept.days} days from Dagster's storage (STEAM_RUN_HISTORY_DAYS). "
        "Not declarative automation: it materializes nothing.",
    )
    def run_history(context: dg.SensorEvaluationContext, clock: dg.ResourceParam[Clock]) -> dg.SkipReason:
        before = clock.now() - kept
        found = forget_runs(context.instance, before)
        return dg.SkipReason(f"{len(found)} runs from before {before:%Y-%m-%d} were deleted")

    return [run_history]
