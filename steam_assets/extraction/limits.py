"""How often and how long: patience, the rate limit of a host and the circuit that makes every call to it wait.

Belongs here: what is shared by all callers of a host in this process. Does not belong here: HTTP.
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

from steam_assets.sources.source import Host

SEVERAL_APPS = 5
"""So many apps in a row that are not answered for are not unknown apps any more, but a host that refuses us."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a request may take, in seconds and tries.

    ``answer_seconds`` bounds one try from sending to the last byte. ``total_seconds`` bounds a request with its
    retries, not counting waits that the rate limit or the host imposed. An answer that is still of the period before is
    asked for again every ``not_yet_seconds`` until that total. A pause between tries is random between 0 and
    ``backoff_base_seconds * 2**n``, at most ``backoff_cap_seconds``. A refused host rests for ``cool_down_seconds``,
    doubled each time up to ``cool_down_cap_seconds``, ``cool_downs`` times; a longer ``Retry-After`` than that cap
    ends the run's questions to it.
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
    """The host has refused too often; nobody asks it for another ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"resting for {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Permit:
    """Leave to send one request, and how many refusals there had been when it was given."""

    refusals_seen: int


class CircuitBreaker:
    """Whether a host may be asked now; one refusal closes it for everybody."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._closed_until = 0.0
        self._in_a_row = 0
        self._refusals = 0
        self._answers = 0
        self._given_up = False
        self._unknown_apps: set[int] = set()

    def wait(self) -> None:
        """Wait until the host may be asked. CircuitOpen if it was given up."""
        with self._changed:
            while (left := self._closed_until - monotonic()) > 0:
                if self._given_up:
                    raise CircuitOpen(left)
                self._changed.wait(left)

    def leave(self) -> Permit | None:
        """Leave to send a request; None if the host may not be asked now."""
        with self._changed:
            return None if self._closed_until > monotonic() else Permit(self._refusals)

    @property
    def answers(self) -> int:
        """How many proper answers the host gave so far."""
        with self._changed:
            return self._answers

    def refused(self, leave: Permit, asked_for: float | None, retry_policy: RetryPolicy) -> float:
        """Close the circuit; the seconds it stays closed. Calls that were refused together count as one refusal."""
        with self._changed:
            if leave.refusals_seen == self._refusals:
                self._refusals += 1
                self._in_a_row += 1
            growing = retry_policy.cool_down_seconds * 2 ** max(self._in_a_row - 1, 0)
            pause = min(growing, retry_policy.cool_down_cap_seconds) if asked_for is None else asked_for
            self._closed_until = max(self._closed_until, monotonic() + pause)
            self._given_up = self._in_a_row > retry_policy.cool_downs or pause > retry_policy.cool_down_cap_seconds
            self._changed.notify_all()
            return self._closed_until - monotonic()

    def answered(self) -> None:
        """The host gave a proper answer: refusals are counted from nought again."""
        with self._changed:
            self._answers += 1
            self._in_a_row = 0
            self._given_up = False
            self._unknown_apps.clear()

    def has_nothing_for(self, app_id: int) -> bool:
        """Note that an app was not answered for; whether that is so of several apps in a row, and so of the host."""
        with self._changed:
            self._unknown_apps.add(app_id)
            return len(self._unknown_apps) >= SEVERAL_APPS


class RateLimiter:
    """The rate limit of a host: requests evenly spaced, never more than the rate in any stretch of time."""

    def __init__(self, requests_per_second: float) -> None:
        # A thousand requests in a thousand times their time: the interval is whole milliseconds, and must not round a
        # rate. burst=1 spaces requests evenly; the state is one number, so no thread has to clear a log.
        rate = Rate(1000, ceil(1_000_000 / requests_per_second), burst=1)
        self._limiter = Limiter(SingleBucketFactory(StateBucket([rate], GCRA()), schedule_leak=False), buffer_ms=0)
        self._next_in_line = Lock()

    def wait(self) -> None:
        # One waits at the door and the others behind it. All at the door, each loser would sleep a whole interval more,
        # from a time that its earlier sleeps have made late, and slots would pass unused.
        with self._next_in_line:
            self._limiter.try_acquire("request")


class HostLimits:
    """The way to a host: its circuit and its rate, the same for all callers in this process."""

    def __init__(self, circuit: CircuitBreaker, pace: RateLimiter) -> None:
        self.circuit = circuit
        self._pace = pace

    def enter(self) -> Permit:
        """Wait for the circuit and for the rate. CircuitOpen if the host was given up."""
        while True:
            self.circuit.wait()
            self._pace.wait()
            leave = self.circuit.leave()
            if leave is not None:
                return leave


_breakers: dict[tuple[Host, str], CircuitBreaker] = {}
_rate_limiters: dict[tuple[Host, str, float], RateLimiter] = {}
_registering = Lock()


def gate(host: Host, netloc: str, requests_per_second: float) -> HostLimits:
    """The gate of a host. Everybody who names the same host and rate shares it."""
    with _registering:
        circuit = _breakers.setdefault((host, netloc), CircuitBreaker())
        key = (host, netloc, requests_per_second)
        if key not in _rate_limiters:
            _rate_limiters[key] = RateLimiter(requests_per_second)
        return HostLimits(circuit, _rate_limiters[key])


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, in either of its forms; None if it is absent or unreadable.

    A date is measured from the answer's own ``Date``, so that a wrong clock on either side does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    sent = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max((moment - sent).total_seconds(), 0.0)


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
