"""``steam-assets doctor``: checks every setting and dependency of a deployment, and prints how to fix problems.

Belongs here: what it prints. Does not belong here: the checks (doctor_settings.py, doctor_checks.py, doctor_roots.py,
doctor_databases.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.commands.doctor_checks import Finding
    from steam_assets.commands.doctor_settings import SettingLine
    from steam_assets.settings import Settings

MARKS = {"problem": "red", "note": "blue", "ok": "green"}
"""The states with their colours, most urgent first."""


def doctor(
    show_settings: Annotated[
        bool, typer.Option("--settings", help="Show each setting, its value and where it was set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable: one object, with the settings.")] = False,
    home: HomeOption = None,
) -> None:
    """Check every setting and dependency. Problems come first, with their fixes. Exit code 1 if there are any."""
    lines, findings = diagnose(home)
    wrong = [finding for finding in findings if finding.state == "problem"]
    if as_json:
        report = {"ok": not wrong, "settings": [asdict(x) for x in lines], "checks": [asdict(x) for x in findings]}
        typer.echo(json.dumps(report, indent=1))
    else:
        _print(Terminal(), lines if show_settings else [], findings)
    if wrong:
        raise typer.Exit(1)


def diagnose(home: Path | None) -> tuple[list[SettingLine], list[Finding]]:
    """All settings and all findings; if settings are invalid, those are the only findings.

    ``home``: of the lake in this folder instead of the configured one.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from steam_assets.commands.doctor_settings import refused_settings, setting_lines, unknown_settings
    from steam_assets.settings import Settings

    try:
        configured = Settings()
        settings = Settings.at_home(home) if home is not None else configured
    except (ValidationError, SettingsError) as error:
        return [], [*refused_settings(error), *unknown_settings()]
    return setting_lines(settings, configured), [*unknown_settings(), *_findings(settings)]


def _findings(settings: Settings) -> Iterator[Finding]:
    from steam_assets.commands.doctor_checks import CHECKS
    from steam_assets.commands.doctor_databases import check_catalog, check_dagster_home
    from steam_assets.commands.doctor_roots import check_four_roots

    for check in (*CHECKS, check_dagster_home, check_four_roots, check_catalog):
        yield from check(settings)


def _print(console: Terminal, lines: Sequence[SettingLine], findings: Sequence[Finding]) -> None:
    wrong = [finding for finding in findings if finding.state == "problem"]
    for finding in wrong:
        console.print(Text(finding.name, "red"), ": ", finding.detail, sep="", soft_wrap=True)
        console.print(f"  {finding.fix}\n", soft_wrap=True, style="bold")
    if not wrong:
        console.print("No problems found.\n", style="green")
    table = Table(title="Checks", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    for finding in sorted(findings, key=lambda one: list(MARKS).index(one.state)):
        table.add_row(Text(finding.state, MARKS[finding.state]), finding.name, finding.detail)
    console.print(table)
    if lines:
        console.print(_settings_table(lines))


def _settings_table(lines: Sequence[SettingLine]) -> Table:
    table = Table(title="Settings", title_justify="left", box=None, pad_edge=False)
    for heading in ("setting", "value", "from", "description"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(line.name, line.value, line.origin, line.meaning)
    return table
