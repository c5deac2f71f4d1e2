"""The demo's simulator, in a separate process: its responses take no time from the process that fetches them.

Belongs here: starting, steering and ending that process. Does not belong here: the simulator itself (simulator/).

This process does not import the simulator, which takes a second.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from steam_assets.loopback import LOOPBACK, free_port

_STOP_SECONDS = 10.0


class SimulatorDied(Exception):
    """The simulator's process ended too early; the message states what to do."""


class DemoSimulator:
    """A simulator in another process, which may still be starting; ``url`` is its address."""

    def __init__(self, port: int, connection: Connection) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._connection = connection

    def at(self, now: datetime, *, silent: bool) -> None:
        """Set the sources' time to ``now`` (an aware datetime); if ``silent``, they are down.

        Waits until it has started. Raises SimulatorDied.
        """
        try:
            self._connection.send((now, silent))
            self._connection.recv()
        except (EOFError, OSError) as error:
            raise SimulatorDied(
                "the simulator's process was killed, possibly for lack of memory; run the demo again: it continues "
                "where it stopped"
            ) from error


@contextmanager
def demo_simulator(
    *, seed: int, apps: int, reviews_per_app_week: float, replay: Path | None = None
) -> Iterator[DemoSimulator]:
    """A simulator with these options (see ``Simulator``) until the context ends."""
    # The declared type includes that of Windows.
    ours, theirs = cast("tuple[Connection, Connection]", multiprocessing.Pipe())
    port = free_port()
    options = {"seed": seed, "apps": apps, "reviews_per_app_week": reviews_per_app_week, "replay": replay, "port": port}
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(theirs, options), name="simulator", daemon=True)
    process.start()
    theirs.close()
    try:
        with ours:
            yield DemoSimulator(port, ours)
        process.join(_STOP_SECONDS)
    finally:
        process.kill()
        process.join()


def _serve(connection: Connection, options: dict[str, object]) -> None:
    """Serve until the other end of the connection is closed, or its process has ended."""
    from steam_assets.simulator import Simulator
    from steam_assets.simulator.faults import HtmlForJson

    # The command reports an interruption.
    with suppress(EOFError, KeyboardInterrupt), Simulator(**options) as simulator:  # pyright: ignore[reportArgumentType]
        while True:
            now, silent = connection.recv()
            simulator.set_now(now)
            simulator.faults.clear()
            if silent:
                simulator.faults.add(HtmlForJson())
            connection.send(None)
