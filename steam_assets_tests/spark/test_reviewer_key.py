"""The key of reviewers' pseudonyms: made once, whole, for its owner alone."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steam_assets.settings import Settings
from steam_assets.spark.reviewer_key import UnusableKey, reviewer_key


def test_all_who_ask_first_at_once_get_one_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: reviewer_key(settings), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    (kept,) = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_an_empty_key_is_refused_rather_than_used(tmp_path: Path) -> None:
    """With an empty key anybody could find a reviewer by trying ids."""
    (tmp_path / "reviewer_hash_key").touch()
    with pytest.raises(UnusableKey, match="STEAM_REVIEWER_HASH_KEY"):
        reviewer_key(Settings(home=tmp_path))
