"""Reviews of the synthetic market: each can be computed by its address, none is stored.

Belongs here: how many reviews an app gets when, their content, and pages of those that match a filter.
Does not belong here: parsing requests, HTTP.

A week of an app is one segment (three if it has a review bomb), whose totals are known without generating its reviews.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from steam_assets.simulator.catalogue import HARDWARE, App
from steam_assets.simulator.cursor import Position, read_cursor, write_cursor
from steam_assets.simulator.market import Market
from steam_assets.simulator.request_parameters import Json, ReviewFilter
from steam_assets.simulator.review_pages import Page
from steam_assets.simulator.review_segments import Part, Segment, cut_segments
from steam_assets.simulator.review_text import write_review
from steam_assets.simulator.weeks import WEEK, start_of, week_of

_LIVELIEST = 12.0

Total = tuple[int, int]
"""Number of positive and of negative reviews."""


class ReviewStream:
    """All reviews of a market. ``per_app_week`` is the number for an app in mid-chart in a usual week."""

    def __init__(self, market: Market, per_app_week: float) -> None:
        self._market = market
        self._per_app_week = per_app_week
        self.segments: Callable[[int, int], tuple[Segment, ...]] = lru_cache(60_000)(self._segments)
        self.total: Callable[[App, ReviewFilter], Total] = lru_cache(4_096)(self._total)
        """The exact number of matching reviews, by opinion."""
        self._week_total: Callable[[int, int, bool], Total] = lru_cache(200_000)(self._count_week)

    def page(self, app: App, wanted: ReviewFilter, size: int, cursor: str) -> Page:
        """The next ``size`` matching reviews from ``cursor``, newest first; none for a bad cursor."""
        position = read_cursor(cursor)
        if position is None:
            return Page((), cursor)
        # As at Steam, some pages within the list are one review short: the length does not indicate the end.
        size -= 1 if size > 10 and sum(position) % 13 == 5 else 0
        reviews: list[Json] = []
        for segment, index in self._walk(app, wanted, position):
            reviews.append(write_review(self._market.dice, segment, index, wanted.until))
            position = (segment.week, segment.part, index)
            if len(reviews) == size:
                break
        return Page(reviews, write_cursor(position) if reviews else cursor)

    def _walk(self, app: App, wanted: ReviewFilter, position: Position) -> Iterator[tuple[Segment, int]]:
        """Segment and index of each review, from the newest that is older than ``position``."""
        first, last = self._weeks(app, wanted)
        for week in range(min(last, position[0]), first - 1, -1):
            for segment in reversed(self._shown(app.slot, week, wanted.hide_off_topic)):
                if (week, segment.part) > position[:2]:
                    continue
                low, high = segment.before(wanted.since), segment.before(wanted.until)
                rest = position[2] if (week, segment.part) == position[:2] else segment.size
                for index in range(min(high, rest) - 1, low - 1, -1):
                    yield segment, index

    def _shown(self, slot: int, week: int, hide_off_topic: bool) -> list[Segment]:
        return [each for each in self.segments(slot, week) if not (hide_off_topic and each.off_topic)]

    def _total(self, app: App, wanted: ReviewFilter) -> Total:
        first, last = self._weeks(app, wanted)
        positive = negative = 0
        for week in range(first, last + 1):
            edge = week in (first, last)
            good, bad = (
                self._edge(app, week, wanted) if edge else self._week_total(app.slot, week, wanted.hide_off_topic)
            )
            positive, negative = positive + good, negative + bad
        return positive, negative

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

    def _count_week(self, slot: int, week: int, hide_off_topic: bool) -> Total:
        shown = self._shown(slot, week, hide_off_topic)
        liked = sum(segment.liked for segment in shown)
        return liked, sum(segment.size for segment in shown) - liked

    def _edge(self, app: App, week: int, wanted: ReviewFilter) -> Total:
        """The total of a week that may lie partly outside the filter's range."""
        opinions = [
            segment.positive(index)
            for segment in self._shown(app.slot, week, wanted.hide_off_topic)
            for index in range(segment.before(wanted.since), segment.before(wanted.until))
        ]
        return sum(opinions), len(opinions) - sum(opinions)
