"""Running the simulator, in a thread of this process or in the foreground.

Belongs here: sockets, uvicorn, start and stop. Does not belong here: responses.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

import uvicorn

from steam_assets.loopback import LOOPBACK, require_loopback
from steam_assets.simulator.app import build_app
from steam_assets.simulator.backend import Backend
from steam_assets.simulator.clock import Clock, RequestLog
from steam_assets.simulator.delivery import WireProtocol
from steam_assets.simulator.faults import FaultBoard
from steam_assets.simulator.replay import ReplayBackend
from steam_assets.simulator.synthetic import SyntheticBackend

_START_SECONDS = 20.0
_STOP_SECONDS = 20.0


class SimulatorError(Exception):
    """The simulator could not start or stop."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Simulator:
    """A simulator of all sources, as a context manager; ``url`` is its address.

    ``apps`` is the number of apps, of which up to 100 are on a chart; about 320 always take part, so that apps enter
    and leave the charts. ``reviews_per_app_week`` is the number for an app in mid-chart. ``port`` 0 picks a free one.
    ``now`` is an aware datetime that stays fixed until ``set_now`` or ``clear_now``; None is the real time. ``replay``
    is a folder of recorded responses, which are served instead of synthetic ones. Raises FileNotFoundError if that
    folder does not exist, ValueError for fewer than one app.
    """

    def __init__(
        self,
        seed: int = 7,
        apps: int = 100,
        reviews_per_app_week: float = 60.0,
        port: int = 0,
        now: datetime | None = None,
        replay: Path | None = None,
    ) -> None:
        backend: Backend = ReplayBackend(replay) if replay else SyntheticBackend(seed, apps, reviews_per_app_week)
        self.clock = Clock(now)
        self.faults = FaultBoard()
        self.requests = RequestLog()
        self._port = port
        self._server = _Server(
            uvicorn.Config(
                build_app(backend, self.clock, self.faults, self.requests),
                http=WireProtocol,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="error",
                timeout_graceful_shutdown=1,
                access_log=False,
                server_header=False,
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """``http://host:port``, without a trailing slash. Raises SimulatorError if it is not running."""
        if self._socket is None:
            raise SimulatorError("the simulator is not running; enter it with `with` first")
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    def set_now(self, now: datetime) -> None:
        """Set the sources' time to ``now`` (an aware datetime)."""
        self.clock.set(now)

    def clear_now(self) -> None:
        """Return to the real time."""
        self.clock.set(None)

    def __enter__(self) -> Simulator:
        require_loopback()
        bound = self._bind()
        self._thread = threading.Thread(target=self._server.run, args=([bound],), name="simulator", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(_START_SECONDS):
            raise SimulatorError(f"the simulator did not start within {_START_SECONDS:.0f} s; see its log above")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                self._server.force_exit = True
                self._thread.join(_STOP_SECONDS)
        self._close()

    def run(self, on_ready: Callable[[str], None]) -> None:
        """Serve in the foreground until interrupted; calls ``on_ready`` with the address first."""
        require_loopback()
        bound = self._bind()
        on_ready(self.url)
        try:
            self._server.run([bound])
        finally:
            self._close()

    def _bind(self) -> socket.socket:
        # The protocol is explicit, or the server would not disable Nagle's algorithm (40 ms per response).
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((LOOPBACK, self._port))
        except OSError as error:
            bound.close()
            raise SimulatorError(f"port {self._port} cannot be used ({error}); choose another port, or 0") from error
        bound.listen(1024)
        self._socket = bound
        return bound

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
