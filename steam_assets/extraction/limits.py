"""The retry policy, and the rate limiter and circuit breaker of a host.

Belongs here: what all callers of a host in this process share. Does not belong here: HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from threading import Condition, Lock
from time import monotonic

from pyrate_limiter import GCRA, Limiter, Rate, SingleBucketFactory, StateBucket

SEVERAL_APPS = 5
"""This many apps in a row without data may mean that the host refuses us, not that the apps are unknown."""

LONGEST_SECONDS = 999_999_999.0
"""The longest wait that a host can demand; times after a much longer one cannot be represented."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a request may take, in seconds and attempts.

    ``answer_seconds`` limits one attempt, from sending to the last byte. ``total_seconds`` limits a request with its
    retries, not counting waits imposed by the rate limit or the host. A response that still has the previous period's
    data is retried every ``not_yet_seconds`` until that total. The pause between attempts is random between 0 and
    ``backoff_base_seconds * 2**n``, at most ``backoff_cap_seconds``. After a refusal the host gets no requests for
    ``cool_down_seconds``, doubled each time up to ``cool_down_cap_seconds``, ``cool_downs`` times. A ``Retry-After``
    lengthens that pause and never shortens it; one above the cap ends the run's requests to the host.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    answer_seconds: float = 120.0
    total_seconds: float = 600.0
    attempts: int = 6
    invalid_attempts: int = 3
    not_yet_seconds: float = 60.0
    backoff_base_seconds: float = 1.0
    backoff_cap_seconds: float = 60.0
    cool_down_seconds: float = 60.0
    cool_down_cap_seconds: float = 900.0
    cool_downs: int = 3


class CircuitOpen(Exception):
    """The host refused too often; no request is sent to it for another ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"circuit breaker open for {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Permit:
    """Permission to send one request, with the number of refusals at the time it was granted."""

    refusals_seen: int


class CircuitBreaker:
    """The circuit breaker of a host; one refusal opens it for every caller in this process."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._open_until = 0.0
        self._in_a_row = 0
        self._refusals = 0
        self._answers = 0
        self._given_up = False
        self._unknown_apps: set[int] = set()
        self._counted_apps: set[int] = set()

    def wait(self) -> None:
        """Wait until the breaker is closed. Raises CircuitOpen if the host was given up."""
        with self._changed:
            while (left := self._open_until - monotonic()) > 0:
                if self._given_up:
                    raise CircuitOpen(left)
                self._changed.wait(left)

    def permit(self) -> Permit | None:
        """Permission to send a request; None while the breaker is open."""
        with self._changed:
            return None if self._open_until > monotonic() else Permit(self._refusals)

    @property
    def answers(self) -> int:
        """How many valid responses the host has sent so far."""
        with self._changed:
            return self._answers

    def refused(self, permit: Permit, asked_for: float | None, retry_policy: RetryPolicy) -> float:
        """Open the breaker; return how many seconds it stays open. Concurrent refusals count as one."""
        with self._changed:
            if permit.refusals_seen == self._refusals:
                self._refusals += 1
                self._in_a_row += 1
            growing = retry_policy.cool_down_seconds * 2 ** max(self._in_a_row - 1, 0)
            pause = max(min(growing, retry_policy.cool_down_cap_seconds), asked_for or 0.0)
            self._open_until = max(self._open_until, monotonic() + pause)
            self._given_up = self._in_a_row > retry_policy.cool_downs or pause > retry_policy.cool_down_cap_seconds
            self._changed.notify_all()
            return self._open_until - monotonic()

    def answered(self) -> None:
        """Record a valid response, which resets the count of refusals."""
        with self._changed:
            self._answers += 1
            self._in_a_row = 0
            self._given_up = False
            self._counted_apps |= self._unknown_apps
            self._unknown_apps.clear()

    def has_no_data_for(self, app_id: int) -> bool:
        """Record that an app has no data; return whether that is true of so many in a row that the host may refuse us.

        An app counts once, however often it is requested: valid responses after its first request interrupt the row.
        """
        with self._changed:
            if app_id not in self._counted_apps:
                self._unknown_apps.add(app_id)
            return len(self._unknown_apps) >= SEVERAL_APPS


class RateLimiter:
    """The rate limiter of a host: requests are evenly spaced and never exceed the rate."""

    def __init__(self, requests_per_second: float) -> None:
        # A thousand requests per thousand intervals: the library's interval is in whole milliseconds, which would round
        # the rate. burst=1 spaces requests evenly; the state is one number, so there is no log to clear.
        rate = Rate(1000, ceil(1_000_000 / requests_per_second), burst=1)
        self._limiter = Limiter(SingleBucketFactory(StateBucket([rate], GCRA()), schedule_leak=False), buffer_ms=0)
        self._next_in_line = Lock()

    def wait(self) -> None:
        # Only one thread waits for the limiter, the others queue behind it. If all waited, each that loses would sleep
        # another whole interval from an already late time, and slots would stay unused.
        with self._next_in_line:
            self._limiter.try_acquire("request")


class HostLimits:
    """A host's circuit breaker and rate limiter, shared by all callers in this process."""

    def __init__(self, breaker: CircuitBreaker, rate_limiter: RateLimiter) -> None:
        self.breaker = breaker
        self._rate_limiter = rate_limiter

    def acquire(self) -> Permit:
        """Wait for the breaker and the rate limiter. Raises CircuitOpen if the host was given up."""
        while True:
            self.breaker.wait()
            self._rate_limiter.wait()
            permit = self.breaker.permit()
            if permit is not None:
                return permit


_breakers: dict[tuple[str, str], CircuitBreaker] = {}
_rate_limiters: dict[tuple[str, str, float], RateLimiter] = {}
_registering = Lock()


def limits_of(host: str, netloc: str, requests_per_second: float) -> HostLimits:
    """The limits of a host, by its name and address. Callers with the same host and rate share them."""
    with _registering:
        breaker = _breakers.setdefault((host, netloc), CircuitBreaker())
        key = (host, netloc, requests_per_second)
        if key not in _rate_limiters:
            _rate_limiters[key] = RateLimiter(requests_per_second)
        return HostLimits(breaker, _rate_limiters[key])


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait that ``Retry-After`` demands, in seconds, in either of its forms; None if absent or unreadable.

    A date is relative to the response's own ``Date``, so a wrong clock on either side does not matter. At most
    LONGEST_SECONDS.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    sent = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max((moment - sent).total_seconds(), 0.0), LONGEST_SECONDS)


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
