"""A supervised process: neither it nor its descendants outlive the process that started it, even on SIGKILL.

Belongs here: starting, ending and killing such a process. Does not belong here: what it runs
(kafka/embedded_broker.py, the commands), how its session ends (guard.py).

It runs in its own session, where signals from the terminal do not reach it; its starter ends it in an orderly way.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

from steam_assets.processes.guard import POLL_SECONDS, kill, members

GUARD = Path(__file__).with_name("guard.py")
GRACE_SECONDS = 3.0
"""Seconds between a session's SIGTERM and SIGKILL."""
_MARGIN_SECONDS = 2.0


def ending() -> set[signal.Signals]:
    """The signals that end this process, except SIGHUP if nohup ignores it."""
    heeded = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    # A shell without job control makes commands started with `&` ignore SIGINT; a SIGINT sent to us is meant for us.
    return {signal.SIGINT, signal.SIGTERM} | ({signal.SIGHUP} if heeded else set())


class StartedProcess(Protocol):
    """What this module needs of ``subprocess.Popen``."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Supervised:
    """Runs ``command`` in ``folder``, in its own session, with default handling of SIGINT, SIGTERM and SIGHUP.

    Its output goes to the file ``output``, or only its stderr to ``errors``; ``environment`` is its environment. Each
    defaults to this process's.
    When this process dies or calls ``end``, the whole session gets SIGTERM, and SIGKILL after ``grace`` seconds.
    ``held``: the program starts with SIGTERM blocked, and unblocks it when it can handle it.
    ``reads``: it shares this process's stdin; otherwise it has none. ``passed``: descriptors that it inherits.
    As a context manager it is ended on exit.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        output: Path | None = None,
        errors: TextIO | None = None,
        environment: Mapping[str, str] | None = None,
        grace: float = GRACE_SECONDS,
        held: bool = False,
        reads: bool = False,
        passed: Sequence[int] = (),
    ) -> None:
        self._grace = grace
        self._process: StartedProcess
        read, write = os.pipe()
        try:
            with output.open("wb") if output else nullcontext() as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(GUARD), str(read), str(grace), str(int(held)), *command],
                    stdin=None if reads else subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT if file else errors,
                    cwd=folder,
                    env=environment,
                    pass_fds=(read, *passed),
                    start_new_session=True,
                )
        except BaseException:
            os.close(write)
            raise
        finally:
            os.close(read)
        self._lifeline: int | None = write

    @property
    def pid(self) -> int:
        """Process id of the command, which is also its session id and process group id."""
        return self._process.pid

    def poll(self) -> int | None:
        """The command's return code as in ``subprocess``; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int:
        """Wait for the command; return its return code. Raises subprocess.TimeoutExpired after ``seconds``."""
        return self._process.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command's process group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self) -> int:
        """Send SIGTERM to the session, kill what is left after the grace period, and return the return code."""
        self._let_go()
        deadline = time.monotonic() + self._grace + _MARGIN_SECONDS
        while members(self.pid):
            if time.monotonic() > deadline:
                kill(members(self.pid))
            self.poll()
            time.sleep(POLL_SECONDS)
        return self.wait()

    def kill(self) -> None:
        """Kill the session with SIGKILL, as a power loss would."""
        # While the lifeline is held, the guard keeps the session id from being reused.
        if self._lifeline is not None:
            kill(members(self.pid))
            self._let_go()
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _let_go(self) -> None:
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)
