"""A clock that a benchmark moves (long_life.py): the product's, and the one by which Dagster evaluates its schedules.

Belongs here: those two clocks. Does not belong here: any other time, which stays real: Kafka's, Spark's, sensors'.

Python imports this module when it starts, if its folder is on PYTHONPATH. The time is in the file MOVED_CLOCK, as an
ISO time with a zone, and stands still between two moves.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from types import ModuleType

import wrapt

FILE = Path(os.environ["MOVED_CLOCK"])


def now(*_: object) -> datetime:
    """The time in the file."""
    return datetime.fromisoformat(FILE.read_text())


@wrapt.when_imported("steam_assets.clock")
def move_the_products(module: ModuleType) -> None:
    """Replace the product's clock."""
    module.Clock.now = now


@wrapt.when_imported("dagster._scheduler.scheduler")
def move_the_schedulers(module: ModuleType) -> None:
    """Replace the scheduler's clock, and look at it every second instead of at each full minute."""
    vars(module).update(
        get_current_datetime=now,
        get_current_timestamp=lambda: now().timestamp(),
        _get_next_scheduler_iteration_time=lambda start: start + 1,
    )
