"""What makes ranks a chart: each rank from 1 once, and each app once.

Belongs here: finding what is repeated or missing. Does not belong here: who refuses a chart for it: a source on
arrival, the import of old files, or the audit before a commit (spark/full_snapshots.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import count, islice
from typing import TypeVar

from steam_assets.sources.readers import whole_of
from steam_assets.sources.source import InvalidResponse

T = TypeVar("T", bound=Hashable)

SHOWN = 5
"""How many values a message names."""


def repeated(values: Iterable[T]) -> list[T]:
    """The values that occur more than once, in the order of their first occurrence."""
    return [value for value, times in Counter(values).items() if times > 1]


def missing_ranks(ranks: Iterable[int]) -> tuple[int, list[int]]:
    """How many of the numbers from 1 to the last rank are not among ``ranks``, and the first of them."""
    known = {*ranks}
    missing = max(known, default=0) - len(known)
    return missing, list(islice((rank for rank in count(1) if rank not in known), min(missing, SHOWN)))


def in_short(values: Sequence[object]) -> str:
    """The first values, for a message."""
    return ", ".join(map(str, values[:SHOWN]))


def require_apps_once(app_ids: Iterable[object]) -> None:
    """Raise InvalidResponse if an app is at two ranks of a chart; ids may have any JSON type, as sent.

    Cleaning refuses such a chart as a whole, when it may be too late to fetch another one.
    """
    known = (whole_of(value) for value in app_ids)
    if twice := repeated(app for app in known if app is not None and app > 0):
        raise InvalidResponse(f"app {in_short(twice)} has two ranks")
