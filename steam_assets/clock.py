"""The clock: the one place that says what time it is.

Belongs here: the system's time, and the fixed time of demos and tests. Does not belong here: partition keys; they come
from a schedule or a backfill, never from a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

from steam_assets.settings import Settings


class Clock:
    """Tells the time in UTC: the system's, or always the same moment if one is given (an aware datetime)."""

    def __init__(self, fixed: datetime | None = None) -> None:
        if fixed is not None and fixed.tzinfo is None:
            raise ValueError(f"{fixed} has no time zone; give an aware datetime")
        self._fixed = fixed

    @classmethod
    def from_settings(cls, settings: Settings) -> Clock:
        """The clock of a deployment. ValueError if ``simulated_now`` is no ISO time; one without a zone is UTC."""
        if not settings.simulated_now:
            return cls()
        try:
            moment = datetime.fromisoformat(settings.simulated_now)
        except ValueError as error:
            raise ValueError(
                f"STEAM_SIMULATED_NOW is {settings.simulated_now!r}; write an ISO time such as 2026-11-20T12:00:00Z"
            ) from error
        return cls(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def move_to(self, moment: datetime) -> None:
        """Stand at another moment (aware), as a demo does that lives through several days."""
        self._fixed = moment

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return (self._fixed or datetime.now(UTC)).astimezone(UTC)
