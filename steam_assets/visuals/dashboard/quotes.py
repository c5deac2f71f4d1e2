"""Reviews as quotes: without Steam's markup and spoilers, on few lines, truncated.

Belongs here: the text of one review. Does not belong here: which reviews are quoted (panel_queries.py).
"""

from __future__ import annotations

import re

LONGEST_QUOTE = 280
"""In characters."""

BULLET = re.compile(r"\[\*\]")
CELL = re.compile(r"\[/?(?:tr|td|th)\]", re.IGNORECASE)
SPOILER = re.compile(r"\[spoiler\].*?(?:\[/spoiler\]|\Z)", re.DOTALL | re.IGNORECASE)
TAG = re.compile(
    r"\[/?(?:h[1-6]|b|i|u|s|strike|list|olist|\*|table|quote|code|noparse|hr|url|p)(?:=[^\]\n]{0,300})?\]",
    re.IGNORECASE,
)
SPACES = re.compile(r"[ \t]{2,}")
EMPTY_LINES = re.compile(r"\s*\n\s*")


def quote(review: str) -> str:
    """The text of a review, of at most ``LONGEST_QUOTE`` characters, without empty lines."""
    words = TAG.sub("", CELL.sub(" ", SPOILER.sub("(spoiler)", BULLET.sub("• ", review))))
    words = EMPTY_LINES.sub("\n", SPACES.sub(" ", words)).strip()
    return words if len(words) <= LONGEST_QUOTE else f"{words[: LONGEST_QUOTE - 1]}…"
