"""Make sure that a file, or the entries of a folder, outlast a power loss.

Belongs here: the one call to the operating system. Does not belong here: which files must be on the disk, and when.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NEVER = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}
"""A folder that may not be listed, or whose file system syncs no folders (some network shares)."""


def sync(path: Path) -> None:
    """Return once the content of a file, or the names in a folder, is on the disk. Raises OSError.

    It makes no difference which process wrote them. A folder that cannot be synced is passed over, as SQLite does.
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
