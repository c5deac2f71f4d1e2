"""The dashboard as a file: where it lies and how it is replaced.

Belongs here: the file's place and its whole replacement. Does not belong here: what is in it (page.py).
"""

from __future__ import annotations

import os
from pathlib import Path

from steam_assets.settings import Settings


def dashboard_path(settings: Settings) -> Path:
    """Where the page lies if nobody says otherwise."""
    return (settings.home / "dashboard.html").absolute()


def write_whole(where: Path, content: bytes) -> int:
    """Write a file so that a reader sees the old one or the new one; gives its bytes."""
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_name(f".{where.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(where)
    finally:
        part.unlink(missing_ok=True)
    return len(content)
