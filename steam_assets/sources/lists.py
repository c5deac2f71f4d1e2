"""Settings and options that are lists, written as ``730, 570`` or ``US GB``.

Belongs here: how a list is written, and its element types. Does not belong here: single settings or options.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

T = TypeVar("T")


def _split(value: object) -> object:
    """The elements of a text: between commas or spaces, or a JSON array, as it is passed to another process."""
    if not isinstance(value, str):
        return value
    return (
        json.loads(value) if value.lstrip().startswith("[") else [part for part in re.split(r"[,\s]+", value) if part]
    )


def _once(values: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


LARGEST_APP_ID = 2**32 - 1
AppId: TypeAlias = Annotated[int, Field(gt=0, le=LARGEST_APP_ID)]
"""Steam's id of an app: an unsigned 32-bit number."""

AppIds: TypeAlias = Annotated[tuple[AppId, ...], NoDecode, BeforeValidator(_split), AfterValidator(_once)]
"""Steam's app ids, in the order given, each once."""

CountryCodes: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...], NoDecode, BeforeValidator(_split), AfterValidator(_once)
]
"""Two-letter country codes in capitals, in the order given, each once."""
