"""The definitions as ``steam-assets dev`` serves them: each run is forked from a process that has loaded them already.

Belongs here: how the code server starts the process of a run. Does not belong here: the definitions (build.py), what
that process loads in advance (preloaded_imports.py), starting the code server (dagster_services.py).

Dagster starts each run in a new interpreter, which takes seconds to import Dagster, Spark and Iceberg before the run's
first step. Dagster has no setting for this, but asks Python's multiprocessing for the process, which can also fork it
from a *fork server*: a process without threads and connections that does nothing but fork.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess

import dagster as dg

from steam_assets.orchestration.build import build_defs
from steam_assets.processes.fork_server import serve
from steam_assets.processes.warm_process_address import VARIABLE, address

PROGRAM = "steam_assets.cli"
LOADED = (
    "rich.progress",
    *(f"steam_assets.commands.{name}" for name in ("command_list", "diagnostics", "partition_table", "run")),
    "steam_assets.orchestration.preloaded_imports",
)
"""What the fork server imports; commands import some of it when they need it."""


class ForkedRun(ForkServerProcess):
    """The process of a run. At its end it does what an interpreter does, which multiprocessing leaves out."""

    def run(self) -> None:
        try:
            super().run()
        finally:
            atexit._run_exitfuncs()


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions. In the code server's process, also start the fork server, with the same code."""
    if multiprocessing.parent_process() is None:
        fork_runs()
    return build_defs()


@cache
def fork_runs() -> None:
    """Fork the processes that this one starts by multiprocessing's method *spawn*, on Linux.

    On macOS, system libraries do not survive a fork; there, runs are started as before.
    """
    if sys.platform != "linux":
        return
    # Dagster takes the class of a run's process from this object.
    vars(multiprocessing.get_context("spawn"))["Process"] = ForkedRun
    forkserver.set_forkserver_preload([*LOADED])
    # Now, so that it is ready before the first run; if it dies, the next run starts it again.
    forkserver.ensure_running()
    if around := os.environ.get(VARIABLE):
        commands = ForkServerProcess(target=serve, args=(address(around), PROGRAM), name="commands", daemon=True)
        # Starting it waits until the fork server has imported everything.
        threading.Thread(target=commands.start, daemon=True).start()
