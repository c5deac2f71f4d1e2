"""Every command's help has examples, and each can be run as written."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.command_list import COMMANDS
from steam_assets.commands.examples import EXAMPLES
from steam_assets.sources import SOURCES


def command_names() -> set[str]:
    found: set[str] = set()
    for name, command in typer.main.get_command(app).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        below = getattr(command, "commands", None)
        found |= {f"{name} {one}" for one in below or ()}
        if not below or command.invoke_without_command:
            found.add(name)
    return found


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == command_names()


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_shows_examples_that_can_be_typed(name: str) -> None:
    said = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"}).output
    for line, meaning in EXAMPLES[name].items():
        assert f"steam-assets {line}  # {meaning}" in said
        words = shlex.split(re.split(" [|<] ", line)[0])
        assert words[: len(name.split())] == name.split()
        command, rest = typer.main.get_command(app), words
        for part in name.split():
            command, rest = command.commands[part], rest[1:]  # pyright: ignore[reportAttributeAccessIssue]
        # Parsed as from a shell, but not run: an unknown option is an error.
        command.make_context(name, rest)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_summary_begins_its_help(name: str) -> None:
    """The command list shows the summary without importing the command."""
    command = typer.main.get_command(app).commands[name]  # pyright: ignore[reportAttributeAccessIssue]
    assert " ".join(inspect.cleandoc(command.help).split("\n\n")[0].split()) == COMMANDS[name].summary
    listed = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "400"}).output.split())
    assert f"{name} {COMMANDS[name].summary}" in listed


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.strip() == f"steam-assets {version('steam-assets')}"


@pytest.mark.process
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("run most", {"most_played"}),
        ("status --source ", {source.name for source in SOURCES}),
        ("sta", {"status"}),
        ("run news --stage clean", {"clean", "clean-backup"}),
    ],
)
def test_a_shell_completes_commands_sources_and_stages(typed: str, offered: set[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "steam_assets"],
        env={
            **os.environ,
            "_STEAM_ASSETS_COMPLETE": "complete_bash",
            "COMP_WORDS": f"steam-assets {typed}",
            "COMP_CWORD": str(len(f"{typed}x".split())),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert set(done.stdout.split()) == offered
