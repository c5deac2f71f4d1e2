"""Temporary folders that carry the mark of their process, and the end of those whose process died.

Belongs here: making and sweeping them. Does not belong here: what is in them, how a process is known
(processes/identity.py).

A process that is killed does not remove its temporary folders. Whoever makes the next one at the same place removes
those of the dead, never those of a living process or of another machine.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from steam_assets.processes.identity import ProcessIdentity, left_by_the_dead

_MARKED = re.compile(r"~(?P<mark>[0-9a-f]+(?:_\d+)+)~[^~]*")


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder in ``parent`` (default: the system's temporary folder), for its owner alone, gone at the end."""
    where = parent or Path(tempfile.gettempdir())
    sweep_dead(where)
    with tempfile.TemporaryDirectory(prefix=marked(prefix), dir=where, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def process_scratch() -> Path:
    """A folder in the system's temporary folder that lasts until this process ends."""
    return _process_scratch(ProcessIdentity.current())


def marked(prefix: str) -> str:
    """The beginning of a name that tells that this process made what has it; a random part follows."""
    return f"{prefix}~{ProcessIdentity.current().mark}~"


def sweep_dead(parent: Path) -> None:
    """Remove what dead processes left in a folder; looks once in the life of this process."""
    _sweep(parent, ProcessIdentity.current())


@cache
def _process_scratch(owner: ProcessIdentity) -> Path:
    sweep_dead(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=marked("steam-process-")))
    atexit.register(_remove_of, folder, owner)
    return folder


def _remove_of(folder: Path, owner: ProcessIdentity) -> None:
    # A forked child inherits the handler, not the folder.
    if ProcessIdentity.current() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _sweep(parent: Path, _process: ProcessIdentity) -> None:
    if not parent.is_dir():
        return
    for entry in parent.iterdir():
        named = _MARKED.search(entry.name)
        if named and left_by_the_dead(named["mark"]):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
