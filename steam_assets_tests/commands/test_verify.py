"""`steam-assets verify` reads all there is, the backup's own partitions too, and never says all is well of nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_backup import back_up
from steam_assets.settings import Settings
from steam_assets_tests.lake.raw_landing import KEY, SOURCE, land


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    return tmp_path


def verify(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *options])
    return done.exit_code, " ".join(done.output.split())


def backed_up(home: Path) -> Lake:
    lake = Lake(Settings(home=home))
    lake.raw.commit(SOURCE, KEY, land(lake.raw))
    back_up(lake.raw, lake.raw_backup, SOURCE, KEY)
    return lake


def test_nothing_kept_is_not_all_well(home: Path) -> None:
    code, said = verify()
    assert code == 2
    assert "no such partition" in said


def test_good_copies_are_said_to_be_good(home: Path) -> None:
    backed_up(home)
    code, said = verify()
    assert code == 0
    assert said.endswith("1 raw partitions and their backups are as they were written.")


def test_a_lost_raw_disk_is_a_problem_even_with_a_good_backup(home: Path) -> None:
    backed_up(home)
    shutil.rmtree(home / "raw" / SOURCE)
    code, said = verify()
    assert code == 1
    assert KEY in said


def test_a_damaged_backup_is_named(home: Path) -> None:
    backed_up(home)
    copy = next((home / "raw-backup" / SOURCE / KEY).glob("*.jsonl.gz"))
    copy.write_bytes(copy.read_bytes()[:-1] + b"x")
    code, said = verify()
    assert code == 1
    assert copy.name in said
