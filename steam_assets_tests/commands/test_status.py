"""``status`` lists every gap, once per reason, and has a separate exit code for a late source."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.status import LATE
from steam_assets.lake.ledger_files import LedgerFiles, open_ledger
from steam_assets.lake.roots import MARKER, UnsafeRoot
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.settings import Settings
from steam_assets_tests.commands.partition_ledger import DAYS, SOURCE, build_ledger

NOW = datetime.fromisoformat(f"{DAYS[-1]}T12:00:00+00:00")
GAPS = (DAYS[2], DAYS[3], DAYS[4], DAYS[7])


def status(home: Path, now: datetime = NOW, *more: str) -> tuple[int, str]:
    arguments = ["status", "--home", str(home), "--source", SOURCE.name, *more]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "400", "STEAM_SIMULATED_NOW": now.isoformat()})
    return done.exit_code, done.stdout


def test_every_gap_is_named_once_per_reason(tmp_path: Path) -> None:
    build_ledger(tmp_path, NOW, [day for day in DAYS if day not in GAPS])
    code, said = status(tmp_path)
    assert code == 0
    assert f"{len(GAPS)} missing" in said
    (line,) = [line for line in said.splitlines() if line.startswith("  missing, ")]
    assert line.endswith(f": {GAPS[0]} to {GAPS[2]}, {GAPS[3]}")


def test_a_late_source_has_its_own_exit_code(tmp_path: Path) -> None:
    build_ledger(tmp_path, NOW)
    for more in ((), ("--json",)):
        assert status(tmp_path, NOW, *more)[0] == 0
        code, said = status(tmp_path, NOW + timedelta(days=3), *more)
        assert (code, "late" in said) == (LATE, True)
    assert f"Exit code {LATE}" in CliRunner().invoke(app, ["status", "--help"]).output


def test_the_place_of_the_data_is_named(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", str(tmp_path / "elsewhere")
    build_ledger(home, NOW)
    assert f"Stored in {home}\n" in re.sub(r" +\n", "\n", status(home)[1])
    done = CliRunner().invoke(
        app, ["status"], env={"COLUMNS": "900", "STEAM_HOME": str(home), "STEAM_CLEAN_BACKUP_ROOT": elsewhere}
    )
    assert f"Stored in {home}/raw, {home}/raw-backup, {home}/clean, {elsewhere}" in done.stdout


def test_json_names_every_gap(tmp_path: Path) -> None:
    build_ledger(tmp_path, NOW, [day for day in DAYS if day not in GAPS])
    (report,) = json.loads(status(tmp_path, NOW, "--json")[1])
    assert [gap["partition"] for gap in report["gaps"]] == list(GAPS)


def test_the_ledger_files_agree_with_the_tables(tmp_path: Path) -> None:
    """This also holds for a lake with an uninitialized root."""
    lake = build_ledger(tmp_path, NOW)
    files = open_ledger(Settings(home=tmp_path))
    assert isinstance(files, LedgerFiles)
    assert SourceLedger.of(files, SOURCE) == SourceLedger.of(lake, SOURCE)
    assert files.properties("clean", "reviews") == lake.properties("clean", "reviews") == {}


def test_a_lake_without_a_root_is_read_and_not_changed(tmp_path: Path) -> None:
    build_ledger(tmp_path, NOW)
    (tmp_path / "clean-backup").rename(tmp_path / "elsewhere")
    assert open_ledger(Settings(home=tmp_path)).properties("clean-backup", SOURCE.tables[0].name) == {}
    assert not (tmp_path / "clean-backup").exists()


@pytest.mark.parametrize("damage", ["moved", "no catalog", "damaged catalog", "no metadata"])
def test_a_damaged_lake_is_refused(tmp_path: Path, damage: str) -> None:
    home = tmp_path / "home"
    build_ledger(home, NOW)
    catalog = home / "raw" / "catalog.db"
    match damage:
        case "moved":
            home = home.rename(tmp_path / "copy")
        case "no catalog":
            catalog.unlink()
        case "damaged catalog":
            catalog.write_bytes(b"SQLite format 3\0" + b"?" * 5000)
        case _:
            for file in (home / "raw" / "warehouse").rglob("*.metadata.json"):
                file.unlink()
    with pytest.raises(UnsafeRoot):
        open_ledger(Settings(home=home)).properties("raw", SOURCE.name)
    assert (home / "raw" / MARKER).exists()
