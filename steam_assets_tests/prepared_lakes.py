"""Lakes that are filled once and put back for each further test, which may change them.

Belongs here: keeping and putting back their files. Does not belong here: what a lake is filled with.

Tables name their files by absolute paths, so a copy is a lake only in the folder of its original.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Protocol

from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings


class Prepared(Protocol):
    """See the fixture of this name."""

    def __call__(self, fill: Callable[..., object], *arguments: Hashable) -> Lake: ...


class PreparedLakes:
    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._kept = folder / "kept"
        self._folders: dict[Any, Path] = {}

    def empty(self) -> Lake:
        if self._home.exists():
            shutil.rmtree(self._home)
        return Lake(Settings(home=self._home))

    def fill(self, lake: Lake, fill: Callable[..., object], *arguments: Hashable) -> Lake:
        """``lake``, which is empty, with what ``fill(lake, *arguments)`` writes."""
        kept = self._folders.get((fill, *arguments))
        if kept is None:
            kept = self._folders[fill, *arguments] = self._kept / str(len(self._folders))
            fill(Lake(lake.settings), *arguments)
            shutil.copytree(self._home, kept, symlinks=True)
        else:
            shutil.copytree(kept, self._home, symlinks=True)
        return lake
