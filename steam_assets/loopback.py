"""Traffic within this machine: it never takes a proxy, and it needs 127.0.0.1.

Belongs here: what every HTTP library of this process and of its children has to know of it, whether the address is
there. Does not belong here: who listens where.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

LOOPBACK = "127.0.0.1"
RESTORE_COMMAND = "sudo ip addr add 127.0.0.1/8 dev lo && sudo ip link set lo up"

HOSTS = ("localhost", "127.0.0.1", "::1", "[::1]", "127.0.0.0/8")
"""As libraries compare them: some with the brackets of an address, some by network."""


def keep_off_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add this machine's own addresses to ``NO_PROXY`` and ``no_proxy``; what they hold is kept.

    The simulator, an S3 server and Dagster's processes are at such addresses, and no proxy can reach them there. Both
    names are set, as libraries differ in which they read first.
    """
    given = {name: environment.get(name, "") for name in ("no_proxy", "NO_PROXY")}
    for name, value in given.items():
        listed = [host for host in (value or "".join(given.values())).split(",") if host.strip()]
        if "*" not in listed:
            environment[name] = ",".join([*listed, *(host for host in HOSTS if host not in listed)])


class NoLoopback(Exception):
    """This machine has no 127.0.0.1."""


def require_loopback() -> None:
    """NoLoopback, with the command that brings it back, where nothing can listen on 127.0.0.1 (IPv6 alone, no ``lo``).

    The embedded Kafka, Spark's driver and the simulator talk there, also on a machine whose ``localhost`` is ``::1``.
    """
    with socket.socket() as listener:
        try:
            listener.bind((LOOPBACK, 0))
        except OSError as error:
            raise NoLoopback(
                f"nothing can listen on {LOOPBACK} ({error.strerror}), where Kafka and Spark talk: {RESTORE_COMMAND}"
            ) from error
