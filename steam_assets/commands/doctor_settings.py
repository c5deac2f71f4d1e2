"""Every setting as ``doctor`` shows it: its value without secrets, where it came from, what it means.

Belongs here: origins, names that are no settings. Does not belong here: whether a value works
(doctor_checks.py), hiding secrets (masking.py).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from dotenv import dotenv_values
from pydantic import ValidationError

from steam_assets.commands.diagnostics import DEBUG_VARIABLE
from steam_assets.commands.doctor_checks import Finding, problem
from steam_assets.java.jars import JARS_DIR_VARIABLE
from steam_assets.masking import shown
from steam_assets.settings import Settings

PREFIX = "STEAM_"
NO_SETTINGS = (JARS_DIR_VARIABLE, DEBUG_VARIABLE, "STEAM_TEST_")
"""Variables with our prefix that are read elsewhere: the jars' folder, debugging, and what the tests take."""


@dataclass(frozen=True)
class SettingLine:
    """A setting: its variable, its value with secrets hidden, ``default``, ``environment``, ``.env`` or ``secret``."""

    name: str
    value: str
    origin: str
    meaning: str


def setting_lines(settings: Settings) -> list[SettingLine]:
    """All settings, in the order in which they are declared."""
    in_file = _in_file()
    fields = type(settings).model_fields
    return [
        SettingLine(
            PREFIX + name.upper(),
            shown(getattr(settings, name)),
            _origin(settings, name, in_file),
            field.description or "",
        )
        for name, field in fields.items()
    ]


def refused_settings(error: ValidationError) -> list[Finding]:
    """What is wrong with settings that could not be read, without the values that were given."""
    found = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = PREFIX + "_".join(str(part) for part in fault["loc"][:1]).upper()
        found.append(problem(name, fault["msg"], f"unset {name}   # or give it a valid value, in .env too"))
    return found


def unknown_settings() -> list[Finding]:
    """Variables with our prefix that are no setting: misspelt ones do nothing, in silence."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    given = {name.upper() for name in (*os.environ, *_in_file()) if name.upper().startswith(PREFIX)}
    found = []
    for name in sorted(given - set(known)):
        if not name.startswith(NO_SETTINGS):
            near = difflib.get_close_matches(name, known, 1)
            meant = f"; was {near[0]} meant?" if near else ""
            found.append(problem(name, f"is set and is no setting{meant}", f"unset {name}   # and take it out of .env"))
    return found


def _in_file() -> Mapping[str, str | None]:
    file = Settings.model_config.get("env_file")
    return dotenv_values(str(file)) if file else {}


def _origin(settings: Settings, name: str, in_file: Mapping[str, str | None]) -> str:
    variable = PREFIX + name.upper()
    if variable in {key.upper() for key in os.environ}:
        return "environment"
    if variable in {key.upper() for key in in_file}:
        return ".env"
    return "secret" if name in settings.model_fields_set else "default"
