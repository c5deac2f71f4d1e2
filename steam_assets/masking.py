"""Find and mask what looks like a secret within a value, wherever settings are shown, logged or passed on.

Belongs here: the patterns, and masking. Does not belong here: which settings are secret as a whole (settings.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, unquote_plus

from pydantic import BaseModel, SecretStr

HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(r"pass(word|wd)?|secret|token|credential|key", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_IN_QUERY = re.compile(r"((?:pass(?:word|wd)?|secret|token|key)=)([^&;\s]+)", re.IGNORECASE)


def shown(value: Any) -> str:
    """The value as text that is safe to share: secrets and passwords in URLs are masked."""
    match value:
        case SecretStr():
            return HIDDEN if value.get_secret_value() else ""
        case dict():
            return " ".join(f"{k}={HIDDEN if _SECRET_NAME.search(k) else shown(v)}" for k, v in value.items())
        case None:
            return ""
        case _:
            return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(HIDDEN, str(value)))


def without_secrets(settings: BaseModel, text: str) -> str:
    """The text with every secret of the settings, whole or within a URL, and any other credentials in it masked."""
    secrets = {part for name in type(settings).model_fields for part in secret_parts(getattr(settings, name))}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return shown(text)


def secret_parts(value: Any) -> list[str]:
    """The parts of a value that look secret, as written and URL-decoded, longest first."""
    found = {form for part in _parts(value) for form in (part, unquote(part), unquote_plus(part))}
    return sorted(filter(None, found), key=lambda part: (-len(part), part))


def _parts(value: Any) -> Iterator[str]:
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
