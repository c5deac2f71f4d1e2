"""The simulator's clock and request log.

Belongs here: the sources' time, and which requests they received. Does not belong here: responses.
Both are thread-safe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_KEPT = 200_000
_SECRETS = frozenset({"api_key", "key", "access_token"})


class Clock:
    """The real time, or a fixed time that was set."""

    def __init__(self, now: datetime | None = None) -> None:
        self._set: datetime | None = None
        self.set(now)

    def set(self, now: datetime | None) -> None:
        """Set an aware datetime, or None for the real time. Raises ValueError for a naive one."""
        if now is not None and now.tzinfo is None:
            raise ValueError(f"{now} has no time zone; give an aware datetime, in UTC")
        self._set = now

    def now(self) -> datetime:
        """The current time of the sources, UTC."""
        return (self._set or datetime.now(UTC)).astimezone(UTC)


@dataclass(frozen=True)
class RequestRecord:
    """One request. ``params`` are decoded and without secrets; ``time`` is the simulator's clock (UTC).

    ``status`` 0 is a reset connection.
    """

    path: str
    params: Mapping[str, str]
    time: datetime
    status: int


class RequestLog:
    """The most recent requests, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_KEPT)

    def add(self, record: RequestRecord) -> None:
        shown = {name: "***" if name in _SECRETS else value for name, value in record.params.items()}
        self._records.append(replace(record, params=shown))

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(list(self._records))
