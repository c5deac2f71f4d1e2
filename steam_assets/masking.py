"""Make text safe to show: mask everything that looks like a secret, and replace control characters.

Belongs here: the patterns, and masking. Does not belong here: which settings are secret as a whole (settings.py).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from pydantic import BaseModel

HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(r"pass(word|wd)?|secret|token|credential|key", re.IGNORECASE)
_NAMES_A_SECRET = re.compile(r"_(ID|FILE|PATH|NAME)$", re.IGNORECASE)
"""Variables that identify or locate a secret; errors may show their values."""
SHORTEST_IN_ENVIRONMENT = 8
"""Characters; masking shorter values, such as flags, would remove common words from texts."""

_IN_ADDRESS = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_IN_QUERY = re.compile(r"((?:pass(?:word|wd)?|secret|token|(?<!partition_)key)=)([^&;\s]+)", re.IGNORECASE)


_FORMLESS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories of invisible characters: controls, direction marks, surrogates, line separators."""


def visible(text: str) -> str:
    """The text with invisible characters, such as terminal escapes, as U+FFFD; line breaks and tabs stay."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _FORMLESS and c not in "\n\t" else c for c in text
    )


def shown(value: object) -> str:
    """The value as text that is safe to share: secrets and passwords in URLs are masked."""
    from pydantic import SecretStr

    match value:
        case SecretStr():
            return HIDDEN if value.get_secret_value() else ""
        case dict():
            return " ".join(f"{k}={HIDDEN if _SECRET_NAME.search(k) else shown(v)}" for k, v in value.items())
        case tuple() | list():
            return ", ".join(map(shown, value))
        case None:
            return ""
        case _:
            return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(HIDDEN, str(value)))


def without_secrets(settings: BaseModel, text: str) -> str:
    """The text with every secret of the settings, whole or within a URL, and any other credentials in it masked.

    Also masked are values of environment variables with names of secrets, such as AWS_SECRET_ACCESS_KEY.
    """
    secrets = {part for name in type(settings).model_fields for part in secret_parts(getattr(settings, name))}
    around = {name: value for name, value in os.environ.items() if not _NAMES_A_SECRET.search(name)}
    secrets |= {part for part in secret_parts(around) if len(part) >= SHORTEST_IN_ENVIRONMENT}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return shown(text)


def secret_parts(value: object) -> list[str]:
    """The parts of a value that look secret, as written and URL-decoded, longest first."""
    found = {form for part in _parts(value) for form in (part, unquote(part), unquote_plus(part))}
    return sorted(filter(None, found), key=lambda part: (-len(part), part))


def _parts(value: object) -> Iterator[str]:
    from pydantic import SecretStr

    match value:
        case SecretStr():
            yield value.get_secret_value()
        case dict():
            for name, entry in value.items():
                if _SECRET_NAME.search(name):
                    yield str(entry)
                yield from _parts(entry)
        case str():
            for login in _IN_ADDRESS.findall(value):
                yield login
                yield login.partition(":")[2]
            yield from (secret for _, secret in _IN_QUERY.findall(value))
