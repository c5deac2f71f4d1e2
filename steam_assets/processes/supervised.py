"""A process that cannot outlive the one that started it, nor can anything that it starts, even by SIGKILL.

Belongs here: starting, ending and killing such a process. Does not belong here: what it is (broker.py, the
commands), how its session ends (guard.py).

It runs in a session of its own, where no signal of the terminal reaches it: its starter ends it in order.
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
from typing import Self, TextIO

from steam_assets.processes.guard import POLL_SECONDS, kill, members

GUARD = Path(__file__).with_name("guard.py")
GRACE_SECONDS = 3.0
"""From a session's SIGTERM to its SIGKILL."""
_MARGIN_SECONDS = 2.0


def ending() -> set[signal.Signals]:
    """The signals that end this process. One that nohup has ignored is none of them."""
    heeded = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    # A shell without job control has SIGINT ignored by what it starts with `&`; whoever sends it to us means us.
    return {signal.SIGINT, signal.SIGTERM} | ({signal.SIGHUP} if heeded else set())


class Supervised:
    """``command`` in ``folder``, in a session of its own, with SIGINT, SIGTERM and SIGHUP as a terminal gives them.

    Its output goes to the file ``output``, or what it says of errors to ``errors``; ``environment`` is its own. Each is
    this process's where not given.
    Once this process is gone, or lets go by ``end``, the whole session gets SIGTERM, and SIGKILL after ``grace``
    seconds. ``held``: the program begins with SIGTERM blocked, and unblocks it when it can answer.
    As a context manager it is ended on leaving.
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
    ) -> None:
        self._grace = grace
        read, write = os.pipe()
        try:
            with output.open("wb") if output else nullcontext() as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(GUARD), str(read), str(grace), str(int(held)), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT if file else errors,
                    cwd=folder,
                    env=environment,
                    pass_fds=(read,),
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
        """Process id of the command, which is its session's and its process group's id, too."""
        return self._process.pid

    def poll(self) -> int | None:
        """The command's return code as ``subprocess`` has it; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int:
        """The command's return code when it has ended. Raises subprocess.TimeoutExpired after ``seconds``."""
        return self._process.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command's process group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self) -> int:
        """Send SIGTERM to the session, kill what is left after the grace, and give the command's return code."""
        self._let_go()
        deadline = time.monotonic() + self._grace + _MARGIN_SECONDS
        while members(self.pid):
            if time.monotonic() > deadline:
                kill(members(self.pid))
            self.poll()
            time.sleep(POLL_SECONDS)
        return self.wait()

    def kill(self) -> None:
        """End the session by SIGKILL, as a power loss would."""
        # Its guard keeps the session's id from being given to anybody else as long as the lifeline is held.
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
