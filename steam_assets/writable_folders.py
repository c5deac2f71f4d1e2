"""Whether a folder can be written, before anything is started that would fail there.

Belongs here: looking at its name, at the folder, or at what it would be created in. Does not belong here: which folders
a command needs, disk space (disk_space.py).
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory


def unwritable(folder: Path) -> str | None:
    """Why a folder (absolute, possibly missing) cannot be written; None if it can."""
    nearest = existing(folder)
    if not nearest.is_dir():
        return f"{nearest} is not a folder"
    try:
        with suppress(FileNotFoundError):
            folder.lstat()
    except OSError as error:
        return f"{folder} cannot be created ({error.strerror})"
    try:
        # Permissions alone do not tell: root may write anywhere except in /proc, on read-only mounts and on full disks.
        with TemporaryDirectory(prefix=".steam-assets-", dir=nearest):
            return None
    except OSError as error:
        return f"{nearest} cannot be written by this user ({error.strerror})"


def existing(folder: Path) -> Path:
    """The folder (absolute), or its closest existing parent."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def unusable_folder(folder: Path) -> str | None:
    """Why a folder's name makes it unusable for data; None if it is usable. All other names work everywhere."""
    name = str(folder.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"{os.fsencode(name)!r} is not UTF-8, and Java cannot open such a folder; rename it, or choose another"
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return f"{name!r} has a control character, which file formats cannot store; rename it, or choose another"
    return None
