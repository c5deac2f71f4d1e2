"""Detect that Dagster could not record a run because another program keeps one of its SQLite files locked.

Belongs here: which file, and what to do. Does not belong here: who handles it (launch.py), the lake's own catalogs
(lake/catalogs.py).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_LOCKED = "database is locked"


def locked_storage(failure: str, dagster_home: Path) -> str | None:
    """Explain what to do if the text of a failure reports a locked database; None if it does not.

    The message names the file that is locked now, or the folder if it no longer is. Dagster has waited 5 s for the list
    of runs, or 30 s for events.
    """
    if _LOCKED not in failure:
        return None
    history = dagster_home / "history"
    named = next(filter(_is_locked, (history / "runs.db", history / "runs" / "index.db")), history)
    return (
        f"Another program keeps {named} locked, so Dagster could not record the run; what it had committed stays. End "
        "that program (a database browser, a copy in progress), then run it again"
    )


def _is_locked(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", timeout=0, uri=True)) as database:
            database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return _LOCKED in str(error)
    return False
