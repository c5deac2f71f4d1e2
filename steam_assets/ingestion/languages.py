"""Whether answers are in the language that was requested, as far as names and reviews tell.

Belongs here: comparing with the last good response. Does not belong here: what follows from it (drift.py).

No answer states the language of its names. If a service ignores the parameter, names differ from those that the same
ids had before; where they do not differ, nothing is wrong. A service that answers requests for all languages in one
has reviews of that one only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from steam_assets.sources.json_body import is_array, is_object

FEWEST_NAMES = 5
RENAMED_SHARE = 0.1
"""From one period to the next, few games get another name."""
BY_CHANCE = 1e-6

_LANGUAGE = re.compile(r'"language"\s*:\s*"([a-z_]{2,32})"')


def languages_of(body: str) -> Counter[str]:
    """How many items of a body are in which language, if they state it."""
    return Counter(_LANGUAGE.findall(body))


def only_one(good: Counter[str], found: Counter[str]) -> str | None:
    """What to say if all items are in one language and, going by the good answer, cannot be by chance."""
    if len(found) != 1 or not good:
        return None
    ((language, number),) = found.items()
    if (good[language] / good.total()) ** number >= BY_CHANCE:
        return None
    return (
        f"all {number} items are in {language}, but the last good response had {len(good)} languages: the requested "
        "languages were ignored"
    )


def renamed(good: object, found: object) -> str | None:
    """What to say if many of the ids that both answers (parsed JSON) have are named otherwise."""
    before, now = dict(_names(good)), dict(_names(found))
    shared = [key for key in before if key in now]
    others = [key for key in shared if before[key] != now[key]]
    if len(others) < max(FEWEST_NAMES, RENAMED_SHARE * len(shared)):
        return None
    example = others[0]
    return (
        f"{len(others)} of {len(shared)} names differ from those in the last good response, such as "
        f"{now[example][:60]!r} for {before[example][:60]!r}: the language was ignored"
    )


def _names(value: object) -> Iterator[tuple[tuple[str, int], str]]:
    """The names in a JSON value, by the first numeric id in the same object."""
    if is_object(value):
        name = value.get("name")
        ids = ((key, number) for key, number in value.items() if key.endswith("id") and isinstance(number, int))
        if isinstance(name, str) and name and (found := next(ids, None)) is not None:
            yield found, name
    for child in value.values() if is_object(value) else value if is_array(value) else ():
        yield from _names(child)
