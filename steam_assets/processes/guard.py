"""Exec a program, leaving behind a guard process that ends the program's session when its starter dies.

A script of supervised.py, which runs it in its own session: ``guard.py LIFELINE GRACE HELD PROGRAM …``; fork_server.py
uses it as a module.
Belongs here: how a session ends. Does not belong here: starting one.

LIFELINE is the read end of a pipe whose write end only the starter holds, so that it closes when the starter dies.
GRACE is in seconds; HELD is 1 if the program starts with SIGTERM blocked. (Linux's PR_SET_PDEATHSIG is not sufficient:
it fires when the starting *thread* ends, it is not inherited, and macOS does not have it.)
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.02


def members(session: int) -> list[Process]:
    """The live processes of a session, without zombies."""
    import psutil

    found: list[Process] = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill(processes: Iterable[Process]) -> None:
    """Kill processes and all their descendants with SIGKILL, including those in other sessions."""
    import psutil

    doomed: set[Process] = set()
    for process in processes:
        doomed.add(process)
        with suppress(psutil.Error):
            doomed.update(process.children(recursive=True))
    doomed.discard(psutil.Process())
    for process in doomed:
        with suppress(psutil.Error):
            process.kill()


def _guard(lifeline: int, grace: float) -> None:
    # Its own process group, so that a signal to the program's group does not hit the guard.
    os.setpgid(0, 0)
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    # Readers of the program's output must see EOF.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.read(lifeline, 1)
    session = os.getsid(0)
    try:
        _end(session, grace)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)


def _end(session: int, grace: float) -> None:
    """Send SIGTERM to the whole session, and kill what is left after ``grace`` seconds.

    A JVM started by a program of the session is ended last: losing it would disturb that program's clean-up.
    """
    import site

    # Python was started without site, which saves a few hundredths of a second per start; psutil needs it.
    site.main()

    def others() -> list[Process]:
        return [process for process in members(session) if process.pid != os.getpid()]

    deadline = time.monotonic() + grace
    signalled: set[Process] = set()
    while (left := others()) and time.monotonic() < deadline:
        # In order of id, so that a parent is signalled before its children.
        for process in [p for p in left if p.pid == session or not _is_jvm(p)] or left:
            if process not in signalled:
                signalled.add(process)
                with suppress(OSError):
                    os.kill(process.pid, signal.SIGTERM)
        time.sleep(POLL_SECONDS)
    while left:
        kill(left)
        time.sleep(POLL_SECONDS)
        left = others()


def _is_jvm(process: Process) -> bool:
    import psutil

    with suppress(psutil.Error):
        return process.name() == "java"
    return False


def watch(lifeline: int, grace: float, held: bool) -> None:
    """Leave a guard behind in this process's session, and prepare this process to become the program.

    ``grace`` is the number of seconds between SIGTERM and SIGKILL.
    """
    for number in ENDING:
        # The starter's parent may ignore them (nohup, `&` in a script), and children inherit ignored signals.
        signal.signal(number, signal.SIG_DFL)
    if os.fork() == 0:
        _guard(lifeline, grace)
        os._exit(0)
    os.close(lifeline)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM} if held else set())


def main(lifeline: int, grace: float, held: bool, command: list[str]) -> None:
    watch(lifeline, grace, held)
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "1", sys.argv[4:])
