"""The simulator in a process of its own, so that its responses do not take Python's time from the client's process.

Belongs here: starting, steering and ending that process. Does not belong here: the simulator (server.py).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.simulator.faults import Fault

_STOP_SECONDS = 10.0


class SimulatorProcess:
    """A running simulator in another process; ``url`` is its address. See ``simulated``."""

    def __init__(self, url: str, connection: Connection) -> None:
        self.url = url
        self._connection = connection

    def at(self, now: datetime, faults: Sequence[Fault] = ()) -> None:
        """Set the sources' time to ``now`` (an aware datetime) and replace all faults. Raises EOFError if it died."""
        self._connection.send((now, tuple(faults)))
        self._connection.recv()


@contextmanager
def simulated(
    *, seed: int, apps: int, reviews_per_app_week: float, replay: Path | None = None
) -> Iterator[SimulatorProcess]:
    """A simulator with these options (see ``Simulator``) until the context ends. Raises EOFError if it cannot start."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    options = {"seed": seed, "apps": apps, "reviews_per_app_week": reviews_per_app_week, "replay": replay}
    process = spawn.Process(target=_serve, args=(theirs, options), name="simulator", daemon=True)
    process.start()
    theirs.close()
    try:
        with ours:
            yield SimulatorProcess(ours.recv(), ours)
        process.join(_STOP_SECONDS)
    finally:
        process.kill()
        process.join()


def _serve(connection: Connection, options: dict[str, object]) -> None:
    """Serve until the other end of the connection is closed, or its process has ended."""
    from steam_assets.simulator.server import Simulator

    # The command reports an interruption.
    with suppress(EOFError, KeyboardInterrupt), Simulator(**options) as simulator:  # pyright: ignore[reportArgumentType]
        connection.send(simulator.url)
        while True:
            now, faults = connection.recv()
            simulator.set_now(now)
            simulator.faults.clear()
            for fault in faults:
                simulator.faults.add(fault)
            connection.send(None)
