"""Detect that a failure was caused by a full disk, and find the folder.

Belongs here: how Python, SQLite and the JVM report a full disk. Does not belong here: who handles it.
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
"""SQLite also reports a full disk this way when it maps a file into memory."""
NEARLY_NOTHING = 1 << 20
"""Bytes; a disk with less free space counts as full."""


def disk_is_full(failure: str, folders: Iterable[Path]) -> str | None:
    """Explain what to do if the text of a failure reports a full disk; None if it does not.

    The message names the one of ``folders`` (those the product writes to) with the least free space, because the file
    being written may already have been deleted.
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
        "or move it to a larger disk, then run it again; finished work is kept"
    )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
