"""Checks command lines in bash blocks without running them: the product's commands, make targets, modules and files.

Belongs here: what is wrong with a line. Does not belong here: finding the lines (pages.py).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import typer

from steam_assets.cli import app
from steam_assets_tests.conftest import REPOSITORY

TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
_BETWEEN = {"|", "||", "&&", ";", "&", "(", ")"}
_OURS = re.compile(r"(docker|docs|aws|benchmarks|steam_assets\w*)/[\w./-]+")
_COMMAND: Any = typer.main.get_command(app)


def faults(script: str) -> Iterator[str]:
    """What would fail if the script were typed, as far as that can be seen without running it."""
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    if checked.returncode:
        yield checked.stderr.strip()
        return
    for command in _commands(script):
        yield from _faults_of(command)


def steam_assets_arguments(script: str) -> list[list[str]] | None:
    """The arguments of each line, if the script consists only of the product's own commands."""
    lines = [line for line in script.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not all(line.startswith("steam-assets ") and not _BETWEEN & {*_words(line)} for line in lines):
        return None
    return [shlex.split(line, comments=True)[1:] for line in lines]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, without leading assignments and redirections."""
    without_documents = re.sub(r"<<'?(\w+)'?[^\n]*\n.*?^\1$", "\n", script, flags=re.DOTALL | re.MULTILINE)
    for line in without_documents.replace("\\\n", " ").splitlines():
        try:
            words = _words(line)
        except ValueError:
            # A quotation across several lines belongs to another program's command.
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in _BETWEEN:
                if command:
                    yield command
                command = []
            elif command or "=" not in word:
                command.append(word)


def _faults_of(command: Sequence[str]) -> Iterator[str]:
    name = command[0].rpartition("/")[2]
    arguments = command[1 : next((i for i, word in enumerate(command) if word.startswith((">", "<"))), None)]
    if name == "steam-assets":
        yield from _refusal(list(arguments))
    elif name == "make":
        wanted = [word for word in arguments if "=" not in word and not word.startswith("-")]
        yield from (f"make has no target {target}" for target in wanted if target not in TARGETS)
    elif name in ("python", "python3") and len(arguments) > 1 and arguments[0] == "-m":
        if arguments[1].startswith(("steam_assets", "benchmarks")) and find_spec(arguments[1]) is None:
            yield f"there is no module {arguments[1]}"
    elif name in ("python", "python3", "docker", "aws", "bash"):
        yield from (f"there is no file {word}" for word in arguments if _OURS.fullmatch(word) and not _may_be(word))


def _may_be(file: str) -> bool:
    # Names of files that the reader writes; the page shows their contents.
    return (REPOSITORY / file).exists() or file in ("docker/.env", "docker/compose.quicksight.yaml")


def _refusal(arguments: list[str]) -> Iterator[str]:
    """Why the command rejects these arguments; they are parsed by the command itself, and nothing is run."""
    command, context = _COMMAND, None
    rest = [argument for argument in arguments if argument != "--debug"]
    try:
        while hasattr(command, "commands"):
            if not rest or rest[0] not in command.commands:
                if command is not _COMMAND and command.invoke_without_command:
                    break
                if rest[:1] != ["--help"]:
                    yield f"steam-assets has no command {' '.join(arguments)}"
                return
            command, rest = command.commands[rest[0]], rest[1:]
        if "--help" not in rest:
            context = command.make_context(command.name, rest)
    except typer.TyperException as error:
        yield f"steam-assets {' '.join(arguments)}: {error.format_message()}"
    finally:
        if context is not None:
            context.close()
