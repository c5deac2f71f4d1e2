"""A run that waits for the source's slot gets it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg

from steam_assets.orchestration.run_ownership import POOL
from steam_assets.orchestration.source_slot import source_slot


@dg.op
def fetch(context: dg.OpExecutionContext) -> None:
    with source_slot(context):
        pass


@dg.job(executor_def=dg.in_process_executor)
def fetching() -> None:
    fetch()


def test_a_step_that_queued_just_as_the_slot_was_freed_is_not_left_waiting(tmp_path: Path) -> None:
    """Dagster looks for a free slot before it queues the step; a slot freed in between would be assigned to no step."""
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        storage: Any = instance.event_log_storage
        run_id = str(uuid4())
        storage.set_concurrency_slots(POOL, 1)
        storage.add_pending_step(POOL, run_id, fetch.name, should_assign=False)
        assert fetching.execute_in_process(instance=instance, run_id=run_id).success
        assert storage.get_concurrency_info(POOL).pending_step_count == 0
