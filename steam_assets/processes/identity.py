"""Identify a process across time, and check whether it is still alive.

Belongs here: identifying a process so that a reused id or another machine is not mistaken for it. Does not belong here:
what to do when it has died (orchestration/run_ownership.py, processes/temporary_folders.py).
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from functools import cache

import psutil

TOLERANCE_SECONDS = 0.05
"""Tolerance between two readings of the same start time, in seconds; the clock's resolution is 10 ms."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process on a machine: ``started`` in Unix seconds, ``since_boot`` in seconds after the machine booted.

    Setting the clock or pausing a virtual machine shifts one of the two for all processes, never both.
    """

    host: str
    pid: int
    started: float
    since_boot: float

    @classmethod
    def current(cls) -> ProcessIdentity:
        """This process."""
        return _identity(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """A process that runs now on this machine. Raises psutil.NoSuchProcess."""
        started = psutil.Process(pid).create_time()
        return cls(socket.gethostname(), pid, started, started - psutil.boot_time())

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity:
        """Parse the result of ``str``. Raises ValueError for anything else."""
        host, pid, started, since_boot = text.split(" ")
        return cls(host, int(pid), float(started), float(since_boot))

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started:.2f} {self.since_boot:.2f}"

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process on this machine; others cannot be checked."""
        return self.host == socket.gethostname()

    @property
    def has_died(self) -> bool:
        """True only if it was a process on this machine and is certainly gone; a zombie counts as gone."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            started = process.create_time()
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        return not (_same(started, self.started) or _same(started - psutil.boot_time(), self.since_boot))

    @property
    def mark(self) -> str:
        """The identity as part of a file or branch name: only digits, lower-case letters and underscores."""
        return f"{_host_digest(self.host)}_{self.pid}_{self.started * 100:.0f}_{self.since_boot * 100:.0f}"


def left_by_the_dead(mark: str) -> bool:
    """Whether the process of a ``mark`` has certainly died; False if it is not a mark."""
    host, *numbers = mark.split("_")
    if host != _host_digest(socket.gethostname()):
        return False
    try:
        pid, started, since_boot = (int(number) for number in numbers)
    except ValueError:
        return False
    return ProcessIdentity(socket.gethostname(), pid, started / 100, since_boot / 100).has_died


@cache
def _identity(pid: int) -> ProcessIdentity:
    # Cached by process id: a forked child must not be mistaken for its parent.
    return ProcessIdentity.of(pid)


def _host_digest(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:8]


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE_SECONDS
