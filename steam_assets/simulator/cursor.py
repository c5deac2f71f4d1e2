"""Cursors of review pages: opaque text that must be URL-encoded exactly once.

Belongs here: encoding and decoding a cursor. Does not belong here: what its numbers refer to.
"""

from __future__ import annotations

import base64
import struct

Position = tuple[int, int, int]

START = "*"
BEFORE_ALL: Position = (0xFFFF, 0xFF, 0xFFFFFFFF)

# Steam's cursors start with AoJ and contain + and /, which clients tend to encode wrongly.
_HEAD = b"\x02\x82\x78\x9b\xf8\xe9\xfb\xef\xbe"
_NUMBERS = struct.Struct(">HBI")


def write_cursor(position: Position) -> str:
    """The text of a position."""
    return base64.b64encode(_HEAD + _NUMBERS.pack(*position)).decode()


def read_cursor(cursor: str) -> Position | None:
    """The position of a cursor; BEFORE_ALL for ``*``, None for an invalid cursor."""
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
