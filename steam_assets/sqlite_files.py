"""Which SQLite file could not be used, why, and what to do.

Belongs here: what SQLite reports, to Python and to Java. Does not belong here: who opens the files (lake/catalogs.py,
orchestration/dagster_storage.py), full disks (disk_space.py).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_LOCKED = re.compile("database is locked", re.IGNORECASE)
_REPORTED = re.compile(
    f"{_LOCKED.pattern}|attempt to write a readonly database|unable to open (the )?database file"
    "|database disk image is malformed|file (opened )?(that )?is not a database",
    re.IGNORECASE,
)

Kind = Literal["locked", "damaged", "not a file", "unreadable", "read-only"]
_FOUND: dict[Kind, tuple[str, str]] = {
    "locked": ("has been locked by another program", "end that program (a database browser, a copy in progress)"),
    "damaged": ("is damaged", "move it away"),
    "not a file": ("is not a file", "move it away"),
    "unreadable": ("cannot be read by this user", "correct its mode or owner"),
    "read-only": ("cannot be written by this user", "correct its mode or owner"),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, or with the folder in which SQLite keeps it and its journal."""

    place: Path
    kind: Kind

    @property
    def what(self) -> str:
        return _FOUND[self.kind][0]

    def __str__(self) -> str:
        return f"{self.place} {self.what}; {_FOUND[self.kind][1]}, then run it again"


def fault_in(failure: str, files: Iterable[Path]) -> Fault | None:
    """The fault of one of ``files`` if the text of a failure reports that SQLite could not use one; else None.

    A lock may be gone by now; then its place is the folder of all files, or the only file.
    """
    if not _REPORTED.search(failure):
        return None
    files = [*files]
    found = next(filter(None, map(fault_of, files)), None)
    if found is None and files and _LOCKED.search(failure):
        return Fault(Path(os.path.commonpath(files)), "locked")
    return found


def fault_of(file: Path) -> Fault | None:
    """What keeps SQLite from reading all of a file, or from writing it, which may be new; None if nothing does."""
    # Unlike Path.exists, this is also false in a folder that this user cannot enter.
    there = os.path.exists(file)  # noqa: PTH110
    if there and not file.is_file():
        return Fault(file, "not a file")
    if there and not os.access(file, os.R_OK):
        return Fault(file, "unreadable")
    for place in (file, file.parent):
        if os.path.exists(place) and not os.access(place, os.W_OK):  # noqa: PTH110
            return Fault(place, "read-only")
    kind = _refused(file) if there else None
    return Fault(file, kind) if kind else None


def _refused(file: Path) -> Kind | None:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", timeout=0, uri=True)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return "locked" if _LOCKED.search(str(error)) else None
    except sqlite3.DatabaseError:
        return "damaged"
    return None if found == "ok" else "damaged"
