"""The folder of recorded responses that ``demo --replay`` and ``simulate --replay`` read.

Belongs here: rejecting a folder without recordings, and reporting what is not replayed. Does not belong here: what
recordings are (simulator/).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.simulator.replay import LeftOut, Recording


def recorded_in(folder: Path) -> Recording:
    """What can be replayed from a folder. Raises BadParameter if it is not a folder or nothing can be replayed."""
    from steam_assets.simulator.replay import catalogue

    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder; name one with recorded responses", param_hint="--replay")
    recording = catalogue(folder)
    if not recording.partitions:
        raise nothing_recorded(folder, recording.left_out)
    return recording


def nothing_recorded(folder: Path, left_out: Sequence[LeftOut]) -> typer.BadParameter:
    """The error for a folder without usable recordings: what it contains, and what is expected."""
    from steam_assets.simulator.recorded_files import LAYOUT

    why = "; ".join(str(left) for left in left_out) or "it is empty"
    return typer.BadParameter(f"nothing in {folder} can be replayed: {why}. Expected: {LAYOUT}", param_hint="--replay")


def show_left_out(console: Terminal, left_out: Sequence[LeftOut]) -> None:
    """Print one line per kind of recording that is not replayed."""
    for left in left_out:
        console.print(f"Not replayed: {left}", soft_wrap=True)
