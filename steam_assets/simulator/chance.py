"""Deterministic random numbers: the same seed and key always give the same numbers, on any machine, in any order.

Belongs here: turning a key into numbers. Does not belong here: what the numbers mean.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
Key = int | str

_EIGHT_WORDS = struct.Struct("<8Q")
_SCALE = 2.0**-64


class Dice:
    """Random numbers by key. Stateless, so any time of any app can be requested first."""

    def __init__(self, seed: int) -> None:
        self._base = blake2b(str(seed).encode(), digest_size=64)

    def words(self, *key: Key) -> tuple[int, ...]:
        """Eight independent 64-bit integers for ``key``."""
        hasher = self._base.copy()
        hasher.update(repr(key).encode())
        return _EIGHT_WORDS.unpack(hasher.digest())

    def shares(self, *key: Key) -> tuple[float, ...]:
        """Eight independent numbers in [0, 1) for ``key``."""
        return tuple(word * _SCALE for word in self.words(*key))

    def share(self, *key: Key) -> float:
        """One number in [0, 1) for ``key``."""
        return self.words(*key)[0] * _SCALE


def pick(options: Sequence[T], word: int) -> T:
    """The option selected by ``word``."""
    return options[word % len(options)]
