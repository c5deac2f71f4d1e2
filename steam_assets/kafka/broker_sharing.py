"""One embedded broker for several processes: who starts it, and who uses it still.

Belongs here: the locks between processes in the broker's folder. Does not belong here: the broker (broker.py).

The kernel gives the lock of a process back when that ends, however it does.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from filelock import FileLock, Timeout

START_SECONDS = 120.0
"""How long a process waits for another that starts the broker; that one gives up sooner."""
POLL_SECONDS = 0.2


class BrokerBusy(Exception):
    """Another process has been starting the broker for too long."""


@contextmanager
def alone_in_starting(folder: Path) -> Generator[None]:
    """One process at a time. BrokerBusy if another one does not come to an end."""
    try:
        with FileLock(folder / "start.lock", timeout=START_SECONDS):
            yield
    except Timeout:
        raise BrokerBusy(
            f"another process has been starting the Kafka of {folder} for {START_SECONDS:.0f} s; end it, then try again"
        ) from None


class BrokerUse:
    """That this process uses a broker which another one started."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "users.lock"
        self._file: TextIO | None = None

    def begin(self) -> None:
        self._file = self._path.open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def wait_for_others(self, say: Callable[[str], None]) -> None:
        """Return when no other process uses the broker; ``say`` gets a sentence if that takes a while."""
        said = False
        with self._path.open("a") as users:
            while not _locked(users):
                if not said:
                    say(
                        f"Another command still uses the Kafka of {self._path.parent}, which this one started: waiting "
                        "for it (Ctrl-C stops Kafka at once)."
                    )
                    said = True
                time.sleep(POLL_SECONDS)


def _locked(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
