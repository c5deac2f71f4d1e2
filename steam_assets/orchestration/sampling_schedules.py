"""Schedules of sources that take samples through the day: one tick per sample.

Belongs here: when a sample is requested, and when it is not. Does not belong here: the times themselves
(sources/sampling.py), cleaning a day after it has ended (the source's `uncleaned` sensor).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from steam_assets.clock import Clock
from steam_assets.orchestration.run_status import Activity, job_name
from steam_assets.orchestration.schedules import AssetJob
from steam_assets.orchestration.stages import Stage, stage_keys
from steam_assets.settings import Settings
from steam_assets.sources.sampling import crons
from steam_assets.sources.source import Source


def sampling_schedules(
    settings: Settings, sources: Iterable[Source], jobs: Sequence[AssetJob], *, running: bool
) -> list[dg.ScheduleDefinition]:
    """One schedule per source that takes samples, off unless ``running``; each tick adds a sample to the current day.

    A sample is taken on its own day or not at all: a tick evaluated on another day takes none, nor does one while an
    earlier sample is still queued. Nothing is filled in later.
    """
    by_name = {job.name: job for job in jobs}
    return [
        _schedule(source, by_name[job_name(source)], getattr(settings.options_of(source), every), running=running)
        for source in sources
        if (every := source.sampled_every)
    ]


def _schedule(source: Source, job: AssetJob, minutes: int, *, running: bool) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{source.name}_schedule",
        job=job,
        cron_schedule=crons(minutes),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description=f"One sample every {minutes} minutes, into the present day (UTC). The sensor "
        f"{source.name}_uncleaned cleans a day after it has ended.",
    )
    def sample(context: dg.ScheduleEvaluationContext, clock: dg.ResourceParam[Clock]) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time
        day = source.cadence.containing(due)
        if not source.is_open(day, clock.now()):
            return dg.SkipReason(f"gap: {source.name} has no sample of {due:%Y-%m-%d %H:%M} UTC: its day is over")
        if Activity(context.instance).works_on(source, day.key):
            return dg.SkipReason(f"gap: {source.name} {due:%H:%M} UTC: an earlier sample is still waiting or running")
        return dg.RunRequest(
            run_key=f"{due:%Y-%m-%d %H:%M}", partition_key=day.key, asset_selection=stage_keys(source, Stage.RAW)
        )

    return sample
