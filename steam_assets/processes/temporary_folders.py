"""Temporary folders marked with their process, and removal of those whose process died.

Belongs here: creating and sweeping them. Does not belong here: their contents, identifying a process (identity.py).

A killed process does not remove its temporary folders. The next process that creates one in the same place removes
those of dead processes, never those of a live process or of another machine.
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
    """A new owner-only folder in ``parent`` (default: the system's temporary folder), removed on exit."""
    where = parent or Path(tempfile.gettempdir())
    sweep_dead(where)
    with tempfile.TemporaryDirectory(prefix=marked(prefix), dir=where, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def process_scratch() -> Path:
    """A folder in the system's temporary folder that exists until this process ends."""
    return _process_scratch(ProcessIdentity.current())


def marked(prefix: str) -> str:
    """A name prefix that marks something as created by this process; a random part follows."""
    return f"{prefix}~{ProcessIdentity.current().mark}~"


def sweep_dead(parent: Path) -> None:
    """Remove what dead processes left in a folder; runs once per process."""
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
