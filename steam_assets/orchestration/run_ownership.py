"""Which process executes a run, and how runs of dead processes are ended.

Belongs here: the tags that name a run's process, ending its run, the executor that sets the tags, the sensor that
checks. Does not belong here: waiting for a slot (source_slot.py), how processes are identified
(processes/identity.py).

A process that is killed, or whose machine stops, cannot report the end of its run: the run would stay in progress and
keep its place in the queue and its slot in the pool. So each run names its process in a tag, and the next process to
start ends the runs of dead ones. Runs of other machines are left alone because their processes cannot be checked here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from steam_assets.masking import shown
from steam_assets.orchestration.dagster_types import Internal
from steam_assets.processes.identity import ProcessIdentity

POOL = "sources"
"""The pool whose slots runs claim while they fetch from sources."""

OWNER = "steam/process"
COMMAND = "steam/command"
MAX_RETRIES = "dagster/max_retries"
LONGEST_COMMAND = 100
IN_PROGRESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def owner_tags(run_id: str) -> dict[str, str]:
    """The tags of a run that this process executes. A re-execution copies them; the run id in them shows that."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {OWNER: f"{run_id} {ProcessIdentity.current()}", COMMAND: shown(" ".join(words))[:LONGEST_COMMAND]}


@dataclass(frozen=True)
class Owner:
    """The process that executes a run."""

    process: ProcessIdentity
    command: str

    @classmethod
    def of(cls, run: dg.DagsterRun) -> Owner | None:
        """The owner of a run; None if its tags name no process, or are copied from another run."""
        run_id, _, identity = run.tags.get(OWNER, "").partition(" ")
        if run_id != run.run_id:
            return None
        try:
            return cls(ProcessIdentity.parse(identity), run.tags.get(COMMAND, ""))
        except ValueError:
            return None

    def __str__(self) -> str:
        elsewhere = "" if self.process.is_here else f" on {self.process.host}"
        return f"process {self.process.pid}{elsewhere} ({self.command})"


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process died and free their slots. Returns one sentence per run."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
        owner = Owner.of(run)
        if owner is None or not owner.process.has_died:
            continue
        # Its process may have ended the run properly since the runs were listed; once dead, it cannot any more.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and not now.is_finished:
            ended.append(f"run {run.run_id[:8]} of {owner}, which died, was marked as failed")
        why = f"{owner} died while it executed this run: it was killed, or its machine stopped. Run it again."
        abandon(instance, run.run_id, why)
    _free_slots_of_finished_runs(instance)
    return ended


def abandon(instance: dg.DagsterInstance, run_id: str, why: str) -> None:
    """Mark as failed a run that this process executed and could not finish."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, why)
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _free_slots_of_finished_runs(instance: dg.DagsterInstance) -> None:
    """Free slots whose process died between ending its run and freeing them, or whose run was deleted."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    info = storage.get_concurrency_info(POOL)
    for run_id in {holder.run_id for holder in (*info.claimed_slots, *info.pending_steps)}:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


class _OwningExecutor(dg.Executor):
    """Wraps another executor; names the process in the run's tags before the first step."""

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> Internal:
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Internal:
        return self._inner.step_dependency_config

    def execute(self, plan_context: Internal, execution_plan: Internal) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, owner_tags(plan_context.run_id))
        yield from self._inner.execute(plan_context, execution_plan)


_IN_PROCESS: Internal = dg.in_process_executor


@dg.executor(name="in_process", config_schema=_IN_PROCESS.config_schema)
def owning_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Runs all steps in one process, as Spark sessions do not survive a fork; the run's tags name the process."""
    return _OwningExecutor(_IN_PROCESS.executor_creation_fn(context))


def dead_runs_sensor() -> dg.SensorDefinition:
    """Always on: without it, runs that died with their machine would block the queue for hours."""

    @dg.sensor(
        name="dead_runs",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Marks runs as failed if their process was killed or their machine stopped, and frees their slots. "
        "Not declarative automation: it follows runs and materializes nothing.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance)
        for sentence in ended:
            context.log.warning(sentence)
        return dg.SkipReason("; ".join(ended) or "the processes of all runs are alive")

    return dead_runs


def attended_tags(run_id: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a run that a command executes and waits for: if the command dies, the run is not retried."""
    return {**tags, **owner_tags(run_id), MAX_RETRIES: "0"}
