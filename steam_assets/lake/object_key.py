"""What a key within a store may look like.

Belongs here: the one rule that both stores enforce. Does not belong here: which keys the raw store makes.
"""

from __future__ import annotations

import re

_PART = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+=-]{1,200}"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_LONGEST = 900


def checked_key(key: str) -> str:
    """``key`` as it is. ValueError if it could leave the root, or names what not every medium can hold."""
    if len(key) > _LONGEST or not _KEY.fullmatch(key):
        raise ValueError(
            f"{key[:200]!r} is no object key: use parts of A-Z a-z 0-9 . _ + = - (200 at most), joined by '/', "
            f"without '.' and '..', {_LONGEST} characters in all"
        )
    return key
