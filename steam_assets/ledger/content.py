"""The content of a partition: its row count, and a digest that is independent of row order and files.

Belongs here: the types, and the sum of two contents. Does not belong here: how rows are hashed (row_digest.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Content(BaseModel):
    """``rows`` and ``digest``, the sums of both 64-bit parts of each row's XXH3-128; contents add up.

    Of a row are hashed, each number in 8 bytes, little-endian: which columns have a value, as the sum of the XXH3-64 of
    each ``name=``, or ``name:`` if the value has a length; by name, each number and boolean, and the length of each
    other value; then those values. Nulls are left out, so that adding a column does not change the digest of existing
    rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    digest: str = "0-0"

    def __add__(self, other: Content) -> Content:
        halves = zip(self.digest.split("-"), other.digest.split("-"), strict=True)
        return Content(rows=self.rows + other.rows, digest="-".join(str(int(a) + int(b)) for a, b in halves))


EMPTY = Content()


@dataclass(frozen=True)
class Stored:
    """What files were found to hold when they were read back: the content of their rows, and each file's SHA-256."""

    content: Content = EMPTY
    sha256s: tuple[str, ...] = ()

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.content + other.content, self.sha256s + other.sha256s)
