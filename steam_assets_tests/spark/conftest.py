"""A lake in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path / "home"))
