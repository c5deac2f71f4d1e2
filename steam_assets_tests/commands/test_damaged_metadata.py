"""A table whose current metadata file is damaged: every command names it and what to type, and that works."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import UnsafeRoot
from steam_assets.settings import Settings
from steam_assets_tests.lake.raw_landing import KEY, LATER, NEWS, NOW, land
from steam_assets_tests.nightly import rest_nightly


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current metadata file of raw news, of which two partitions are backed up."""
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    lake = Lake(Settings(home=tmp_path))
    for number, key in enumerate((KEY, LATER), start=1):
        land(lake, number=number, key=key)
    assert back_up(lake.raw_twins(NEWS), [KEY, LATER], NOW)[1] == []
    table = lake.raw(NEWS).load()
    assert table is not None
    return Path(table.metadata_location)


def refusal(*command: str) -> str:
    error = CliRunner().invoke(app, [*command]).exception
    assert isinstance(error, UnsafeRoot)
    return str(error)


COMMANDS = ("verify", "status", f"restore --source news --partition {KEY} --overwrite", "restore --yes")


@pytest.mark.parametrize("damage", rest_nightly(["truncated", "missing", "empty", "not text"], kept=2))
@pytest.mark.parametrize("command", COMMANDS)
def test_damaged_metadata_is_named_with_its_table_and_what_to_type(current: Path, command: str, damage: str) -> None:
    content = {"truncated": current.read_bytes()[:200], "empty": b"", "not text": b"\xff\xfe" * 50}
    current.unlink() if damage == "missing" else current.write_bytes(content[damage])
    said = refusal(*command.split())
    assert f"metadata of table news in {current.parent} is lost or damaged" in said
    assert "`steam-assets catalog rebuild --root raw`" in said and "\n" not in said


def test_the_advice_leads_back_to_an_intact_lake(current: Path) -> None:
    current.write_bytes(current.read_bytes()[:200])
    assert f"{current}. Rename" in refusal("catalog", "rebuild", "--root", "raw")
    current.rename(current.with_name(f"{current.name}.bak"))
    for command in ("catalog rebuild --root raw", "restore --yes", "verify"):
        done = CliRunner().invoke(app, command.split())
        assert done.exit_code == 0, done.output
