"""Samples within a day: when the next one is due.

Belongs here: the times of a day's samples, and their setting's type. Does not belong here: schedules (orchestration/).
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

MINUTES_A_DAY = 24 * 60

FIRST_MINUTE = 5
"""Minutes after midnight (UTC) of the day's first sample: a service that counts every few minutes still returns the
previous day's count before."""

Minutes: TypeAlias = Annotated[int, Field(ge=10, le=MINUTES_A_DAY)]
"""Minutes between two samples: at least 10, so that a sample ends before the next begins."""


def minutes_of_day(every: int) -> range:
    """The minutes after midnight (UTC) at which a day's samples are due."""
    return range(FIRST_MINUTE, MINUTES_A_DAY, every)


def crons(every: int) -> list[str]:
    """The same as cron expressions in UTC, one per minute of the hour."""
    hours: dict[int, list[str]] = {}
    for due in minutes_of_day(every):
        hours.setdefault(due % 60, []).append(str(due // 60))
    return [f"{minute} {'*' if len(of) == 24 else ','.join(of)} * * *" for minute, of in sorted(hours.items())]
