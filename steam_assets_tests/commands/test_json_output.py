"""With ``--json``, stdout is JSON and nothing else, whatever kind of object a command is asked about."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.insights import INSIGHTS
from steam_assets.lake.lake import Lake

LINES = (
    "status --json",
    "status --source reviews --json",
    "doctor --json",
    "import-history old --dry-run --json",
    "sql 'show tables' --json -",
    "sql 'describe reviews' --json -",
    "sql 'select * from most_played' --json -",
    "sql 'select * from most_played where false' --json -",
    "trace most_played --partition 2026-11-17 --json",
    "trace reviews --partition 2026-11-10 --app 10 --json",
    "trace visits --partition 2026-10-01 --json",
    "trace insight_market_day --partition 2026-11-17 --json",
    "trace review_scores --partition 2026-11-10 --json",
    "trace traffic_vs_players --partition 2026-10-01 --json",
)


@pytest.fixture
def home(market_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files to import; the settings name the market lake."""
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "2023-10-27_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,A,0\n")
    return tmp_path


def printed(line: str) -> Any:
    return json.loads(CliRunner().invoke(app, shlex.split(line)).stdout)


@pytest.mark.parametrize("line", LINES)
def test_stdout_is_json(line: str, home: Path) -> None:
    assert isinstance(printed(line), list | dict)


def test_every_command_with_json_is_tested() -> None:
    commands = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    having = {name for name, one in commands.items() if any("--json" in option.opts for option in one.params)}
    assert having == {line.split()[0] for line in LINES}


def test_an_insight_is_traced_to_the_records_of_its_inputs(home: Path) -> None:
    found = printed("trace market_day --partition 2026-11-17 --json")
    assert (found["table"], found["partition_key"]) == ("insight_market_day", "2026-11-17")
    (own,) = (one for one in found["inputs"] if one["partition_key"] == "2026-11-17")
    traced = printed(f"trace {own['table']} --partition 2026-11-17 --json")
    assert own["record"] == traced["record"]


@pytest.mark.parametrize("insight", [one.name for one in INSIGHTS if one.cadence])
def test_a_partition_that_does_not_exist_is_an_error(insight: str, home: Path) -> None:
    done = CliRunner().invoke(app, ["trace", insight, "--partition", "2031-04-01", "--json"])
    assert done.exit_code == 2 and done.stdout == ""


def test_an_insight_cannot_be_traced_for_one_app(home: Path) -> None:
    done = CliRunner().invoke(app, ["trace", "market_day", "--partition", "2026-11-17", "--app", "10"])
    assert done.exit_code == 2 and "--app" in done.stderr
