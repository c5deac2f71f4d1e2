"""The disk space that a run will take, told before it starts.

Belongs here: the estimate, and refusing what does not fit. Does not belong here: a disk that fills up nevertheless
(disk_space.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from steam_assets.commands.terminal import Terminal
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES, on_s3
from steam_assets.ledger.records import RawRecord
from steam_assets.sources.source import Source
from steam_assets.writable_folders import existing

ON_THE_WAY = 2
"""Raw responses are also in the spool until they are published, and in Kafka until retention deletes them."""


def require_space(lake: Lake, asked: Iterable[tuple[Source, Sequence[str]]], console: Terminal) -> None:
    """Print what new partitions of a range will take, as those take that exist. Raises BadParameter if it is too much.

    Nothing is known about a source without partitions, or about S3.
    """
    places = [Path(root) for root in map(lake.settings.root, ROOT_NAMES) if not on_s3(root)]
    if len(places) < len(ROOT_NAMES):
        return
    fullest = min(map(existing, places), key=lambda place: shutil.disk_usage(place).free)
    free, total = shutil.disk_usage(fullest).free, 0
    for source, keys in asked:
        new, each = _new_and_average(lake, source, keys)
        total += new * each
        if new > 1 and each:
            line = f"{source.title}: {new} new partitions will take about {_size(new * each)}; {_size(free)} are free"
            console.print(line, soft_wrap=True)
    if total > free:
        raise typer.BadParameter(
            f"the new partitions will take about {_size(total)}, but {fullest} has only {_size(free)} free; free up "
            "space (`steam-assets housekeeping` lists what can be deleted), or run fewer partitions"
        )


def _new_and_average(lake: Lake, source: Source, keys: Sequence[str]) -> tuple[int, int]:
    """How many partitions are new, and the bytes that an existing one takes on average, with its copies."""
    raw = lake.raw(source).pinned()
    there = raw.records(RawRecord)
    new = len([key for key in keys if key not in there])
    # Sizes are read from the manifests of all tables.
    if not there or not new:
        return new, 0
    size = raw.size() * ON_THE_WAY + sum(twins.primary.size() + twins.backup.size() for twins in lake.twins(source))
    return new, size // len(there)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
