"""What the demo fetches, and when: the partitions of the simulated market, or those of recorded responses.

Belongs here: choosing partitions, their simulated times and the day without an answer. Does not belong here: running
them (demo.py), the recordings themselves (simulator/).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.simulator.replay import LeftOut, Recording
    from steam_assets.sources.cadence import Window
    from steam_assets.sources.source import Source

AS_OF = datetime(2026, 11, 18, 21, tzinfo=UTC)
"""The demo's current time: a Wednesday, when the last week (from Tuesday) and the last month are published."""

SILENT = "2026-11-07"
"""The day on which the simulated live sources do not answer, so that the demo has a gap."""

SAMPLED_EVERY = 120
"""Minutes between two samples of a source that takes them through the day."""

SAMPLED = ("2026-11-09", "2026-11-16")
"""The days of those samples: a week apart, since the hours after an update are compared with those a week before. There
is an update in the hour before the second day.
"""

RECORDED_WEEKS = 4
"""Maximum number of recorded partitions that are replayed of a source that is fetched app by app."""


@dataclass(frozen=True)
class Step:
    """A raw partition to fetch, the simulated time (UTC) to fetch it at, and its apps (empty: the week's chart).

    ``silent``: the simulated source does not answer.
    """

    source: Source
    key: str
    now: datetime
    apps: tuple[int, ...] = ()
    silent: bool = False


def simulated_steps(days: int, weeks: int, months: int) -> list[Step]:
    """The newest windows of each source at ``AS_OF``; a live source is fetched inside each of its windows."""
    from steam_assets.sources import SOURCES
    from steam_assets.sources.cadence import Cadence

    how_many = {Cadence.DAILY: days, Cadence.WEEKLY: weeks, Cadence.MONTHLY: months}
    steps: list[Step] = []
    for source in SOURCES:
        windows: list[Window] = []
        most = sys.maxsize if source.demo_partitions is None else source.demo_partitions
        while len(windows) < min(how_many[source.cadence], most):
            windows.append(source.cadence.latest_finished(windows[-1].start if windows else AS_OF))
        if source.sampled_every:
            windows = [window for window in windows if window.key in SAMPLED] or windows[:1]
        steps += [step for window in reversed(windows) for step in _of_window(source, window)]
    return steps


def _of_window(source: Source, window: Window) -> list[Step]:
    """A live source is fetched within the window; one that takes samples is fetched several times."""
    from steam_assets.sources.sampling import minutes_of_day
    from steam_assets.sources.source import History

    if source.sampled_every:
        minutes = minutes_of_day(SAMPLED_EVERY)
        return [Step(source, window.key, window.start + timedelta(minutes=minute)) for minute in minutes]
    live = source.history is History.LIVE
    now = window.start + timedelta(hours=21) if live else AS_OF
    return [Step(source, window.key, now, silent=live and window.key == SILENT)]


def recorded_steps(recording: Recording) -> tuple[list[Step], list[LeftOut]]:
    """The recorded partitions; of a source that is fetched app by app, the ``RECORDED_WEEKS`` with the most items.

    Recordings from before the first partition are left out.
    """
    from steam_assets.simulator.replay import LeftOut
    from steam_assets.sources import SOURCES

    held = recording.partitions
    steps: list[Step] = []
    left: list[LeftOut] = []
    for source in SOURCES:
        fullest = sorted((one for one in held if one.source == source.name), key=lambda one: (-one.items, one.key))
        found = [Step(source, one.key, one.moment or _after(source, one.key), tuple(one.apps)) for one in fullest]
        first, most = source.cadence.first, RECORDED_WEEKS if source.app_by_app else None
        possible = [step for step in found if step.key >= first]
        steps += sorted(possible[:most], key=lambda step: step.key)
        for others, reason in (
            ([step for step in found if step.key < first], f"before the first partition, {first}"),
            (possible[most:] if most else [], f"the {most} fullest weeks are replayed"),
        ):
            if others:
                keys = tuple(sorted(step.key for step in others))
                left.append(LeftOut(len(others), f"{source.name} partition", reason, keys))
    return steps, left


def _after(source: Source, key: str) -> datetime:
    return source.cadence.window(key).end + max(source.due_after, timedelta(hours=30))


def in_runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps of a source as the ranges that one run each can fetch: contiguous, for the same apps.

    The first samples of all days are one range, their second samples the next.
    """
    rounds: dict[tuple[tuple[int, ...], int], dict[str, Step]] = {}
    taken: Counter[str] = Counter()
    for step in steps:
        rounds.setdefault((step.apps, taken[step.key]), {})[step.key] = step
        taken[step.key] += 1
    cadence = steps[0].source.cadence
    for own in rounds.values():
        for first, last in cadence.ranges(own):
            yield [own[window.key] for window in cadence.between(first, last)]
