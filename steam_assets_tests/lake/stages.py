"""Stages of the lake's work, which a test can run in processes of their own, to kill them or to run several at once.

Belongs here: the stages, and a partition's state after each. Does not belong here: what is killed, and when.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steam_assets.lake.backup import back_up, backup_of, verify_twins
from steam_assets.lake.housekeeping import Housekeeping, sweep
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, put_aside
from steam_assets.lake.restore import Restorer
from steam_assets.ledger.records import Cleared
from steam_assets.settings import Settings
from steam_assets_tests.lake.clean_partitions import SOURCE, THINGS, clean
from steam_assets_tests.lake.raw_landing import KEY, NEWS, NOW, land


def fill(lake: Lake, numbers: list[int]) -> None:
    """Land batches and everything else a partition consists of."""
    for number in numbers or [1, 2]:
        land(lake, number=number)
    if not numbers:
        put_aside(lake.set_aside(NEWS), NEWS.name, KEY, [Aside("topic+0+7", b"\x00\xff", "not JSON")], NOW)
        clean(lake, {1: "one", 2: None})


def copy(lake: Lake, numbers: list[int]) -> None:
    for twins in lake.twins(SOURCE):
        if problems := back_up(twins, [KEY], NOW)[1]:
            sys.exit(f"not backed up: {problems}")


def filled_and_copied(lake: Lake) -> None:
    """A partition of each kind with its backup."""
    fill(lake, [])
    copy(lake, [])


def clear(lake: Lake, numbers: list[int]) -> None:
    Housekeeping(lake, (SOURCE,), NOW).apply()
    sweep(lake, lake.clean(THINGS), datetime.now(UTC) + timedelta(days=1))


def bring_back(lake: Lake, numbers: list[int]) -> None:
    for result in Restorer.in_place(lake).restore(SOURCE, [KEY]):
        if result.problems:
            sys.exit(f"not restored: {result.problems}")


STAGES: dict[str, Callable[[Lake, list[int]], None]] = {
    "land": fill,
    "backup": copy,
    "housekeeping": clear,
    "restore": bring_back,
}
"""Stages by the first part of their failpoints' names, in pipeline order."""


def account(lake: Lake) -> dict[str, Any]:
    """What readers see of each table and its backup, and their ledger records."""
    found: dict[str, Any] = {}
    for twins in lake.twins(SOURCE):
        held, record = backup_of(twins, KEY), twins.primary.record(twins.model, KEY)
        sides = [side.stored([KEY])[KEY].content for side in (twins.primary, twins.backup)]
        cleared, problems = twins.primary.record(Cleared, KEY), verify_twins(twins, KEY) if held else []
        found[twins.label] = (sides, record, held and held.of, cleared is not None, problems)
    return found


def run(home: Path, stage: str, *numbers: int) -> None:
    """Run a stage of the lake in ``home``."""
    STAGES[stage](Lake(Settings(home=home)), [*numbers])
