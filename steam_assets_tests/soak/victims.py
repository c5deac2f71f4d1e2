"""Work that a soak kills.

Belongs here: the work, and how a process dies during a write. Does not belong here: when, and the expected result.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from steam_assets.lake.synced_files import SyncedFile
from steam_assets_tests.lake.stages import run


class Death(NamedTuple):
    """During a write, after ``written`` bytes of all files, or instead of the ``renames``-th rename."""

    written: int | None = None
    renames: int | None = None


def stage_of_the_lake(home: Path, stage: str, death: Death) -> None:
    _die(death)
    run(home, stage)


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
