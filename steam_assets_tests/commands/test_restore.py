"""``restore`` of everything shows its plan and asks for confirmation; without a terminal it names --yes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.settings import Settings
from steam_assets_tests.lake.raw_landing import KEY, LATER, NEWS, land

NOW = datetime(2026, 11, 18, tzinfo=UTC)


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """A lake with two backed-up partitions whose raw primaries are lost."""
    lake = Lake(Settings(home=tmp_path))
    for number, key in enumerate((KEY, LATER), start=1):
        land(lake, number=number, key=key)
    back_up(lake.raw_twins(NEWS), [KEY, LATER], NOW)
    (tmp_path / "raw").rename(tmp_path / "gone")
    return tmp_path


def is_back(home: Path) -> bool:
    return set(SourceLedger.of(Lake(Settings(home=home)), NEWS).raw) == {KEY, LATER}


def asked(home: Path, answer: str) -> tuple[int, str]:
    """Exit code and output of `restore` in a terminal where ``answer`` is typed."""
    ours, its = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "steam_assets", "restore", "--home", str(home)],
        stdin=its,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(ours)
    os.close(its)
    return done.returncode, " ".join(done.stdout.split())


@pytest.mark.process
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_restoring_everything_shows_the_plan_and_asks(lost: Path, answer: str, code: int) -> None:
    returned, said = asked(lost, answer)
    assert returned == code, said
    assert f"news: 2 partitions ({KEY} to {LATER}); missing here or different: 2" in said
    assert is_back(lost) == (answer == "y")


def test_without_a_terminal_it_names_the_option(lost: Path) -> None:
    done = CliRunner().invoke(app, ["restore", "--home", str(lost)])
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert not is_back(lost)


@pytest.mark.parametrize("options", [("--yes",), ("--source", NEWS.name)])
def test_there_is_no_prompt_if_the_options_say_what_to_restore(lost: Path, options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["restore", "--home", str(lost), *options]).exit_code == 0
    assert is_back(lost)
