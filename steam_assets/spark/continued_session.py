"""Which session of the kept Spark a process continues, so that only as many exist as processes have used it at once.

Belongs here: reserving a session, and what its next user must set again. Does not belong here: the server
(warm_spark.py), a session's configuration (session.py).

Spark drops the catalogs of an ended session without closing them, and SQLite's driver closes no connection that nobody
refers to any more: a session per run would leave an open file per catalog and run. A reservation ends with its process,
however that ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import Settings, private_folder

RESET = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
"""Spark's defaults of what commit_rows.py changes for a while: a killed run has not set them back."""


def continued_session(settings: Settings, address: str) -> str:
    """The id of a session of the server at ``address`` (``warm_spark``) that no other process uses.

    It depends on the files of the catalogs, too: one that was lost and rebuilt must not be read through a connection to
    the old file.
    """
    number, _ = _reserved(settings.home)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, repr([address, number, *_catalog_files(settings)])))


@cache
def _reserved(home: Path) -> tuple[int, FileLock]:
    """The first number that no other process has reserved; its lock is held until this process ends."""
    folder = private_folder(home / "spark" / "sessions")
    return next((number, lock) for number in count() if (lock := _locked(folder / f"{number}.lock")) is not None)


def _locked(file: Path) -> FileLock | None:
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def _catalog_files(settings: Settings) -> Iterator[tuple[int, int] | None]:
    for root in ROOT_NAMES:
        found = None
        with suppress(OSError):
            found = sqlite_file(settings, root).stat()
        yield (found.st_dev, found.st_ino) if found else None
