"""What the demo fetches, and when: the partitions of the simulated market, or those of recorded responses.

Belongs here: choosing partitions, their simulated times and the day without an answer. Does not belong here: running
them (demo.py), the recordings themselves (simulator/).
"""

from __future__ import annotations

import sys
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
    from steam_assets.sources.source import History

    how_many = {Cadence.DAILY: days, Cadence.WEEKLY: weeks, Cadence.MONTHLY: months}
    steps: list[Step] = []
    for source in SOURCES:
        windows: list[Window] = []
        most = sys.maxsize if source.demo_partitions is None else source.demo_partitions
        while len(windows) < min(how_many[source.cadence], most):
            windows.append(source.cadence.latest_finished(windows[-1].start if windows else AS_OF))
        for window in reversed(windows):
            live = source.history is History.LIVE
            now = window.start + timedelta(hours=21) if live else AS_OF
            steps.append(Step(source, window.key, now, silent=live and window.key == SILENT))
    return steps


def recorded_steps(recording: Recording) -> tuple[list[Step], list[LeftOut]]:
    """The recorded partitions; of a source that is fetched app by app, the ``RECORDED_WEEKS`` with the most items.

    Recordings from before the first partition are left out.
    """
    from steam_assets.simulator.replay import LeftOut
    from steam_assets.sources import SOURCES

    held = list(recording.partitions())
    steps: list[Step] = []
    left: list[LeftOut] = []
    for source in SOURCES:
        fullest = sorted((one for one in held if one.source == source.name), key=lambda one: (-one.items, one.key))
        found = [Step(source, one.key, one.moment or _after(source, one.key), one.apps) for one in fullest]
        first, most = source.cadence.first, RECORDED_WEEKS if source.apps_from else None
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
    """The steps of a source, oldest first, as the ranges that one run each can fetch: contiguous, for the same apps."""
    for apps in dict.fromkeys(step.apps for step in steps):
        own = {step.key: step for step in steps if step.apps == apps}
        cadence = steps[0].source.cadence
        for first, last in cadence.ranges(own):
            yield [own[window.key] for window in cadence.between(first, last)]
