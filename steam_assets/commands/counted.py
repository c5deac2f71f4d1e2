"""A number of things in a sentence of a command.

Belongs here: the singular and plural. Does not belong here: units, tables.
"""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows`` or ``1,000 rows``; ``noun`` is a singular whose plural ends in s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
