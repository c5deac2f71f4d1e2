"""Share one embedded broker between processes: who starts it, and who is still using it.

Belongs here: the inter-process locks in the broker's folder. Does not belong here: the broker (embedded_broker.py).

The kernel releases a process's locks however the process ends.
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
"""How long a process waits while another starts the broker; the other gives up sooner."""
POLL_SECONDS = 0.2


class BrokerBusy(Exception):
    """Another process is taking too long to start the broker."""


@contextmanager
def alone_in_starting(folder: Path) -> Generator[None]:
    """Let one process at a time start the broker. Raises BrokerBusy if another does not finish."""
    try:
        with FileLock(folder / "start.lock", timeout=START_SECONDS):
            yield
    except Timeout:
        raise BrokerBusy(
            f"another process has been starting the Kafka of {folder} for {START_SECONDS:.0f} s; end it, then try again"
        ) from None


class BrokerUse:
    """Marks this process as a user of a broker that another process started."""

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
        """Wait until no other process uses the broker; ``say`` is called with a message if it has to wait."""
        said = False
        with self._path.open("a") as users:
            while not _locked(users):
                if not said:
                    say(
                        f"Another command still uses the Kafka of {self._path.parent}, which this one started; waiting "
                        "for it (Ctrl-C stops Kafka immediately)."
                    )
                    said = True
                time.sleep(POLL_SECONDS)


def _locked(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
