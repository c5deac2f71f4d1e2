"""The slot that a run holds while it fetches from a source: one run at a time per instance.

Belongs here: claiming, waiting for and freeing the slot. Does not belong here: which runs are alive (run_ownership.py).

Rate limits hold within a process, so two processes must not fetch at once. An op with a ``pool`` would leave the claim
to Dagster's executor, whose in-process loop waits at full CPU, ignores signals and does not report what it waits for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from steam_assets.failpoints import failpoint
from steam_assets.orchestration.failures import ATTENDED
from steam_assets.orchestration.run_ownership import POOL, Owner, end_dead_runs
from steam_assets.orchestration.run_status import partitions_named

POLL_SECONDS = 1.0


@contextmanager
def source_slot(context: dg.OpExecutionContext) -> Iterator[None]:
    """Hold a slot of the pool ``sources``, whose limit the instance sets.

    Waits without a timeout until a slot is free, and reports each run it waits for once.
    """
    storage, instance = context.instance.event_log_storage, context.instance
    if not _is_limited(instance):
        yield
        return
    step, reported = str(context.op_handle), ""
    try:
        while not storage.claim_concurrency_slot(POOL, context.run_id, step).is_claimed:
            end_dead_runs(instance)
            if _is_overlooked(instance):
                # Queue again: the slot was freed between Dagster's check and its entry in the queue, and
                # nobody would be given it until the next one is freed.
                storage.free_concurrency_slot_for_step(context.run_id, step)
            waits = _waits_for(instance, context.run_id)
            if waits and waits != reported:
                reported = waits
                _say(context, waits)
            time.sleep(POLL_SECONDS)
        failpoint("fetch:slot_claimed")
        yield
    finally:
        storage.free_concurrency_slot_for_step(context.run_id, step)


def _is_limited(instance: dg.DagsterInstance) -> bool:
    """Whether the pool has a limit: its own, or the default of dagster.yaml, which is applied to it here."""
    storage, default = instance.event_log_storage, instance.global_op_concurrency_default_limit
    if not storage.supports_global_concurrency_limits:
        return False
    limit = next((pool for pool in storage.get_pool_limits() if pool.name == POOL), None)
    if (limit is None and default is not None) or (limit and limit.from_default and limit.limit != default):
        storage.initialize_concurrency_limit_to_default(POOL)
    return limit is not None or default is not None


def _is_overlooked(instance: dg.DagsterInstance) -> bool:
    """Whether a slot is free that no queued step was told about."""
    info = instance.event_log_storage.get_concurrency_info(POOL)
    told = [step for step in info.pending_steps if step.assigned_timestamp is not None]
    return info.slot_count > len(info.claimed_slots) + len(told)


def _waits_for(instance: dg.DagsterInstance, run_id: str) -> str:
    """A sentence about the runs that hold the slot; empty if it was just freed."""
    info = instance.event_log_storage.get_concurrency_info(POOL)
    ahead = [slot.run_id for slot in info.claimed_slots]
    ahead += [step.run_id for step in info.pending_steps if step.assigned_timestamp is not None]
    runs = [instance.get_run_record_by_id(held_by) for held_by in dict.fromkeys(ahead) if held_by != run_id]
    named = ", ".join(_named(record) for record in runs if record is not None)
    return f"waiting to fetch (one run at a time) for {named}" if named else ""


def _named(record: dg.RunRecord) -> str:
    run = record.dagster_run
    assets = sorted({key.path[0] for key in run.asset_selection or ()})
    what = " ".join(filter(None, [", ".join(assets) or run.job_name, partitions_named(run.tags)]))
    began = datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
    owner = Owner.of(run)
    by = f" by {owner}" if owner else ""
    hint = "" if owner and owner.process.is_here else " (if that process is gone, terminate the run in the Dagster UI)"
    return f"run {run.run_id[:8]} of {what}{by}, started {began:%Y-%m-%d %H:%M:%S} UTC{hint}"


def _say(context: dg.OpExecutionContext, sentence: str) -> None:
    context.log.info(sentence)
    if ATTENDED in context.run.tags:
        # A progress bar's console redirects this stream.
        sys.stderr.write(f"{sentence[0].upper()}{sentence[1:]}.\n")
