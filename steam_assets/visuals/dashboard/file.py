"""The dashboard as a file: its path and its atomic replacement.

Belongs here: the path, and writing the file. Does not belong here: its content (page.py).
"""

from __future__ import annotations

from pathlib import Path

from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import Settings


def dashboard_path(settings: Settings) -> Path:
    """The default path of the page."""
    return (settings.home / "dashboard.html").absolute()


def write_whole(where: Path, content: bytes) -> int:
    """Replace a file atomically; returns its size in bytes."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(f".{where.name}.", where.parent) as folder:
        part = folder / where.name
        part.write_bytes(content)
        part.replace(where)
    return len(content)
