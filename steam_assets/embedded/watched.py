"""A process in a group of its own that cannot outlive the one that started it, even by SIGKILL.

Belongs here: starting and killing such a process. Does not belong here: what it is (broker.py).

Before the shell that starts it becomes the program, it leaves behind a watcher that waits for the end of a pipe which
only the starting process holds, and then ends its process group. (Linux's PR_SET_PDEATHSIG would not do: it fires when
the starting *thread* ends, and macOS has none.)
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The watcher reads the pipe that was the standard input; `read` ends when the last writer is gone.
# TERM lets the program close its files; it has ten seconds for it.
_UNDER_WATCH = """\
exec 3<&0
( trap '' TERM INT HUP; read -r _ <&3; kill -TERM 0; sleep 10; kill -KILL 0 ) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"""


def start_watched(
    command: Sequence[str], *, folder: Path, output: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ``command`` in ``folder``, its output in a file; ``environment`` is added to this process's own."""
    with output.open("wb") as file:
        return subprocess.Popen(
            ["/bin/sh", "-c", _UNDER_WATCH, "watched", *command],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            # A group of its own: Ctrl-C reaches us alone, and we stop the program in order.
            start_new_session=True,
        )


def kill_watched(process: subprocess.Popen[bytes]) -> None:
    """End it and its children by SIGKILL, as a power loss would."""
    # The watcher keeps the group's id from being given to anybody else, even after the program has ended.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
