"""Ctrl-C while Dagster runs in this process.

Belongs here: making sure that no signal is lost. Does not belong here: what is stopped then (the commands).
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
    """Raise KeyboardInterrupt at the end if SIGINT or SIGTERM arrived in the meantime.

    Dagster ends the interrupted step and reports the run as failed. It keeps a signal between two steps for the next
    step, and forgets it if there is none. The interpreter writes each signal to the wakeup descriptor, no matter which
    handler is installed. Outside the main thread, where no signals arrive, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received, wakeup = socket.socketpair()
    with received, wakeup:
        received.setblocking(False)
        wakeup.setblocking(False)
        before = signal.set_wakeup_fd(wakeup.fileno())
        try:
            yield
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        finally:
            signal.set_wakeup_fd(before)
        with suppress(BlockingIOError):
            if {signal.SIGINT, signal.SIGTERM} & set(received.recv(4096)):
                raise KeyboardInterrupt
