"""Variables with our prefix that are not settings: a misspelt one would silently have no effect.

Belongs here: finding them and the setting that was probably meant. Does not belong here: values (settings.py).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = "STEAM_"
OTHER_VARIABLES = ("STEAM_JARS_DIR", "STEAM_DEBUG", "STEAM_TEST_")
"""Variables with our prefix that are read elsewhere: the jar folder, debugging, and those of the tests."""


@dataclass(frozen=True)
class UnknownVariable:
    """A variable that is not a setting; ``meant`` is the setting with a similar name, None if there is none."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        return f"{self.name} is set but is not a setting" + (f" (did you mean {self.meant}?)" if self.meant else "")


def unknown_variables() -> list[UnknownVariable]:
    """The unknown variables in the environment and in ``.env``, sorted by name."""
    from steam_assets.settings import Settings

    known = [name.upper() for name in Settings.model_fields]
    given = {name.upper() for name in (*os.environ, *variables_in_file()) if name.upper().startswith(PREFIX)}
    unknown = sorted(given - {PREFIX + name for name in known})
    return [_unknown(name, known) for name in unknown if not name.startswith(OTHER_VARIABLES)]


def _unknown(name: str, known: Iterable[str]) -> UnknownVariable:
    # Compared without the prefix, which they all share.
    own = name.removeprefix(PREFIX)
    near = difflib.get_close_matches(own, known, 1)
    return UnknownVariable(name, PREFIX + near[0] if near else None)


def variables_in_file() -> Mapping[str, str | None]:
    """The variables in the ``.env`` file, by name. Raises UnusableSetting if it is not UTF-8 text."""
    from dotenv import dotenv_values

    from steam_assets.settings import Settings, UnusableSetting

    file = Settings.model_config.get("env_file")
    try:
        return dotenv_values(str(file)) if file else {}
    except UnicodeDecodeError as error:
        raise UnusableSetting(f"{file} is not UTF-8 text; save it as UTF-8, or remove it") from error
