"""Work that a soak kills, in separate processes that start with everything imported.

Belongs here: the work, and how a process dies during a write. Does not belong here: when, and the expected result.

``multiprocessing`` forks these processes from one that has imported this module and started no thread.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

from steam_assets import cli
from steam_assets.lake.lake import Lake
from steam_assets.lake.synced_files import SyncedFile
from steam_assets.settings import Settings
from steam_assets_tests.faults import stage_process
from steam_assets_tests.lake.stages import STAGES

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "steam_assets.commands.run"])


class Death(NamedTuple):
    """During a write, after ``written`` bytes of all files, or instead of the ``renames``-th rename."""

    written: int | None = None
    renames: int | None = None


def start(work: Any, *arguments: Any) -> ForkServerProcess:
    process = FORKS.Process(target=work, args=arguments)
    process.start()
    return process


def stage_of_the_lake(home: str, stage: str, death: Death) -> None:
    _die(death)
    STAGES[stage](Lake(Settings(home=Path(home))), [])


def run_stage(environment: Mapping[str, str], stage: str, source: str, key: str) -> None:
    os.environ.update(environment)
    stage_process.run(stage, source, key)


def command(environment: Mapping[str, str], arguments: Sequence[str], log: str) -> None:
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = ["steam-assets", *arguments]
    cli.main()


def _die(death: Death) -> None:
    """Kill this process as ``death`` says, as a power loss would; only effects on the file system are modelled."""
    if death.renames is not None:
        _drop_rename(death.renames)
    if death.written is not None:
        _tear_write(death.written)


def _drop_rename(number: int) -> None:
    real, calls = os.replace, count(1)

    def replace(source: Any, target: Any, **more: Any) -> None:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        real(source, target, **more)

    os.replace = replace


def _tear_write(budget: int) -> None:
    real, left = SyncedFile.create, [budget]

    def create(self: SyncedFile, overwrite: bool = False) -> Any:
        return _Torn(real(self, overwrite), left)

    SyncedFile.create = create


class _Torn:
    """A stream that writes the rest of the budget and dies."""

    def __init__(self, stream: Any, left: list[int]) -> None:
        self._stream, self._left = stream, left

    def write(self, data: Any) -> int:
        whole = bytes(data)
        part = whole[: self._left[0]]
        self._stream.write(part)
        self._left[0] -= len(part)
        if len(part) < len(whole):
            self._stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return len(whole)

    def __enter__(self) -> _Torn:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
