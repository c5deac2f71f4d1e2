"""Whether something listens on a port of this machine."""

from __future__ import annotations

import socket

from steam_assets.loopback import LOOPBACK


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
