"""Sync a file, or the entries of a folder, to disk so that they survive a power loss.

Belongs here: the system call. Does not belong here: which files must be on disk, and when.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NEVER = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}
"""A folder that may not be listed, or whose file system cannot sync folders (some network shares)."""


def sync(path: Path) -> None:
    """Return once a file's content, or a folder's entries, are on disk. Raises OSError.

    Covers writes of any process. A folder that cannot be synced is skipped, as in SQLite.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NEVER or not path.is_dir():
            raise
