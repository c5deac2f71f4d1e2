"""Ctrl-C while Dagster runs in this process.

Belongs here: that none is lost. Does not belong here: what is stopped then (the commands).
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dagster as dg


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end if SIGINT or SIGTERM came meanwhile.

    Dagster ends the step that is interrupted, and reports the run as failed. A signal between two steps it keeps for
    the next one, and forgets it if there is none. The interpreter writes each signal to the wakeup descriptor, whoever
    handles it. Nothing is watched in a thread that is not the main one, where no signal arrives.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received, told = socket.socketpair()
    with received, told:
        received.setblocking(False)
        told.setblocking(False)
        before = signal.set_wakeup_fd(told.fileno())
        try:
            yield
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        finally:
            signal.set_wakeup_fd(before)
        with suppress(BlockingIOError):
            if {signal.SIGINT, signal.SIGTERM} & set(received.recv(4096)):
                raise KeyboardInterrupt
