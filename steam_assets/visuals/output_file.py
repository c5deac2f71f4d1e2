"""A file that a command writes where its user asked for it: complete or not at all.

Belongs here: replacing a file, and what else an output path can name. Does not belong here: contents, whether the path
can be written (commands/preflight.py).
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steam_assets.processes.temporary_folders import temporary_folder


@contextmanager
def draft_of(where: Path) -> Iterator[Path]:
    """A path to write to; what is there at the end of the block goes to ``where``, unless the block raises.

    A file, also one that a symbolic link names, is replaced atomically and keeps its mode. To anything else, such as a
    FIFO or /dev/stdout, the content is written. Raises OSError.
    """
    stream = is_stream(where)
    target = real_path(where)
    if not stream:
        target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(".steam-assets-", None if stream else target.parent) as folder:
        draft = folder / "draft"
        yield draft
        if stream:
            with draft.open("rb") as content, where.open("wb") as sink:
                shutil.copyfileobj(content, sink)
            return
        if target.exists():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)


def is_stream(where: Path) -> bool:
    """Whether something exists there that is neither a file nor a folder."""
    return where.exists() and not where.is_file() and not where.is_dir()


def real_path(where: Path) -> Path:
    """The file that ``where`` names, which need not exist, behind all symbolic links."""
    return Path(os.path.realpath(where))
