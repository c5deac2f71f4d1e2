"""The dashboard as a file: where it lies and how it is replaced.

Belongs here: the file's place and its whole replacement. Does not belong here: what is in it (page.py).
"""

from __future__ import annotations

from pathlib import Path

from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import Settings


def dashboard_path(settings: Settings) -> Path:
    """Where the page lies if nobody says otherwise."""
    return (settings.home / "dashboard.html").absolute()


def write_whole(where: Path, content: bytes) -> int:
    """Write a file so that a reader sees the old one or the new one; gives its bytes."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(f".{where.name}.", where.parent) as folder:
        part = folder / where.name
        part.write_bytes(content)
        part.replace(where)
    return len(content)
