"""The digest of a batch's values, which shows that what is read from the topic is what was published.

Belongs here: how the values add up. Does not belong here: who compares digests (consumer.py).
"""

from __future__ import annotations


class BatchDigest:
    """The sum of the values' SHA-256, modulo 2^256: the same for the same values in any order."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, sha256: bytes) -> None:
        self._sum += int.from_bytes(sha256)

    def __str__(self) -> str:
        return f"{self._sum % 2**256:064x}"
