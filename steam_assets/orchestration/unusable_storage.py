"""Explain that Dagster cannot use its storage: one of its SQLite files is locked, damaged, or of another user.

Belongs here: its files, and what to do. Does not belong here: who handles it (launch.py), what SQLite reports
(sqlite_files.py), the lake's own catalogs (lake/catalogs.py).
"""

from __future__ import annotations

import shlex
from pathlib import Path

from steam_assets.sqlite_files import fault_in


def unusable_storage(failure: str, dagster_home: Path) -> str | None:
    """Explain what to do if the text of a failure reports a file that SQLite could not use; None if it does not.

    Dagster has waited 5 s for a lock of the list of runs, or 30 s for one of events.
    """
    fault = fault_in(failure, databases(dagster_home))
    if fault is None:
        return None
    if fault.kind == "damaged":
        place = shlex.quote(str(fault.place))
        return (
            f"{fault.place}, in which Dagster records runs, is damaged; no collected data are in it. Type "
            f"`mv {place} {place}.damaged`, then run it again: Dagster creates a new one"
        )
    return f"Dagster could not record the run; what it had committed stays. {fault}"


def databases(dagster_home: Path) -> list[Path]:
    """The files of Dagster's instance, existing or not: the lists of runs, of their events, and of schedules' ticks."""
    history = dagster_home / "history"
    return [history / "runs.db", history / "runs" / "index.db", dagster_home / "schedules" / "schedules.db"]
