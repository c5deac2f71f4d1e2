"""Where a warm process listens: one that has imported the program already, and from which commands are forked.

Belongs here: its address, and what it and a command send each other. Does not belong here: the process itself
(fork_server.py), asking it (forked.py). Every command imports this, so slow imports do not belong here either.

The address is made of all that a process inherits or reads when it starts: user, limits, folder, settings, code. In
other surroundings nobody listens there, and the command is a process of its own. Such an abstract address of Linux
leaves no file behind, and both sides check that the other one is the same user.
"""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import struct
import sys
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
COMMANDS = frozenset({"run", "refresh"})
"""The commands that import Dagster and Spark, which takes seconds."""
SETTINGS = ("STEAM_", "DAGSTER_", "AWS_", "JAVA_", "SPARK_", "PYSPARK_", "PYTHON", "LC_", "LANG")
"""Prefixes of the environment variables that libraries may read when they are imported."""
VARIABLE = "_STEAM_ASSETS_SURROUNDINGS"
"""How `dev` hands its surroundings on to the code server, whose own differ."""
NUMBER = struct.Struct("i")
"""Sent to a command twice: the id of its process, then the status of that process as ``os.waitpid`` returns it."""
DESCRIPTORS = 5
"""Sent by a command: its standard input, output and error, its lifeline (guard.py), and a file with a ``Request``."""


def surroundings() -> str:
    """A digest of this process's surroundings, without its code."""
    known = [
        (os.getresuid(), os.getgroups(), os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0))),
        [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
        (Path.cwd(), sys.prefix, sys.version),
        sorted(item for item in os.environ.items() if item[0].startswith(SETTINGS)),
    ]
    return hashlib.sha256(repr(known).encode()).hexdigest()


def address(around: str) -> str:
    """The address in these surroundings, with the code and settings files as they are now."""
    # A package that is installed or removed changes the folder of all.
    files = (Path(".env"), Path(sysconfig.get_path("purelib")), *sorted(PACKAGE.rglob("*.py")))
    known = hashlib.sha256(repr([around, *map(_state, files)]).encode())
    return f"\0steam-assets-{known.hexdigest()}"


def _state(file: Path) -> tuple[str, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size


def is_same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user."""
    credentials = struct.Struct("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return credentials.unpack(found)[1] == os.geteuid()
