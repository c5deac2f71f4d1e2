"""The weekly top-seller charts: ranks, streaks and first appearances.

Belongs here: what follows from the sequence of weekly rankings. Does not belong here: sales (market.py).
"""

from __future__ import annotations

from collections.abc import Callable

from steam_assets.simulator.weeks import FIRST_CHART_WEEK

Ranking = tuple[int, ...]
"""Slots of apps, best seller first."""


class ChartHistory:
    """All charts since the first, computed on demand."""

    def __init__(self, rank_week: Callable[[int], Ranking]) -> None:
        self._rank_week = rank_week
        self._rankings: list[Ranking] = []
        self._streaks: list[dict[int, int]] = []
        self._first: dict[int, int] = {}

    def ranking(self, week: int) -> Ranking:
        """The chart of a week; empty before the first."""
        if week < FIRST_CHART_WEEK:
            return ()
        self._reach(week)
        return self._rankings[week - FIRST_CHART_WEEK]

    def streak(self, slot: int, week: int) -> int:
        """Number of consecutive weeks the app was ranked, up to and including ``week``."""
        self._reach(week)
        return self._streaks[week - FIRST_CHART_WEEK].get(slot, 0)

    def first_week(self, slot: int) -> int | None:
        """The first week in which the app was ranked, among the charts computed so far."""
        return self._first.get(slot)

    def _reach(self, week: int) -> None:
        while (next_week := FIRST_CHART_WEEK + len(self._rankings)) <= week:
            ranking = self._rank_week(next_week)
            before = self._streaks[-1] if self._streaks else {}
            self._rankings.append(ranking)
            self._streaks.append({slot: before.get(slot, 0) + 1 for slot in ranking})
            for slot in ranking:
                self._first.setdefault(slot, next_week)
