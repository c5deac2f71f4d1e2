"""One job and one schedule per cadence.

Belongs here: which assets run together and when. Does not belong here: what a run does, samples within a day
(sampling_schedules.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import dagster as dg

from steam_assets.clock import Clock
from steam_assets.ingestion.resolve_raw import held
from steam_assets.lake.lake import Lake
from steam_assets.ledger.freshness import gap
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.dagster_types import AssetJob
from steam_assets.orchestration.partitions import Partitions
from steam_assets.orchestration.run_status import PARTITION, job_name
from steam_assets.orchestration.stages import Stage, stage_keys
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.source import History, Source


def source_jobs(
    sources: Sequence[Source],
    assets: Mapping[str, Sequence[dg.AssetsDefinition]],
    partitions: Mapping[Cadence, Partitions],
) -> list[AssetJob]:
    """One job per cadence: all stages of all its sources in one process, as Spark sessions do not survive a fork.

    A source that takes samples has a job of its own (sampling_schedules.py).
    """
    names = {cadence.value: list[str]() for cadence in partitions}
    for source in sources:
        names.setdefault(job_name(source), []).append(source.name)
    return [_all_stages(job, own, assets) for job, own in names.items() if own]


def _all_stages(job: str, names: Sequence[str], assets: Mapping[str, Sequence[dg.AssetsDefinition]]) -> AssetJob:
    return dg.define_asset_job(
        job,
        selection=dg.AssetSelection.assets(*(asset for name in names for asset in assets[name])),
        description=f"All stages, from raw to clean backup, of {', '.join(names)}.",
    )


def cadence_schedules(
    sources: Sequence[Source], jobs: Sequence[AssetJob], *, running: bool
) -> list[dg.ScheduleDefinition]:
    """One schedule per cadence, off unless ``running``. A tick requests the newest window that its sources can deliver.

    Of the ticks that were due while the daemon was down, Dagster evaluates only the last one, after the restart. It
    requests what all of them would have requested, where it is still available; the rest are gaps, not failed runs.
    """
    own = {job.name: [source for source in sources if job_name(source) == job.name] for job in jobs}
    return [_schedule(job, Cadence(job.name), own[job.name], running=running) for job in jobs if job.name in [*Cadence]]


LONGEST = {Cadence.DAILY: timedelta(days=1), Cadence.WEEKLY: timedelta(days=7), Cadence.MONTHLY: timedelta(days=31)}


def freshness_policy(cadence: Cadence) -> dg.FreshnessPolicy:
    """The Dagster UI warns when an asset is a tenth of a period late, and marks it as overdue at a quarter."""
    return dg.FreshnessPolicy.time_window(
        warn_window=timedelta(seconds=1.1 * LONGEST[cadence].total_seconds()),
        fail_window=timedelta(seconds=1.25 * LONGEST[cadence].total_seconds()),
    )


MOST_WINDOWS = 20
"""How many windows a tick looks back; after a longer outage the rest needs a backfill."""
SCHEDULE = "dagster/schedule_name"


def _schedule(job: AssetJob, cadence: Cadence, sources: Sequence[Source], *, running: bool) -> dg.ScheduleDefinition:
    live = any(source.history is History.LIVE for source in sources)

    @dg.schedule(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cadence.schedule_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description=f"Collects the {'current' if live else 'newest finished'} {cadence.period}; "
        f"cron {cadence.schedule_cron}, UTC.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        made = _Tick(f"{job.name}_schedule", cadence, sources, context.instance, lake, clock.now())
        requests, gaps = made.evaluate(context.scheduled_execution_time, live=live)
        if not requests:
            return dg.SkipReason(gaps or "nothing is due")
        if gaps:
            context.log.warning(gaps)
        return requests

    return tick


@dataclass(frozen=True)
class _Tick:
    """One evaluation of a cadence's schedule at ``now``, later than the scheduled time if the daemon was down."""

    schedule: str
    cadence: Cadence
    sources: Sequence[Source]
    instance: dg.DagsterInstance
    lake: Lake
    now: datetime

    def evaluate(self, moment: datetime, *, live: bool) -> tuple[list[dg.RunRequest], str]:
        """The runs to request, oldest first, and a sentence on the windows that are no longer available."""
        # A window that ends at this very moment has ended.
        just_after = moment + timedelta(seconds=1)
        newest = self.cadence.containing(moment) if live else self.cadence.latest_finished(just_after)
        if newest.key < self.cadence.first:
            return [], f"{newest.key} is before the first partition, {self.cadence.first}"
        windows = [*self._missed(newest, moment), newest]
        requests = [self._request(window, found) for window in windows if (found := self._within_reach(window))]
        present = self.cadence.containing(self.now)
        if live and present > newest:
            # Take a snapshot of the current window now: the machine may be off again at that window's own tick. The
            # partition is given as a tag, as Dagster checks a key against the tick's time, when it did not exist yet.
            requests.append(dg.RunRequest(run_key=f"{present.key} early", tags={PARTITION: present.key}))
        return requests, "; ".join(self._gaps(windows))

    def _missed(self, newest: Window, moment: datetime) -> list[Window]:
        """The windows before ``newest`` whose ticks were due after the schedule was switched on but not evaluated.

        The search ends at the newest window that the schedule has requested; run_history.py never deletes its run.
        """
        since = self._switched_on()
        found: list[Window] = []
        window = newest
        # An early snapshot of the current window was requested together with the windows missed before it.
        if self._ran(newest):
            return found
        while since is not None and len(found) < MOST_WINDOWS:
            window = self.cadence.latest_finished(window.start)
            # The delay from a window's end to its tick is always the same.
            if window.end + (moment - newest.end) < since or self._ran(window):
                break
            found.append(window)
        return found[::-1]

    def _switched_on(self) -> datetime | None:
        for state in self.instance.all_instigator_state():
            started = getattr(state.instigator_data, "start_timestamp", None)
            if state.instigator_name == self.schedule and started is not None:
                return datetime.fromtimestamp(started, UTC)
        return None

    def _ran(self, window: Window) -> bool:
        tags = {SCHEDULE: self.schedule, PARTITION: window.key}
        return bool(self.instance.get_runs(dg.RunsFilter(tags=tags), limit=1))

    def _within_reach(self, window: Window) -> list[Source]:
        """The sources that still answer for the window, or whose answers Kafka or a backup holds."""
        return [
            source
            for source in self.sources
            if gap(source, window, self.now).recoverable or window.key in self._held[source.name]
        ]

    @cached_property
    def _held(self) -> dict[str, set[str]]:
        return held(self.lake, self.sources)

    def _request(self, window: Window, sources: Sequence[Source]) -> dg.RunRequest:
        again = [source.name for source in sources if self._has_early_snapshot(source, window)]
        config = {f"{name}__raw": {"ops": {f"publish_{name}": {"config": {"refetch": True}}}} for name in again}
        every = len(sources) == len(self.sources)
        return dg.RunRequest(
            run_key=window.key,
            partition_key=window.key,
            run_config={"ops": config} if config else {},
            asset_selection=None
            if every
            else [key for source in sources for stage in Stage for key in stage_keys(source, stage)],
        )

    def _has_early_snapshot(self, source: Source, window: Window) -> bool:
        live = source.history is History.LIVE and self.now in window
        return live and self.lake.raw(source).record(RawRecord, window.key) is not None

    def _gaps(self, windows: Sequence[Window]) -> Iterator[str]:
        """A sentence for the windows that no source has, and one for each source that lacks more of them."""
        found = {window.key: [source.name for source in self._within_reach(window)] for window in windows}
        of_all = [window for window in windows if not found[window.key]]
        if of_all:
            yield self._gap(self.cadence.value, self.sources, of_all)
        for source in self.sources:
            if lost := [one for one in windows if found[one.key] and source.name not in found[one.key]]:
                yield self._gap(source.name, [source], lost)

    def _gap(self, name: str, sources: Sequence[Source], windows: Sequence[Window]) -> str:
        whys = {gap(source, window, self.now).why for source in sources for window in windows}
        return f"gap: {name} {', '.join(window.key for window in windows)}: {'; '.join(sorted(whys))}"
