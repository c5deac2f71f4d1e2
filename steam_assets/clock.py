"""The clock: the only place that reads the time.

Belongs here: the system time, and the fixed time of demos and tests. Does not belong here: partition keys; they come
from a schedule or a backfill, never from a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from steam_assets.settings import Settings, UnusableSetting

CLOCKS_DIFFER = timedelta(minutes=10)
"""How far the clocks of two machines may be apart."""


class Clock:
    """The current time in UTC: the system's, or always ``fixed`` (an aware datetime) if given."""

    def __init__(self, fixed: datetime | None = None) -> None:
        if fixed is not None and fixed.tzinfo is None:
            raise ValueError(f"{fixed} has no time zone; give an aware datetime")
        self._fixed = fixed

    @classmethod
    def from_settings(cls, settings: Settings) -> Clock:
        """The clock of a deployment. A simulated time without a zone is UTC.

        Raises UnusableSetting if it is not an ISO time.
        """
        if not settings.simulated_now:
            return cls()
        try:
            moment = datetime.fromisoformat(settings.simulated_now)
        except ValueError as error:
            raise UnusableSetting(
                f"STEAM_SIMULATED_NOW is {settings.simulated_now!r}; write an ISO time such as 2026-11-20T12:00:00Z"
            ) from error
        return cls(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    @property
    def fixed(self) -> datetime | None:
        """The fixed time; None if it is the system's."""
        return self._fixed

    def move_to(self, moment: datetime) -> None:
        """Set the time to ``moment`` (aware) and stop there; a demo uses this to run through several days."""
        self._fixed = moment

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return (self._fixed or datetime.now(UTC)).astimezone(UTC)
