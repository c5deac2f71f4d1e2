"""Work in processes of its own that start with everything imported, for tests that kill it or run it several times.

Belongs here: starting such a process and waiting for its end. Does not belong here: the work, and when it is killed.

``multiprocessing`` forks these processes from one that has imported the modules of ``PRELOADED`` and started no thread;
each would need seconds of CPU time for the imports otherwise.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

PRELOADED = (
    "steam_assets.commands.run",
    "steam_assets_tests.faults.command_home",
    "steam_assets_tests.faults.stage_process",
    "steam_assets_tests.lake.stages",
    "steam_assets_tests.soak.victims",
)
ENDS_WITHIN = 240
"""Seconds."""

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload([*PRELOADED])


def start(
    work: Callable[..., object], *arguments: Any, environment: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """Call ``work`` with the arguments in a new process whose environment also has these variables."""
    process = _FORKS.Process(target=_call, args=(dict(environment or {}), work, arguments))
    process.start()
    return process


def exit_code(process: ForkServerProcess, seconds: float = ENDS_WITHIN) -> int:
    """Wait for the end and return the exit code, which is negative for a signal. AssertionError after ``seconds``."""
    process.join(seconds)
    assert process.exitcode is not None, f"{process} did not end within {seconds} s"
    return process.exitcode


def _call(environment: Mapping[str, str], work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    os.environ.update(environment)
    # Its folder was chosen in the process that this one was forked from.
    tempfile.tempdir = None
    work(*arguments)
