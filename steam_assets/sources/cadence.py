"""Periods: which window of time (UTC) a partition key stands for.

Belongs here: the three cadences, their keys and their half-open windows.
Does not belong here: Dagster's partition definitions (orchestration/partitions.py makes them from these).

Days, weeks and months are UTC. A week starts on Tuesday 00:00 UTC, because Steam's own top-seller week does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

TUESDAY = 1
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""Windows contain moments from the earliest to before the latest: calendar arithmetic beyond them overflows."""


class NoWindow(ValueError):
    """A moment is too early or too late for a window."""


@dataclass(frozen=True, order=True)
class Window:
    """The half-open period ``[start, end)`` in UTC of one partition; ``key`` is ``YYYY-MM-DD`` of its first day."""

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        return self.start.strftime("%Y-%m-%d")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def range_in_words(first: str, last: str) -> str:
    """The partitions from key ``first`` to key ``last`` as text: "FIRST to LAST", or the key if there is only one."""
    return first if first == last else f"{first} to {last}"


class Cadence(StrEnum):
    """How often a source has new data."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def first(self) -> str:
        """Key of the oldest partition: the history available for import begins in the first half of 2023.

        It is the same for all sources of a cadence, so that a range of partitions is valid for all of them.
        """
        return {Cadence.DAILY: "2023-01-01", Cadence.WEEKLY: "2023-01-03", Cadence.MONTHLY: "2023-01-01"}[self]

    @property
    def period(self) -> str:
        """The length of a partition: a day, a week or a month."""
        return {Cadence.DAILY: "day", Cadence.WEEKLY: "week", Cadence.MONTHLY: "month"}[self]

    @property
    def schedule_cron(self) -> str:
        """When the newest window becomes available, as a cron expression in UTC.

        At 21:00 the day's peak has nearly been reached. A week from Tuesday is published on the Tuesday after it, at
        about 16:00. A month's visits are published between the 12th and the 27th of the following month.
        """
        return {Cadence.DAILY: "0 21 * * *", Cadence.WEEKLY: "0 6 * * 3", Cadence.MONTHLY: "0 6 20 * *"}[self]

    def containing(self, moment: datetime) -> Window:
        """The window that contains ``moment`` (aware).

        Raises ValueError if it is naive, and NoWindow, also a ValueError, if it is not in the years 1970 to 9998.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone; give an aware datetime")
        if not EARLIEST <= moment < LATEST:
            raise NoWindow(f"{moment.isoformat()} is in no partition: those are of {EARLIEST:%Y} to {LATEST.year - 1}")
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Cadence.DAILY:
                return Window(day, day + timedelta(days=1))
            case Cadence.WEEKLY:
                start = day - timedelta(days=(day.weekday() - TUESDAY) % 7)
                return Window(start, start + timedelta(days=7))
            case Cadence.MONTHLY:
                start = day.replace(day=1)
                return Window(start, (start + timedelta(days=32)).replace(day=1))

    def window(self, key: str) -> Window:
        """The window of a partition key. Raises ValueError, naming the nearest key, if none starts on that day.

        Raises NoWindow like ``containing``.
        """
        no_key = f"{key!r} is not a partition key; write a date as YYYY-MM-DD"
        try:
            day = datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as error:
            raise ValueError(no_key) from error
        # strptime also accepts 2026-1-1, but a partition must have only one name.
        if f"{day:%Y-%m-%d}" != key:
            raise ValueError(no_key)
        window = self.containing(day)
        if window.start != day:
            raise ValueError(f"no {self.value} partition starts on {key}; the one with that day is {window.key}")
        return window

    def between(self, first: str, last: str) -> Iterator[Window]:
        """The windows from key ``first`` to key ``last``, both included, oldest first."""
        window, stop = self.window(first), self.window(last)
        while window < stop:
            yield window
            window = self.containing(window.end)
        if window == stop:
            yield window

    def latest_finished(self, moment: datetime) -> Window:
        """The newest window that has ended at ``moment`` (aware). Raises ValueError like ``containing``."""
        return self.containing(self.containing(moment).start - timedelta(microseconds=1))

    def newest(self, moment: datetime) -> Window:
        """The newest partition at ``moment`` (aware): the current day, or the last finished week or month.

        Raises ValueError like ``containing``.
        """
        return self.containing(moment) if self is Cadence.DAILY else self.latest_finished(moment)

    def ranges(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """The keys as contiguous (first, last) ranges, oldest first."""
        found: list[tuple[Window, Window]] = []
        for window in sorted(self.window(key) for key in set(keys)):
            if found and found[-1][1].end == window.start:
                found[-1] = (found[-1][0], window)
            else:
                found.append((window, window))
        return [(first.key, last.key) for first, last in found]

    def ranges_in_words(self, keys: Iterable[str]) -> list[str]:
        """The same as text, each as ``range_in_words`` says it."""
        return [range_in_words(first, last) for first, last in self.ranges(keys)]
