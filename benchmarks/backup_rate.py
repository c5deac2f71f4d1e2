"""How much slower a verified backup is than a plain copy with a digest of the same bytes, and `verify` than digests.

Run: python -m benchmarks.backup_rate --megabytes 256
Both read the copy's bytes back. The backup also reads each file's footer, and commits the copy with its record.
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

from benchmarks.measured import Bound, Comparison, print_comparisons, rounds, seconds_of, working_folder
from benchmarks.raw_partition import LANDED_AT, put_batch
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake, Twins
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named

SOURCE, KEY, FILES = source_named("reviews"), "2026-11-10", 4
LINE_BYTES = 48 * 1024
CHUNK_BYTES = 1 << 20
LIMIT = Bound(1.43)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=256, help="Size of the partition.")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with working_folder("backup") as home:
        print_comparisons(measure(home, asked.megabytes, asked.rounds))


def measure(home: Path, megabytes: int, count: int) -> list[Comparison]:
    """Back up a partition of about this size, or copy its files; verify both, or hash them; in alternating rounds."""
    settings = Settings(home=home)
    paths = partition_of(Lake(settings), megabytes)
    size = sum(path.stat().st_size for path in paths)

    def into_empty(prepared: Callable[[Path], Callable[[], object]]) -> float:
        taken = seconds_of(prepared(home / "copy"))
        shutil.rmtree(home / "copy")
        # Pending disk writes of one variant must not slow down the next.
        os.sync()
        return taken

    def backing_up(goal: Path) -> Callable[[], object]:
        twins = Lake(settings.model_copy(update={"raw_backup_root": str(goal)})).raw_twins(SOURCE)
        twins.backup.create()
        return lambda: back_up(twins, [KEY], LANDED_AT)

    copies: dict[str, Callable[[Path], Callable[[], object]]] = {
        "back_up": backing_up,
        "copy + SHA-256": lambda goal: partial(copy, paths, goal, synced=False),
        "copy + fsync + SHA-256": lambda goal: partial(copy, paths, goal, synced=True),
    }
    taken = rounds({name: partial(into_empty, way) for name, way in copies.items()}, count)
    work = f"back up {size / 1e6:.0f} MB in {FILES} files, and read them back"
    found = [Comparison(work, name, taken["back_up"], taken[name], LIMIT) for name in copies if name != "back_up"]
    return [*found, verification(Lake(settings).raw_twins(SOURCE), count)]


def verification(twins: Twins[RawRecord], count: int) -> Comparison:
    """Verify a partition and its backup, or hash the files of both, in alternating rounds."""
    back_up(twins, [KEY], LANDED_AT)
    paths = [path for table in (twins.primary, twins.backup) for path in files_of(table)]
    taken = rounds(
        {
            "verify": lambda: seconds_of(lambda: verify_twins(twins, KEY)),
            "SHA-256": lambda: seconds_of(lambda: [digest(path) for path in paths]),
        },
        count,
    )
    work = f"verify {sum(path.stat().st_size for path in paths) / 1e6:.0f} MB, original and backup"
    return Comparison(work, "SHA-256", taken["verify"], taken["SHA-256"], LIMIT)


def partition_of(lake: Lake, megabytes: int) -> list[Path]:
    """Create a raw partition of about that size on disk; returns its files."""
    for number in range(FILES):
        batch_id = f"{number:032x}"
        put_batch(lake, SOURCE, KEY, batch_id, _envelopes(batch_id, megabytes * 10**6 // FILES // LINE_BYTES))
    return files_of(lake.raw(SOURCE))


def files_of(table: IcebergTable) -> list[Path]:
    return [Path(file.file_path) for file in table.files_of(KEY)]


def _envelopes(batch_id: str, count: int) -> Iterator[Envelope]:
    for sequence in range(count):
        # Base64 of random bytes: zstd compresses it back to about the size of those bytes.
        body = base64.b64encode(os.urandom(LINE_BYTES)).decode()
        yield Envelope(
            source=SOURCE.name,
            partition_key=KEY,
            batch_id=batch_id,
            sequence=sequence,
            request="page",
            app_id=10,
            url="https://api.steampowered.com/",
            status=200,
            headers={},
            fetched_at=LANDED_AT,
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
            items={},
        )


def copy(paths: list[Path], goal: Path, *, synced: bool) -> list[str]:
    """Copy files and read each copy back; returns the copies' SHA-256."""
    goal.mkdir()
    return [_copied(path, goal / path.name, synced=synced) for path in paths]


def _copied(origin: Path, goal: Path, *, synced: bool) -> str:
    with origin.open("rb") as read, goal.open("wb") as written:
        shutil.copyfileobj(read, written, CHUNK_BYTES)
        written.flush()
        if synced:
            os.fsync(written.fileno())
    return digest(goal)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
