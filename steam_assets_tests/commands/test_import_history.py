"""The report of ``import-history`` covers every file and row, and a dry run writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from steam_assets.commands.import_history import import_history, left_out, totals
from steam_assets.ingestion.history.importing import ImportLine
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named

CHART = "Rank,Game Name,Free to Play\n1,A,0\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "old"
    made.mkdir()
    (made / "2023-10-27_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,[bold]Rust,0\n")
    (made / "2023-10-27_weekly_reviews.csv").write_text("App ID,Review,Voted Up\n730,good,pos\n730\n")
    (made / "[red]notes.txt").write_text("x")
    return made


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(import_history)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_a_dry_run_prints_where_everything_belongs_and_writes_nothing(folder: Path, home: Path) -> None:
    result = run(str(folder), "--dry-run")
    assert result.exit_code == 0
    assert not home.exists()
    for told in ("top_sellers 2023-10-17", "reviews 2023-10-24", "[red]notes.txt", "Would be imported"):
        assert told in result.output
    assert "3 rows: 0 usable, 2 kept in raw for quarantine, 1 not imported. 1 file skipped" in result.output


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--json",)])
@pytest.mark.parametrize(
    "files",
    [{}, {"notes.txt": "x", "sub/photo.png": "x"}, {"2022-12-20_weekly_top_sellers.csv": CHART}],
    ids=["empty", "other files", "too early"],
)
def test_a_folder_without_importable_files_is_an_error_that_says_what_was_expected(
    files: dict[str, str], options: tuple[str, ...], tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / "none" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "none" / name).write_text(content)
    (tmp_path / "none").mkdir(exist_ok=True)
    result = run(str(tmp_path / "none"), *options)
    assert result.exit_code == 2
    assert "weekly_top_sellers.csv" in result.output
    if "--json" not in options:
        assert all(name in result.output for name in files)


def test_what_is_left_out_is_counted_by_its_reason() -> None:
    lines = [
        ImportLine("a", "news", "2023-09-19", 10, 7, {"x": 3}),
        *(ImportLine(name, None, None, 0, 0, {"not ours": 0}) for name in "bcdef"),
        ImportLine("g", "news", None, 2, 0, {"too early": 2}),
        ImportLine("h", "news", None, 3, 0, {"too early": 3}),
    ]
    assert left_out(lines) == [
        "Not imported: 5 files (b, c, d, …): not ours",
        "Not imported: 2 files, 5 rows of news (g, h): too early",
    ]


def test_only_raw_data_is_imported_on_request_and_importing_again_changes_nothing(folder: Path, home: Path) -> None:
    first = json.loads(run(str(folder), "--no-clean", "--json").stdout)
    second = json.loads(run(str(folder), "--no-clean", "--json").stdout)
    assert [line | {"there": False} for line in second] == first
    assert {line["partition_key"] for line in second if line["there"]} == {"2023-10-17", "2023-10-24"}
    assert list(Lake(Settings(home=home)).raw(source_named("reviews")).records(RawRecord)) == ["2023-10-24"]


def test_totals_add_up() -> None:
    lines = [
        ImportLine("a", "news", "2023-09-19", 10, 7, {"x": 3}),
        ImportLine("a", "news", None, 2, 0, {"too early": 2}),
        ImportLine("b", None, None, 0, 0, {"?": 0}),
    ]
    assert totals(lines).startswith("12 rows: 7 usable, 3 kept in raw for quarantine, 2 not imported. 1 file")
