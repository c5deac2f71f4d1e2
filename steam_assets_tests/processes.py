"""Programs started for a test as by a user, and all their descendants.

Belongs here: starting programs, finding all their descendants, and stopping them in any case. Does not belong here:
assertions.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil

from steam_assets.processes.supervised import Supervised
from steam_assets_tests.waiting import wait_until

STEAM_ASSETS = str(Path(sys.executable).with_name("steam-assets"))
_MARK = "STEAM_TEST_MARK"


class Program(Supervised):
    """A program whose output goes to ``log``; ``environment`` is added to this process's.

    It handles signals as from a terminal. It and all it started are stopped when its context or pytest ends.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._mark, self._log = uuid4().hex, log
        marked = os.environ | (environment or {}) | {_MARK: self._mark}
        super().__init__(command, folder=log.parent, output=log, environment=marked)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, as ``kill`` does."""
        os.kill(self.pid, number)

    def family(self) -> list[psutil.Process]:
        """Every living process that descends from the program, whatever its current parent."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_MARK) == self._mark:
                    found.append(process)
        return found

    def descendants(self) -> list[psutil.Process]:
        """The living processes that the program has started, in sessions of their own."""
        # The program's own session also has this test's guard process.
        return [process for process in self.family() if _session(process) not in (self.pid, None)]

    def wait_for_output(self, text: str, seconds: float = 120) -> None:
        def said() -> bool | None:
            assert text in self.output or self.poll() is None, self.output
            return True if text in self.output else None

        wait_until(said, seconds, f"{text!r} in {self._log}")

    def wait_for_no_family(self, seconds: float) -> None:
        """Return when the program and all its descendants have ended, except this test's guard process."""

        def left() -> list[psutil.Process]:
            # The program's children have their own sessions; its own session also has only that guard.
            return [p for p in self.family() if p.pid == self.pid or _session(p) != self.pid]

        wait_until(lambda: None if left() else True, seconds, f"the end of {left()}")


def _session(process: psutil.Process) -> int | None:
    with suppress(ProcessLookupError):
        return os.getsid(process.pid)
    return None
