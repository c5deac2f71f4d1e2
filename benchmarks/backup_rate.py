"""How much a verified backup costs above a bare copy with a digest of the same bytes.

Run: python -m benchmarks.backup_rate --megabytes 256
The backup syncs the copy to the disk, drops its cached pages and reads the disk; the bare copies read the cache.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.measured import Bound, print_table, rounds, seconds_of, working_folder
from steam_assets.lake import raw_backup
from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.manifest import LandedBatch
from steam_assets.lake.raw_store import RawStore, raw_file_name

SOURCE, KEY, FILES = "reviews", "2026-11-10", 4
LINE_BYTES = 48 * 1024
CHUNK_BYTES = 1 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=256, help="Size of the partition.")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with working_folder("backup") as home:
        measure(home, asked.megabytes, asked.rounds)


def measure(home: Path, megabytes: int, count: int) -> None:
    primary = RawStore(DiskStore(home / "raw"))
    paths = partition_of(primary, home / "raw", megabytes)
    size = sum(path.stat().st_size for path in paths)

    def into_empty(work: Callable[[Path], object]) -> float:
        taken = seconds_of(lambda: work(home / "copy"))
        shutil.rmtree(home / "copy")
        # What one way left to be written to the disk must not slow the next.
        os.sync()
        return taken

    def back_up(goal: Path) -> None:
        raw_backup.back_up(primary, RawStore(DiskStore(goal)), SOURCE, KEY)

    copies: dict[str, Callable[[Path], object]] = {
        "back_up": back_up,
        "copy + SHA-256": partial(copy, paths, synced=False),
        "copy + fsync + SHA-256": partial(copy, paths, synced=True),
    }
    taken = rounds({name: partial(into_empty, way) for name, way in copies.items()}, count)
    ours, bound = taken["back_up"], Bound(0.7, at_least=True)
    rows = [
        [
            name,
            f"{s:.2f}",
            f"{size / s / 1e6:.0f}",
            f"{s / ours:.2f}",
            "" if name == "back_up" else bound.judge(s / ours),
        ]
        for name, s in taken.items()
    ]
    title = f"{size / 1e6:.0f} MB in {FILES} files, median of {count} rounds"
    print_table(title, ["way", "seconds", "MB/s", "back_up's rate to it", "target"], rows)


def partition_of(raw: RawStore, root: Path, megabytes: int) -> list[Path]:
    """A raw partition of about that size on the disk; its files."""

    def lines() -> Iterator[bytes]:
        # Base64 of random bytes: gzip packs it back to about those bytes.
        for _ in range(megabytes * 10**6 // FILES // LINE_BYTES):
            yield base64.b64encode(os.urandom(LINE_BYTES))

    names = [raw_file_name("steam.reviews.v1", number, 0) for number in range(FILES)]
    files = tuple(raw.write_file(SOURCE, KEY, name, lines()) for name in names)
    records = sum(file.records for file in files)
    batch = LandedBatch(
        batch_id="0" * 32, receipt=None, files=files, fetched=records, published=records, landed=records, items={}
    )
    raw.commit(SOURCE, KEY, batch)
    return [root / file.key for file in files]


def copy(paths: list[Path], goal: Path, *, synced: bool) -> list[str]:
    """Copy files and read each copy back; the copies' SHA-256."""
    goal.mkdir()
    return [_copied(path, goal / path.name, synced=synced) for path in paths]


def _copied(origin: Path, goal: Path, *, synced: bool) -> str:
    with origin.open("rb") as read, goal.open("wb") as written:
        shutil.copyfileobj(read, written, CHUNK_BYTES)
        written.flush()
        if synced:
            os.fsync(written.fileno())
    with goal.open("rb") as back:
        return hashlib.file_digest(back, "sha256").hexdigest()


if __name__ == "__main__":
    main()
