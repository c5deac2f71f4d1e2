"""Programs started for a test as a user starts them, and all that comes from them.

Belongs here: starting, finding every process that descends from one, the end of all whatever happens. Does not belong
here: assertions.
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
from steam_assets_tests.orchestration.dagster_ui import wait_until

STEAM_ASSETS = str(Path(sys.executable).with_name("steam-assets"))
_MARK = "STEAM_TEST_MARK"


class Program(Supervised):
    """A program whose output is kept in ``log``; ``environment`` is added to this process's.

    It has signals as a terminal gives them, and is ended with all that it started when its context ends, or pytest.
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
        """Every living process that came from the program, whoever its parent is by now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_MARK) == self._mark:
                    found.append(process)
        return found

    def wait_for_output(self, text: str, seconds: float = 120) -> None:
        def said() -> bool | None:
            assert text in self.output or self.poll() is None, self.output
            return True if text in self.output else None

        wait_until(said, seconds, f"{text!r} in {self._log}")

    def wait_for_no_family(self, seconds: float) -> None:
        """Return when the program has ended and nothing that came from it lives, but for the guard of this test."""

        def left() -> list[psutil.Process]:
            # What the program starts is in sessions of its own; in its session there is only that guard beside it.
            return [p for p in self.family() if p.pid == self.pid or _session(p) != self.pid]

        wait_until(lambda: None if left() else True, seconds, f"the end of {left()}")


def _session(process: psutil.Process) -> int | None:
    with suppress(ProcessLookupError):
        return os.getsid(process.pid)
    return None
