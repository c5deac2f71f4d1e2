"""The settings as ``doctor`` shows them: value without secrets, origin and description.

Belongs here: origins, invalid and unknown settings. Does not belong here: whether a value works (doctor_checks.py),
hiding secrets (masking.py).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_settings import SettingsError

from steam_assets.commands import diagnostics
from steam_assets.commands.doctor_checks import Finding, problem
from steam_assets.commands.misspelt import PREFIX, unknown_variables, variables_in_file
from steam_assets.masking import shown
from steam_assets.settings import Settings
from steam_assets.sources import declared_settings


@dataclass(frozen=True)
class SettingLine:
    """A setting: its variable, its value with secrets hidden, and where that is from.

    ``origin``: ``default``, ``environment``, ``.env``, ``secret`` or ``--home``.
    """

    name: str
    value: str
    origin: str
    meaning: str


def setting_lines(settings: Settings, configured: Settings) -> list[SettingLine]:
    """All settings in the order of declaration, those of hosts and sources last.

    ``configured`` are those without ``--home``.
    """
    in_file = variables_in_file()
    declared = declared_settings()
    fields = dict(sorted(type(settings).model_fields.items(), key=lambda field: field[0] in declared))
    return [
        SettingLine(
            PREFIX + name.upper(),
            shown(getattr(settings, name)),
            "--home" if getattr(settings, name) != getattr(configured, name) else _origin(configured, name, in_file),
            field.description or "",
        )
        for name, field in fields.items()
    ]


def refused_settings(error: ValidationError | SettingsError) -> list[Finding]:
    """What is wrong with invalid settings, without their values."""
    return [
        problem(name, fault, f"unset {name}   # or give it a valid value; check .env too")
        for name, fault in diagnostics.refused_settings(error).items()
    ]


def unknown_settings() -> list[Finding]:
    """Variables with our prefix that are not settings."""
    return [problem(one.name, str(one), f"unset {one.name}   # and remove it from .env") for one in unknown_variables()]


def _origin(configured: Settings, name: str, in_file: Mapping[str, str | None]) -> str:
    variable = PREFIX + name.upper()
    if variable in {key.upper() for key in os.environ}:
        return "environment"
    if variable in {key.upper() for key in in_file}:
        return ".env"
    return "secret" if name in configured.model_fields_set else "default"
