"""One stage of the raw store's work as a process of its own, so that a test can kill it: raw_stages.py FOLDER STAGE."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from raw_landing import KEY, SOURCE, land

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.raw_backup import back_up, restore
from steam_assets.lake.raw_housekeeping import apply, plan
from steam_assets.lake.raw_store import RawStore


def root(folder: Path, name: str) -> RawStore:
    return RawStore(DiskStore(folder / name))


def _land(folder: Path) -> None:
    land(root(folder, "raw"))
    land(root(folder, "raw"), number=2)


def _raw_backup(folder: Path) -> None:
    back_up(root(folder, "raw"), root(folder, "raw-backup"), SOURCE, KEY)


def _restore(folder: Path) -> None:
    restore(root(folder, "raw-backup"), root(folder, "restored"), SOURCE, KEY)


def _housekeeping(folder: Path) -> None:
    primary, backup = root(folder, "raw"), root(folder, "raw-backup")
    candidates = plan(primary, backup, [SOURCE], datetime(2026, 4, 1, tzinfo=UTC))
    outcomes = apply(primary, backup, candidates, ttl=timedelta(0), skew=timedelta(0))
    if not all(outcome.cleared for outcome in outcomes):
        sys.exit(f"left alone: {outcomes}")


STAGES: dict[str, Callable[[Path], None]] = {
    "land": _land,
    "raw_backup": _raw_backup,
    "restore": _restore,
    "housekeeping": _housekeeping,
}

if __name__ == "__main__":
    STAGES[sys.argv[2]](Path(sys.argv[1]))
