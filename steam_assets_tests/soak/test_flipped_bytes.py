"""Verification names every flipped byte of a backup's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from steam_assets.lake.backup import backup_of, verify
from steam_assets.lake.lake import Lake
from steam_assets_tests.lake.raw_landing import KEY, files_of
from steam_assets_tests.lake.stages import SOURCE, STAGES
from steam_assets_tests.soak.conftest import Soak


@pytest.mark.slow
def test_each_flipped_byte_of_a_backup_is_named(soak: Soak, lake: Lake) -> None:
    for stage in ("land", "backup"):
        STAGES[stage](lake, [])
    flipped = 0
    for twins in lake.twins(SOURCE):
        held = backup_of(twins, KEY)
        assert held is not None
        for path in files_of(twins.backup):
            good = path.read_bytes()
            for place in soak.places(f"bytes of {twins.label}", len(good), 20):
                _flip(path, good, place, 1 << soak.random.randrange(8))
                assert verify(twins.backup, [held]), f"{path} byte {place}"
                flipped += 1
            path.write_bytes(good)
        assert verify(twins.backup, [held]) == []
    soak.found("Bytes of a backup's data files flipped, one bit each", f"{flipped}: every one was named")


def _flip(path: Path, good: bytes, place: int, mask: int) -> None:
    path.write_bytes(good[:place] + bytes([good[place] ^ mask]) + good[place + 1 :])
