"""Waiting for a condition, and limits in seconds that hold on machines of any speed while other tests use the cores.

Belongs here: how long a test waits, and how slow this machine is at the moment. Does not belong here: the limits that
the product promises.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

START_SECONDS = 300.0
"""How long a process of several services may take to start while other tests use all cores."""

_STEPS = 1_000_000
_REFERENCE_SECONDS = 0.025
_ROUNDS = 5


def in_time(taken: float, seconds: float) -> bool:
    """Whether ``taken`` is within a limit in seconds that is stated for a quiet core on which a fixed loop takes 25 ms.

    If it is not, the loop is timed beside whatever else runs, and the limit grows with it: a test then fails on a
    ratio, as benchmarks do, and not because the machine is slow or busy.
    """
    return taken <= seconds or taken <= seconds * _slowness()


def wait_until(probe: Callable[[], T | None], seconds: float, what: str, pause: float = 0.5) -> T:
    """Return the first result of ``probe`` that is not None.

    Raises AssertionError after ``seconds``, or later where they are not ``in_time``.
    """
    began, event = time.monotonic(), Event()
    while True:
        found = probe()
        if found is not None:
            return found
        waited = time.monotonic() - began
        if not in_time(waited, seconds):
            raise AssertionError(f"not within {waited:.0f} s: {what}")
        event.wait(pause)


def _slowness() -> float:
    """How many times longer the loop takes than on that core."""
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        sum(number * number for number in range(_STEPS))
    return (time.perf_counter() - began) / _ROUNDS / _REFERENCE_SECONDS
