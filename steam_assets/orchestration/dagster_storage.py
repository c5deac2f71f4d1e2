"""Dagster's SQLite storage with connections that stay open; dagster.yaml names it.

Belongs here: how its databases are opened, and how the Dagster UI then follows them. Does not belong here: their
tables, which are Dagster's own: the same files can be opened without this.

Dagster opens and closes a database for each statement, so several times for each event of a run, and the last to close
one copies its write-ahead log back (docs/decisions/0020-connections-to-sqlite-stay-open.md).
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TypeVar

from dagster import DagsterInstance
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.base import ScheduleStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

StorageT = TypeVar("StorageT", RunStorage, EventLogStorage, ScheduleStorage)

KEPT_OPEN = 4
"""Databases of events at a time. Each run has one; a process writes one or two of them, and the index of all."""
WAIT_SECONDS = 5.0
"""How long the lists of runs and schedules wait for a locked database: SQLite's default, like in Dagster."""


@dataclass(frozen=True)
class _Open:
    engine: Engine
    process: int
    file: tuple[int, int] | None
    """Device and inode, or None if the file can be neither found nor created."""


class _Databases:
    """Engines of SQLite files. A file that was replaced is opened anew, and so is each file in a forked process."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._inherited: list[_Open] = []
        self._lock = Lock()

    def engine(self, url: str) -> Engine:
        with self._lock:
            file = _identity(url)
            known = self._open.pop(url, None)
            if known is not None and (known.process != os.getpid() or known.file != file):
                self._forget(known)
                known = None
            engine = known.engine if known else _engine(url, self._wait_seconds)
            self._open[url] = _Open(engine, os.getpid(), file)
            while len(self._open) > KEPT_OPEN:
                self._forget(self._open.popitem(last=False)[1])
            return engine

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._forget(self._open.popitem()[1])

    def _forget(self, known: _Open) -> None:
        # SQLite's locks belong to a process: connections of the parent must not be closed here.
        if known.process != os.getpid():
            self._inherited.append(known)
        else:
            known.engine.dispose()


def _identity(url: str) -> tuple[int, int] | None:
    """Device and inode of the file, which is created if there is none; None if that is impossible."""
    # Parsing the URL before each statement would cost more than looking at the file.
    file = Path(url.removeprefix("sqlite:///"))
    with suppress(OSError):
        if not file.exists():
            file.touch()
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


def _engine(url: str, wait_seconds: float) -> Engine:
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=1, max_overflow=-1, connect_args={"timeout": wait_seconds}
    )
    event.listen(engine, "connect", _synchronize_at_checkpoints)
    return engine


def _synchronize_at_checkpoints(connection: sqlite3.Connection, _record: object) -> None:
    """With a write-ahead log, a power cut may then undo the newest events, but never damages the database."""
    connection.execute("PRAGMA synchronous=NORMAL")


class _OneDatabase:
    """Overrides how Dagster's storage opens its only database."""

    _conn_string: str

    @cached_property
    def _databases(self) -> _Databases:
        return _Databases(WAIT_SECONDS)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._databases.engine(self._conn_string).begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._databases.close()


class _Runs(_OneDatabase, SqliteRunStorage): ...


class _Schedules(_OneDatabase, SqliteScheduleStorage): ...


class _Events(SqliteEventLogStorage):
    """One database per run, and an index of all."""

    def __init__(self, base_dir: str) -> None:
        self._databases = _Databases(SQLITE_BUSY_TIMEOUT_SECONDS)
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._databases.engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        if not self._obs:
            self._obs = Observer()
            self._obs.start()
        follower = _Follower(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (follower, self._obs.schedule(follower, self._base_dir, recursive=True))

    def dispose(self) -> None:
        super().dispose()
        self._databases.close()


class _Follower(SqliteEventLogStorageWatchdog):
    """Reads a run's new events when its write-ahead log grows, not only when that is copied into the database."""

    @property
    def patterns(self) -> list[str]:
        return [f"{file}*" for file in super().patterns or ()]

    def on_modified(self, event: FileSystemEvent) -> None:
        self._process_log()


class PooledSqliteStorage(DagsterSqliteStorage):
    """The storage of a local instance: runs, their events and schedules in databases under ``base_dir``.

    Dagster makes one of these for each of the three, so each opens only its own.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # DagsterSqliteStorage itself would open all of them.
        DagsterStorage.__init__(self)
        self.base_dir = base_dir
        self._inst_data = inst_data

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> PooledSqliteStorage:
        return cls(inst_data=inst_data, **config_value)

    def register_instance(self, instance: DagsterInstance) -> None:
        DagsterStorage.register_instance(self, instance)

    @cached_property
    def _run_storage(self) -> RunStorage:
        return self._registered(_Runs.from_local(self._folder("history")))

    @cached_property
    def _event_log_storage(self) -> EventLogStorage:
        return self._registered(_Events(self._folder("history", "runs")))

    @cached_property
    def _schedule_storage(self) -> ScheduleStorage:
        return self._registered(_Schedules.from_local(self._folder("schedules")))

    def _folder(self, *names: str) -> str:
        return str(Path(self.base_dir, *names))

    def _registered(self, storage: StorageT) -> StorageT:
        if self.has_instance:
            storage.register_instance(self._instance)
        return storage
