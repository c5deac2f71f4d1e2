"""The query engine in a separate process, whose limits hold whatever a query does.

Belongs here: that process, and stopping it. Does not belong here: answering (engine.py), callers (agents/).

DuckDB stops most queries when it is interrupted, but not inside a single call: comparing two texts of a million
characters takes hours, and a list of a billion numbers does not count against its memory limit. A process can be
killed, and the operating system limits its memory.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Self

from steam_assets.lake.lake import Lake
from steam_assets.outages import outage
from steam_assets.query.engine import Answer, Engine, Limits
from steam_assets.query.errors import AT_THE_TIME_LIMIT, QueryError, QueryStopped
from steam_assets.settings import RootName, Settings

START_SECONDS = 120.0
GRACE_SECONDS = 1.0
"""How long before the time limit the engine is interrupted, at most; at the limit its process is killed."""
BESIDE_MB = 2048
"""Memory that a process needs besides DuckDB's own: libraries and cached tables."""


@dataclass(frozen=True)
class _Failed:
    """The message of an unexpected error, which itself may not be serializable."""

    message: str


class QueryFailed(Exception):
    """The engine failed for a reason unrelated to the query."""


class QueryWorker:
    """Answers queries as ``Engine`` does, one at a time, from any thread. ``limits`` include a time limit.

    It reads the tables ``only`` of ``roots``. The process starts with the first query, or with ``start``; a killed one
    is replaced.
    """

    def __init__(
        self, settings: Settings, roots: Sequence[RootName], limits: Limits, only: Collection[str] | None = None
    ) -> None:
        if limits.seconds is None:
            raise ValueError("a worker needs a time limit")
        self._seconds = limits.seconds
        self._limits = limits
        earlier = replace(limits, seconds=self._seconds - min(GRACE_SECONDS, self._seconds / 4))
        self._given = (settings, tuple(roots), earlier, None if only is None else frozenset(only))
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def start(self) -> None:
        """Start the process without waiting until it is ready."""
        with self._lock:
            self._running = self._running or _Running(self._given)

    def ask(self, sql: str) -> Answer:
        """Answer one SELECT. Raises QueryError, QueryStopped if it reaches a limit, or QueryFailed."""
        with self._lock:
            answer = self._asked(sql)
        if isinstance(answer, QueryError):
            raise answer
        if isinstance(answer, _Failed):
            raise QueryFailed(answer.message)
        return answer

    def close(self) -> None:
        with self._lock:
            if self._running is not None:
                self._running.kill()
            self._running = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, sql: str) -> Answer | QueryError | _Failed:
        if self._running is None or not self._running.is_alive():
            self._running = _Running(self._given)
        running = self._running
        if (failed := running.wait_until_ready()) is not None:
            running.kill()
            self._running = None
            return failed
        try:
            running.connection.send(sql)
            if running.connection.poll(self._seconds):
                return running.connection.recv()
            why = AT_THE_TIME_LIMIT
        except (EOFError, ConnectionError):
            why = f"it needs more memory than the {self._limits.memory_mb:,} MB that a query may use"
        running.kill()
        self._running = _Running(self._given)
        return QueryStopped(why)


class _Running:
    """A started process that answers queries."""

    def __init__(self, given: tuple[object, ...]) -> None:
        # A fork would copy locks held by threads that it does not have.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self.connection = ours
        self._process = context.Process(target=_serve, args=(theirs, *given), daemon=True, name="query worker")
        self._process.start()
        theirs.close()
        self._ready = False

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def wait_until_ready(self) -> _Failed | None:
        """What went wrong during the start; None once queries can be sent."""
        if self._ready:
            return None
        if not self.connection.poll(START_SECONDS):
            return _Failed(f"the query engine did not start within {START_SECONDS:g} s")
        try:
            started = self.connection.recv()
        except (EOFError, ConnectionError):
            return _Failed("the query engine ended while it started")
        self._ready = not isinstance(started, _Failed)
        return None if self._ready else started

    def kill(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.join()


def _serve(
    connection: Connection, settings: Settings, roots: Sequence[RootName], limits: Limits, only: Collection[str] | None
) -> None:
    """Answer queries until the other end is closed; open tables in idle time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    most = (limits.memory_mb + BESIDE_MB) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    try:
        engine = Engine(Lake(settings), roots, limits, only=only)
        unopened = engine.warm()
        connection.send("started")
    except Exception as error:
        connection.send(_failed(error))
        return
    while True:
        # A table that cannot be opened is reported to the query that reads it.
        while not connection.poll(0) and _opened_one(unopened):
            pass
        try:
            sql = connection.recv()
        except (EOFError, ConnectionError):
            return
        connection.send(_answered(engine, sql))


def _opened_one(unopened: Iterator[str]) -> bool:
    try:
        return next(unopened, None) is not None
    except Exception:
        return False


def _answered(engine: Engine, sql: str) -> Answer | QueryError | _Failed:
    try:
        return engine.ask(sql)
    except QueryError as error:
        return error
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> _Failed:
    return _Failed(str(outage(error) or f"{type(error).__name__}: {error}"))
