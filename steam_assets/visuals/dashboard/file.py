"""The dashboard as a file: its path by default, and writing it.

Belongs here: the path. Does not belong here: its content (page.py), how a file is replaced (output_file.py).
"""

from __future__ import annotations

from pathlib import Path

from steam_assets.settings import Settings
from steam_assets.visuals.output_file import draft_of


def dashboard_path(settings: Settings) -> Path:
    """The default path of the page."""
    return (settings.home / "dashboard.html").absolute()


def write_whole(where: Path, content: bytes) -> int:
    """Write a file as output_file.py does; returns its size in bytes."""
    with draft_of(where) as draft:
        draft.write_bytes(content)
    return len(content)
