"""A full disk, told from other failures, and which folder it is.

Belongs here: the ways in which Python, SQLite and the JVM say so. Does not belong here: who hears it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|database or disk is full|not enough space on the disk",
    re.IGNORECASE,
)


_PERHAPS = re.compile(r"disk I/O error")
"""SQLite's word for a full disk, too, where it is about to map a file into memory."""
NEARLY_NOTHING = 1 << 20
"""Bytes; with fewer left, a disk counts as full."""


class DiskFull(Exception):
    """A disk is full; the message names the folder and what to do."""


def disk_is_full(failure: str, folders: Iterable[Path]) -> str | None:
    """What to do if the text of a failure says that a disk is full, or None.

    Of ``folders``, which the product writes to, the one with the least space left is named: what was being written
    may be gone again.
    """
    found = _FULL.search(failure) or _PERHAPS.search(failure)
    if found is None:
        return None
    left = {existing: shutil.disk_usage(existing).free for existing in map(_existing, folders)}
    fullest = min(left, key=lambda folder: left[folder])
    if found.re is _PERHAPS and left[fullest] > NEARLY_NOTHING:
        return None
    return (
        f"The disk is full ({found[0].lower()}): {left[fullest] / 1e6:.0f} MB are left at {fullest}. Free space there, "
        "or move it to a larger disk, then run it again; what was finished before is kept"
    )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
