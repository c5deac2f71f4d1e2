"""Traffic within this machine: it never takes a proxy.

Belongs here: what every HTTP library of this process and of its children has to know of it. Does not belong here: who
listens where.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

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
