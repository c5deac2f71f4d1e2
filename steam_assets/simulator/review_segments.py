"""Segments: the reviews of one app in one time span, each of which can be computed without the others.

Belongs here: when the i-th review was written, its opinion, and how many match a filter.
Does not belong here: how many reviews an app gets (review_stream.py), their text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import gcd
from typing import NamedTuple

from steam_assets.simulator.request_parameters import ReviewFilter
from steam_assets.simulator.sentences import VOICES

LANGUAGES = tuple(VOICES)
_SHARES = tuple(accumulate(voice.share for voice in VOICES.values()))


class Part(NamedTuple):
    """A part of a week: ``size`` reviews in ``[start, start + length)``; ``positive`` is the share of positive ones."""

    start: int
    length: int
    size: int
    positive: float
    off_topic: bool


class Segment(NamedTuple):
    """``size`` reviews of one app, evenly spread over ``[start, start + length)`` (Unix seconds), from ``first`` on.

    ``bounds`` has the start of each language's part of the deck, and its end; ``liked`` its positive reviews.
    """

    slot: int
    week: int
    part: int
    first: int
    start: int
    length: int
    size: int
    off_topic: bool
    stride: int
    bounds: tuple[int, ...]
    liked: tuple[int, ...]

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


class Opinion(NamedTuple):
    """The attributes that a position in the deck determines."""

    language: str
    positive: bool
    steam_purchase: bool


class Total(NamedTuple):
    """Number of matching reviews by opinion."""

    positive: int
    negative: int


def opinion_at(segment: Segment, index: int) -> Opinion:
    """Language, opinion and purchase of the review ``index`` of a segment."""
    place = index * segment.stride % segment.size
    part = bisect_right(segment.bounds, place) - 1
    within = place - segment.bounds[part]
    good = segment.liked[part]
    positive = within < good
    return Opinion(LANGUAGES[part], positive, (within if positive else within - good) % 8 != 7)


def matches(opinion: Opinion, wanted: ReviewFilter) -> bool:
    """Whether a review with this opinion matches the filter."""
    if wanted.languages is not None and opinion.language not in wanted.languages:
        return False
    if wanted.kind in (1, 2) and opinion.positive is (wanted.kind == 2):
        return False
    return wanted.purchase == 1 or opinion.steam_purchase is (wanted.purchase == 0)


def whole_segment(segment: Segment, wanted: ReviewFilter) -> Total:
    """The number of matching reviews in a whole segment, computed without generating them."""
    bounds = segment.bounds
    good = bad = 0
    for part, language in enumerate(LANGUAGES):
        if wanted.languages is None or language in wanted.languages:
            size = bounds[part + 1] - bounds[part]
            liked = segment.liked[part]
            good += _bought(liked, wanted.purchase) if wanted.kind != 2 else 0
            bad += _bought(size - liked, wanted.purchase) if wanted.kind != 1 else 0
    return Total(good, bad)


def _bought(size: int, purchase: int) -> int:
    elsewhere = size // 8
    return {0: size - elsewhere, 1: size}.get(purchase, elsewhere)


def cut_segments(slot: int, week: int, parts: Sequence[Part]) -> Iterator[Segment]:
    """The segments of a week from its parts; parts without reviews are skipped."""
    first = 0
    for number, part in enumerate(parts):
        if part.size:
            bounds = _bounds(part.size, _rounding(slot, week, len(_SHARES)))
            liked = tuple(
                min(high - low, int((high - low) * part.positive + _rounding(slot, week, language)))
                for language, (low, high) in enumerate(pairwise(bounds))
            )
            stride = _stride(part.size)
            yield Segment(
                slot, week, number, first, part.start, part.length, part.size, part.off_topic, stride, bounds, liked
            )
        first += part.size


def _bounds(size: int, rounding: float) -> tuple[int, ...]:
    return (0, *(min(size, int(size * share / _SHARES[-1] + rounding)) for share in _SHARES[:-1]), size)


def _rounding(slot: int, week: int, part: int) -> float:
    # Added before truncating to an integer, so that small weeks add up to the right shares over time.
    return (week * 0.6180339887 + slot * 0.3770817 + part * 0.237) % 1.0


def _stride(count: int) -> int:
    stride = max(1, int(count * 0.618))
    while gcd(stride, count) != 1:
        stride += 1
    return stride
