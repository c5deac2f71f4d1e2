"""A command forked from a warm process, as if it had been started here.

Belongs here: asking the warm process, the command's end as its starter sees it. Does not belong here: the other side
(fork_server.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from steam_assets.processes.supervised import Supervised
from steam_assets.processes.warm_process_address import COMMANDS, NUMBER, address, is_same_user, surroundings

ANSWER_SECONDS = 2.0
"""A warm process that does not fork within this time is not used."""


class Forked(Supervised):
    """A command with this process's standard streams, environment and folder, in a session of its own.

    When it ends, this process gets SIGIO.
    """

    def __init__(self, process: _Forked, lifeline: int, grace: float) -> None:
        self._process, self._lifeline, self._grace = process, lifeline, grace


class _Forked:
    """The part of ``subprocess.Popen`` that ``Supervised`` needs, for a process that is not a child of this one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._code: int | None = None
        connection.settimeout(ANSWER_SECONDS)
        self.pid: int = NUMBER.unpack(connection.recv(NUMBER.size))[0]
        connection.setblocking(False)
        fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)

    def poll(self) -> int | None:
        if self._code is None:
            with suppress(BlockingIOError):
                status = self._connection.recv(NUMBER.size)
                # Without a status, the process that waits for the command was killed.
                self._code = os.waitstatus_to_exitcode(*NUMBER.unpack(status)) if status else -signal.SIGKILL
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        while (code := self.poll()) is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("the forked command", timeout or 0)
        return code


def forked(arguments: Sequence[str], grace: float) -> Forked | None:
    """The command of ``arguments``, with ``grace`` as for Supervised; None if no warm process answers."""
    if sys.platform != "linux" or not COMMANDS.intersection(arguments[:1]):
        return None
    connection = socket.socket(socket.AF_UNIX)
    read, write = os.pipe()
    try:
        connection.connect(address(surroundings()))
        if not is_same_user(connection):
            raise PermissionError("the warm process belongs to another user")
        with os.fdopen(os.memfd_create("request"), "w") as request:
            asked = {"arguments": [*arguments], "environment": dict(os.environ), "umask": _umask(), "grace": grace}
            json.dump(asked, request)
            request.flush()
            socket.send_fds(connection, [b"!"], [0, 1, 2, read, request.fileno()])
        return Forked(_Forked(connection), write, grace)
    except (OSError, struct.error):
        connection.close()
        os.close(write)
        return None
    finally:
        os.close(read)


def _umask() -> int:
    os.umask(current := os.umask(0o077))
    return current
