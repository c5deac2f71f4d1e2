"""What commands import: help, version and status start fast because they load no heavy package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from steam_assets.commands.command_list import COMMANDS
from steam_assets.commands.examples import EXAMPLES
from steam_assets_tests.commands.partition_ledger import DAYS, build_ledger

HEAVY = (
    *("pyspark", "pyiceberg", "duckdb", "altair", "dagster", "pandas", "pyarrow", "numpy", "sqlalchemy"),
    *("lxml", "requests", "botocore", "aiokafka", "psutil", "tableauhyperapi", "moto"),
)
"""Packages that take a tenth of a second or more to import; only a command that uses one may import it."""

FOR_SETTINGS = ("pydantic", "pydantic_settings", "dotenv", "steam_assets.settings", "steam_assets.sources")
"""What reading settings and the list of sources needs; help does not load it."""

SHARED = ("steam_assets.commands.refresh",)
"""A separate command whose message other commands print."""

WATCHED = (*HEAVY, *FOR_SETTINGS, *(f"steam_assets.commands.{listed.module}" for listed in COMMANDS.values()))

RUN = f"""
import json, sys
from steam_assets import cli
loaded = {{}}
for arguments in json.load(sys.stdin):
    before = set(sys.modules) if loaded else set()
    sys.argv = ["steam-assets", *arguments]
    try:
        cli.app(arguments, prog_name="steam-assets", standalone_mode=False)
    except SystemExit:
        pass
    loaded[" ".join(arguments)] = sorted((set(sys.modules) - before).intersection({WATCHED!r}))
print("\\n" + json.dumps(loaded))
"""


def loaded_by(*commands: list[str], home: Path) -> dict[str, list[str]]:
    """The heavy packages loaded by each command line, run one after the other in one new process."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(commands),
        env={**os.environ, "STEAM_HOME": str(home), "STEAM_SIMULATED_NOW": DAYS[-1]},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
def test_help_and_version_load_nothing_that_takes_long(tmp_path: Path) -> None:
    commands = [["--help"], ["--version"], *([*name.split(), "--help"] for name in EXAMPLES)]
    for command, loaded in loaded_by(*commands, home=tmp_path).items():
        listed = COMMANDS.get(command.split()[0])
        own = f"steam_assets.commands.{listed.module}" if listed else ""
        assert {*loaded} <= {own, *SHARED}, command


@pytest.mark.process
def test_status_loads_nothing_that_takes_long(tmp_path: Path) -> None:
    """It reads only the ledger, so it does not import what reads table rows."""
    build_ledger(tmp_path, datetime.fromisoformat(f"{DAYS[-1]}T12:00:00+00:00"))
    commands = [["status"], ["status", "--json"]]
    for command, loaded in loaded_by(*commands, home=tmp_path).items():
        assert {*loaded} <= {*FOR_SETTINGS, *SHARED, "steam_assets.commands.status"}, command
