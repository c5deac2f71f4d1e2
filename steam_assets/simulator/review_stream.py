"""Reviews of the synthetic market: each can be computed by its address, none is stored.

Belongs here: how many reviews an app gets when, their content, and pages of those that match a filter.
Does not belong here: parsing requests, HTTP.

A week of an app is one segment (three if it has a review bomb). Within a segment, the i-th review in time is at
position ``i * stride % size`` of a deck sorted by language, opinion and purchase, so totals can be calculated.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from steam_assets.simulator.catalogue import HARDWARE, App
from steam_assets.simulator.cursor import Position, read_cursor, write_cursor
from steam_assets.simulator.market import Market
from steam_assets.simulator.request_parameters import Json, ReviewFilter
from steam_assets.simulator.review_segments import (
    Part,
    Segment,
    Total,
    cut_segments,
    matches,
    opinion_at,
    whole_segment,
)
from steam_assets.simulator.review_text import write_review
from steam_assets.simulator.weeks import WEEK, start_of, week_of

_LIVELIEST = 12.0


@dataclass(frozen=True)
class Page:
    """The reviews of a page, and the cursor of the next one."""

    reviews: list[Json]
    cursor: str


class RunningTotal:
    """Sums over whole weeks from ``first`` on, computed once on demand."""

    def __init__(self, first: int, of_week: Callable[[int], Total]) -> None:
        self._first = first
        self._of_week = of_week
        self._positive = array("q", [0])
        self._negative = array("q", [0])

    def between(self, first: int, last: int) -> Total:
        """The sum of the weeks from ``first`` up to but excluding ``last``; neither may be before the first week."""
        if last <= first:
            return Total(0, 0)
        while self._first + len(self._positive) <= last:
            positive, negative = self._of_week(self._first + len(self._positive) - 1)
            self._positive.append(self._positive[-1] + positive)
            self._negative.append(self._negative[-1] + negative)
        low, high = first - self._first, last - self._first
        return Total(self._positive[high] - self._positive[low], self._negative[high] - self._negative[low])


class ReviewStream:
    """All reviews of a market. ``per_app_week`` is the number for an app in mid-chart in a usual week."""

    def __init__(self, market: Market, per_app_week: float) -> None:
        self._market = market
        self._per_app_week = per_app_week
        self.segments: Callable[[int, int], tuple[Segment, ...]] = lru_cache(60_000)(self._segments)
        self.total: Callable[[App, ReviewFilter], Total] = lru_cache(4_096)(self._total)
        """The exact number of matching reviews, by opinion."""
        self._running: Callable[[int, ReviewFilter], RunningTotal] = lru_cache(8_192)(self._begin_total)

    def page(self, app: App, wanted: ReviewFilter, size: int, cursor: str) -> Page | None:
        """The next ``size`` matching reviews from ``cursor``, newest first; None at the end or for a bad cursor."""
        position = read_cursor(cursor)
        if position is None:
            return None
        # As at Steam, some pages within the list are one review short: the length does not indicate the end.
        size -= 1 if size > 10 and sum(position) % 13 == 5 else 0
        reviews: list[Json] = []
        for segment, index in self._walk(app, wanted, position):
            opinion = opinion_at(segment, index)
            if matches(opinion, wanted):
                reviews.append(write_review(self._market.dice, segment, index, opinion, wanted.until))
                position = (segment.week, segment.part, index)
                if len(reviews) == size:
                    break
        return Page(reviews, write_cursor(position)) if reviews else None

    def _walk(self, app: App, wanted: ReviewFilter, position: Position) -> Iterator[tuple[Segment, int]]:
        """Segment and index of each review, from the newest that is older than ``position``."""
        first, last = self._weeks(app, wanted)
        for week in range(min(last, position[0]), first - 1, -1):
            for segment in reversed(self.segments(app.slot, week)):
                if (week, segment.part) > position[:2] or (wanted.hide_off_topic and segment.off_topic):
                    continue
                low, high = segment.before(wanted.since), segment.before(wanted.until)
                rest = position[2] if (week, segment.part) == position[:2] else segment.size
                for index in range(min(high, rest) - 1, low - 1, -1):
                    yield segment, index

    def _total(self, app: App, wanted: ReviewFilter) -> Total:
        first, last = self._weeks(app, wanted)
        if last < first:
            return Total(0, 0)
        whole = ReviewFilter(wanted.languages, wanted.kind, wanted.purchase, 0, 0, wanted.hide_off_topic)
        inner = self._running(app.slot, whole).between(first + 1, last)
        edges = [self._partial(segment, wanted) for week in {first, last} for segment in self.segments(app.slot, week)]
        return Total(inner[0] + sum(edge[0] for edge in edges), inner[1] + sum(edge[1] for edge in edges))

    def _weeks(self, app: App, wanted: ReviewFilter) -> tuple[int, int]:
        if app.kind == HARDWARE:
            return 1, 0
        return max(self._market.release_week(app.slot), week_of(wanted.since)), week_of(wanted.until - 1)

    def _segments(self, slot: int, week: int) -> tuple[Segment, ...]:
        start = start_of(week)
        share, mood, swing = self._market.dice.shares("reviews", slot, week)[:3]
        liked = 0.97 - 0.35 * self._market.dice.share("liked", slot) ** 2 + 0.04 * (mood - 0.5)
        lively = min(_LIVELIEST, self._market.surge(slot, week + 0.5)) * self._market.after_patch(
            slot, start + WEEK - 1
        )
        usual = self._per_app_week * ((slot + 1) / 50) ** -0.6 * (0.8 + 0.4 * swing) * lively
        count = int(usual + share)
        bomb = self._market.bomb(week)
        if bomb is None or bomb.slot != slot:
            return tuple(cut_segments(slot, week, [Part(start, WEEK, count, liked, False)]))
        parts = [
            Part(start, bomb.start - start, count * 3 // 7, liked, False),
            Part(bomb.start, bomb.end - bomb.start, count * 4, 0.12, True),
            Part(bomb.end, start + WEEK - bomb.end, count // 7, liked, False),
        ]
        return tuple(cut_segments(slot, week, parts))

    def _begin_total(self, slot: int, wanted: ReviewFilter) -> RunningTotal:
        def of_week(week: int) -> Total:
            shown = [each for each in self.segments(slot, week) if not (wanted.hide_off_topic and each.off_topic)]
            totals = [whole_segment(segment, wanted) for segment in shown]
            return Total(sum(total.positive for total in totals), sum(total.negative for total in totals))

        return RunningTotal(self._market.release_week(slot), of_week)

    def _partial(self, segment: Segment, wanted: ReviewFilter) -> Total:
        if wanted.hide_off_topic and segment.off_topic:
            return Total(0, 0)
        low, high = segment.before(wanted.since), segment.before(wanted.until)
        if (low, high) == (0, segment.size):
            return whole_segment(segment, wanted)
        found = [opinion for opinion in (opinion_at(segment, i) for i in range(low, high)) if matches(opinion, wanted)]
        good = sum(opinion.positive for opinion in found)
        return Total(good, len(found) - good)
