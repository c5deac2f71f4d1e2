"""A command does its work whatever its standard streams are, as under ``nohup … >&- 2>&- <&- &``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.processes import STEAM_ASSETS

pytestmark = pytest.mark.process


@pytest.mark.parametrize("closed", rest_nightly(["<&- >&- 2>&-", ">&-", "<&-", "2>&-", "<&- >&-"], kept=2))
def test_a_command_works_with_closed_streams(closed: str, tmp_path: Path) -> None:
    line = f'"$0" contracts "$1" {closed}'
    done = subprocess.run(["bash", "-c", line, STEAM_ASSETS, str(tmp_path / "made")], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert [*(tmp_path / "made").iterdir()]


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-"])
def test_a_mistake_is_still_reported(closed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$0" statu {closed}', STEAM_ASSETS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "status" in done.stderr
