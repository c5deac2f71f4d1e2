"""Segments: the reviews of one app in one time span, each of which can be computed without the others.

Belongs here: when the i-th review was written, and whether it is positive.
Does not belong here: how many reviews an app gets (review_stream.py), their text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import NamedTuple


class Part(NamedTuple):
    """A part of a week: ``size`` reviews in ``[start, start + length)``; ``positive`` is the share of positive ones."""

    start: int
    length: int
    size: int
    positive: float
    off_topic: bool


class Segment(NamedTuple):
    """``size`` reviews of one app, evenly spread over ``[start, start + length)`` (Unix seconds), from ``first`` on.

    The i-th in time is at position ``i * stride % size`` of a deck whose first ``liked`` are positive.
    """

    slot: int
    week: int
    part: int
    first: int
    start: int
    length: int
    size: int
    off_topic: bool
    liked: int
    stride: int

    def created(self, index: int) -> int:
        """When review ``index`` was written; increases with the index."""
        jitter = (index * 0x9E3779B97F4A7C15 + self.slot * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFF) / 2**48
        return self.start + int((index + jitter) * self.length / self.size)

    def before(self, moment: int) -> int:
        """How many of the reviews were written before ``moment``."""
        index = min(self.size, max(0, int((moment - self.start) * self.size / self.length)))
        while index < self.size and self.created(index) < moment:
            index += 1
        while index > 0 and self.created(index - 1) >= moment:
            index -= 1
        return index

    def positive(self, index: int) -> bool:
        """Whether review ``index`` is positive."""
        return index * self.stride % self.size < self.liked


def cut_segments(slot: int, week: int, parts: Sequence[Part]) -> Iterator[Segment]:
    """The segments of a week from its parts; parts without reviews are skipped."""
    first = 0
    # Added before truncating to an integer, so that small weeks add up to the right shares over time.
    rounding = (week * 0.6180339887 + slot * 0.3770817) % 1.0
    for number, (start, length, size, positive, off_topic) in enumerate(parts):
        if size:
            liked = min(size, int(size * positive + rounding))
            yield Segment(slot, week, number, first, start, length, size, off_topic, liked, _stride(size))
        first += size


def _stride(count: int) -> int:
    stride = max(1, int(count * 0.618))
    while gcd(stride, count) != 1:
        stride += 1
    return stride
