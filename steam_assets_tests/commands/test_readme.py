"""The README's commands exist, and its output is an output."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.sources import SOURCES
from steam_assets_tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
COMMANDS = sorted(
    {line.split()[1] for line in re.findall(r"steam-assets [a-z][a-z-]+[^\n]*", README) if "`" not in line}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output


def test_options_of_the_readme_exist() -> None:
    groups = "|".join(group.name or "" for group in app.registered_groups)
    for command, options in re.findall(rf"steam-assets ((?:(?:{groups}) )?[a-z-]+)([^\n#`]*)", README):
        shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).output
        for option in re.findall(r"--[a-z-]+", options):
            assert option in shown, (command, option)


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_the_demo_table_of_the_readme_is_reconciled() -> None:
    """It is pasted from a run: each line's numbers agree with each other, as the text under it says."""
    lines = [line.split() for line in README.splitlines() if line.split()[:1] and line.split()[0] in BY_NAME]
    table = [line for line in lines if len(line) == 9]
    assert len({line[0] for line in table}) >= 5
    for line in table:
        fetched, published, landed, clean, quarantined, duplicates = map(int, line[2:8])
        assert fetched == published == landed == clean + quarantined + duplicates


BY_NAME = {source.name for source in SOURCES}
