"""The small lake that the publication tests read but do not change."""

from __future__ import annotations

import pytest
from small_lake import SmallLake, fill

from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    small = SmallLake(Lake(Settings(home=tmp_path_factory.mktemp("publication") / "home")))
    fill(small)
    return small
