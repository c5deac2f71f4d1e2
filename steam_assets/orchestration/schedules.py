"""One job and one schedule a cadence.

Belongs here: which assets run together and when. Does not belong here: what a run does.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import dagster as dg

from steam_assets.orchestration.partitions import Partitions
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import History, Source

AssetJob: TypeAlias = Any
"""What ``define_asset_job`` gives; Dagster has no public name for it."""


def cadence_jobs(
    sources: Sequence[Source],
    assets: Mapping[str, Sequence[dg.AssetsDefinition]],
    partitions: Mapping[Cadence, Partitions],
) -> list[AssetJob]:
    """A job a cadence: all stages of all its sources, in one process, as Spark sessions do not cross a fork."""
    jobs = []
    for cadence in partitions:
        names = [s.name for s in sources if s.cadence is cadence]
        jobs.append(
            dg.define_asset_job(
                cadence.value,
                selection=dg.AssetSelection.assets(*(a for name in names for a in assets[name])),
                description=f"Raw to clean backup of {', '.join(names)}.",
            )
        )
    return jobs


def cadence_schedules(
    sources: Sequence[Source], jobs: Sequence[AssetJob], *, running: bool
) -> list[dg.ScheduleDefinition]:
    """A schedule a cadence, off on a laptop. Its tick asks for the newest window that its sources can answer."""
    schedules = []
    for job in jobs:
        cadence = Cadence(job.name)
        live = any(s.history is History.LIVE for s in sources if s.cadence is cadence)
        schedules.append(_schedule(job, cadence, live=live, running=running))
    return schedules


LONGEST = {Cadence.DAILY: timedelta(days=1), Cadence.WEEKLY: timedelta(days=7), Cadence.MONTHLY: timedelta(days=31)}


def freshness_policy(cadence: Cadence) -> dg.FreshnessPolicy:
    """Dagit warns of an asset that is a tenth of a period late, and calls it overdue at a quarter."""
    return dg.FreshnessPolicy.time_window(
        warn_window=timedelta(seconds=1.1 * LONGEST[cadence].total_seconds()),
        fail_window=timedelta(seconds=1.25 * LONGEST[cadence].total_seconds()),
    )


def _schedule(job: AssetJob, cadence: Cadence, *, live: bool, running: bool) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cadence.schedule_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description=f"{'The present' if live else 'The newest finished'} window, at {cadence.schedule_cron} UTC.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment: datetime = context.scheduled_execution_time
        window = cadence.containing(moment) if live else cadence.latest_finished(moment + timedelta(seconds=1))
        return dg.RunRequest(run_key=window.key, partition_key=window.key)

    return tick
