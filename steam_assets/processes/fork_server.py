"""A warm process: one that has imported a program already, and forks a process for each command that asks for one.

Belongs here: forking, and what the new process takes from the command. Does not belong here: starting the warm process
(orchestration/code_location.py), asking it (forked.py).

Its imports must not have started Python threads or opened connections, which do not survive a fork.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from steam_assets.processes.guard import ENDING, watch
from steam_assets.processes.warm_process_address import DESCRIPTORS, NUMBER, is_same_user

BIND_SECONDS = 1.0
"""Between attempts to listen, while the warm process of the code before a reload still does."""
REQUEST_SECONDS = 1.0


@dataclass(frozen=True)
class Request:
    """What a command asks for: its arguments and environment, its open files, and the grace of guard.py in seconds."""

    arguments: Sequence[str]
    environment: dict[str, str]
    grace: float
    umask: int
    streams: Sequence[int]
    lifeline: int

    def close(self) -> None:
        """Close the files here; the command's process has its own copies."""
        for descriptor in (*self.streams, self.lifeline):
            os.close(descriptor)


def serve(address: str, program: str) -> None:
    """Fork a process for each command in the surroundings of ``address``; it runs ``python -m program``.

    Returns in the process of a command, when the program has ended. Raises SystemExit with its code.
    """
    with _listening(address) as listener:
        # Ended processes then need not be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        request = _next_command(listener)
    _take_over(request)
    sys.argv = [program, *request.arguments]
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    finally:
        # As an interpreter does at its end; this one ends by os._exit.
        atexit._run_exitfuncs()


def _listening(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    while True:
        try:
            listener.bind(address)
        except OSError:
            time.sleep(BIND_SECONDS)
        else:
            listener.listen()
            return listener


def _next_command(listener: socket.socket) -> Request:
    """Fork until this process ends; return in the process of a command."""
    while True:
        connection, _ = listener.accept()
        with connection:
            request = _received(connection)
            if request is None:
                continue
            if os.fork() == 0:
                listener.close()
                _wait_for_the_command(connection, request)
                # From here on, this is the command's process.
                return request
            request.close()


def _received(connection: socket.socket) -> Request | None:
    """What a command of this user asks for; None if it does not."""
    connection.settimeout(REQUEST_SECONDS)
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, DESCRIPTORS)
        *streams, lifeline, file = descriptors
        with os.fdopen(file, "rb") as request:
            request.seek(0)
            asked = json.load(request)
    except (OSError, ValueError):
        return None
    return Request(**asked, streams=streams, lifeline=lifeline) if is_same_user(connection) else None


def _wait_for_the_command(connection: socket.socket, request: Request) -> None:
    """Fork the command's process and report its id and its end; returns only in the command's process.

    This process is in a session of its own, so that a command outlives the warm process.
    """
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command == 0:
        return
    request.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    with suppress(OSError):
        connection.sendall(NUMBER.pack(command))
    _, status = os.waitpid(command, 0)
    with suppress(OSError):
        connection.sendall(NUMBER.pack(status))
    os._exit(0)


def _take_over(request: Request) -> None:
    """Turn this process into the one that the command would have started itself (supervised.py)."""
    os.setsid()
    for number, descriptor in enumerate(request.streams):
        os.dup2(descriptor, number)
    # As the interpreter opens them.
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", -1, encoding, errors, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", 1 if os.isatty(1) else -1, encoding, errors, closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding, "backslashreplace", closefd=False)
    for descriptor in request.streams:
        os.close(descriptor)
    watch(request.lifeline, request.grace, held=True)
    os.environ.clear()
    os.environ.update(request.environment)
    # Read from the environment once and kept.
    tempfile.tempdir = None
    time.tzset()
    os.umask(request.umask)
    # As with -P: a file in the folder of a command must not be taken for a module.
    kept = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [place for place in sys.path if place in kept or place not in ("", str(Path.cwd()))]
