"""Cursors of review pages: opaque text that needs to be encoded exactly once.

Belongs here: writing and reading a cursor. Does not belong here: what its numbers point at.
"""

from __future__ import annotations

import base64
import struct

Position = tuple[int, int, int]

START = "*"
BEFORE_ALL: Position = (0xFFFF, 0xFF, 0xFFFFFFFF)

# A cursor of Steam's begins with AoJ and has + and / in it, which is what clients encode wrongly.
_HEAD = b"\x02\x82\x78\x9b\xf8\xe9\xfb\xef\xbe"
_NUMBERS = struct.Struct(">HBI")


def write_cursor(position: Position) -> str:
    """The text of a position."""
    return base64.b64encode(_HEAD + _NUMBERS.pack(*position)).decode()


def read_cursor(cursor: str) -> Position | None:
    """The position of a cursor; BEFORE_ALL for ``*``, None for a text that is no cursor."""
    if cursor == START:
        return BEFORE_ALL
    try:
        raw = base64.b64decode(cursor, validate=True)
    except ValueError:
        return None
    if not raw.startswith(_HEAD) or len(raw) != len(_HEAD) + _NUMBERS.size:
        return None
    week, part, place = _NUMBERS.unpack(raw[len(_HEAD) :])
    return week, part, place
