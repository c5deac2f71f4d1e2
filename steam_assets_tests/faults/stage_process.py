"""One stage of a deployment as a process of its own, so that a test can kill it: stage_process.py STAGE SOURCE KEY.

Belongs here: running a stage with the settings of the environment. Does not belong here: what is killed, and when.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

import dagster as dg

from steam_assets.lake.housekeeping import Housekeeping
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restorer
from steam_assets.lake.spark_session import open_session
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, Stage
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.source import Source


def _launched(stage: Stage) -> Callable[[Settings, Source, str], None]:
    def run(settings: Settings, source: Source, key: str) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            Launcher(build_defs(settings=settings), instance).partition(source, (stage,), key)

    return run


def restore(settings: Settings, source: Source, key: str) -> None:
    for result in Restorer.in_place(Lake(settings), open_session(settings)).restore(source, [key]):
        if result.problems:
            sys.exit(f"not restored: {result.problems}")


def housekeeping(settings: Settings, source: Source, key: str) -> None:
    """Clear the partition. The lease of a dead run ends at once here, and after eleven minutes in life."""
    after = source.cadence.window(key).end
    work = Housekeeping(Lake(settings), (source,), after, ttl=timedelta(0), skew=timedelta(0))
    work.apply(lambda: open_session(settings))


STAGES: dict[str, Callable[[Settings, Source, str], None]] = {
    "publish": _launched(Stage.RAW),
    "clean": _launched(Stage.CLEAN),
    "clean_backup": _launched(Stage.CLEAN_BACKUP),
    "clean_housekeeping": housekeeping,
    "clean_restore": restore,
}
"""By the first part of the names of crash points, in the order in which a partition goes through them."""

if __name__ == "__main__":
    STAGES[sys.argv[1]](Settings(), source_named(sys.argv[2]), sys.argv[3])
