"""One stage of a deployment as the work of a process that a test can kill.

Belongs here: running a stage with the settings of the environment. Does not belong here: what is killed, and when.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets.sources import source_named

STAGES = {"publish": Stage.RAW, "clean": Stage.CLEAN}
"""Stages by the first part of their failpoints' names, in pipeline order."""


def run(folder: Path, stage: str, source: str, key: str) -> None:
    """Run the stage in ``folder`` on an instance that ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    with dg.DagsterInstance.ephemeral() as instance:
        launcher = Launcher(build_defs(settings=Settings()), instance)
        launcher.partition(source_named(source), (STAGES[stage],), key)
