"""Traffic within this machine: it never goes through a proxy, and it needs 127.0.0.1.

Belongs here: the proxy settings for this process and its children, the check that the address exists, free ports.
Does not belong here: who listens where.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
RESTORE_COMMAND = "sudo ip addr add 127.0.0.1/8 dev lo && sudo ip link set lo up"

HOSTS = ("localhost", "127.0.0.1", "::1", "[::1]", "127.0.0.0/8")
"""In every form that some library compares: with brackets, or as a network."""
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_IANA_OUTGOING = range(49152, 65536)


def keep_off_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add this machine's own addresses to ``NO_PROXY`` and ``no_proxy``, keeping what is set.

    The simulator, an S3 server and Dagster's processes use such addresses, which no proxy can reach. Both variables
    are set because libraries differ in which one they read first.
    """
    given = {name: environment.get(name, "") for name in ("no_proxy", "NO_PROXY")}
    for name, value in given.items():
        listed = [host for host in (value or "".join(given.values())).split(",") if host.strip()]
        if "*" not in listed:
            environment[name] = ",".join([*listed, *(host for host in HOSTS if host not in listed)])


class NoLoopback(Exception):
    """This machine has no 127.0.0.1."""


def require_loopback() -> None:
    """Raise NoLoopback, with the command that restores it, if nothing can listen on 127.0.0.1 (IPv6 only, no ``lo``).

    The embedded Kafka, Spark's driver and the simulator listen there, even if ``localhost`` is ``::1``.
    """
    with socket.socket() as listener:
        try:
            listener.bind((LOOPBACK, 0))
        except OSError as error:
            raise NoLoopback(
                f"cannot listen on {LOOPBACK} ({error.strerror}), which Kafka and Spark need; run: {RESTORE_COMMAND}"
            ) from error


def free_port() -> int:
    """A TCP port on 127.0.0.1 that is currently unused, for a server that starts later.

    It is outside the range that the system gives to outgoing connections, one of which could take it meanwhile.
    """
    outgoing = _outgoing_ports()
    candidates = [port for port in range(10_000, 2**16) if port not in outgoing]
    with socket.socket() as listener:
        for port in random.sample(candidates, min(100, len(candidates))):
            with suppress(OSError):
                listener.bind((LOOPBACK, port))
                return port
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


def _outgoing_ports() -> range:
    if not _OUTGOING.exists():
        return _IANA_OUTGOING
    first, last = map(int, _OUTGOING.read_text().split())
    return range(first, last + 1)
