"""The HTTP client of the sources: what is retried, and when to give up.

Belongs here: SourceClient, acting on the meaning of a response. Does not belong here: that meaning (response_rules.py),
the bytes on the network (transport.py), rates and waits (limits.py), what a valid body is (each source's ``parse``),
files that a user saved (saved_files.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Generic, TypeVar

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_fixed, wait_random_exponential

from steam_assets.clock import Clock
from steam_assets.extraction import transport
from steam_assets.extraction.errors import (
    Blocked,
    EndpointGone,
    Evidence,
    KeyRequired,
    NoDataForApp,
    NotAvailable,
    SourceError,
    StaleResponse,
    Unreachable,
    UnusableResponse,
)
from steam_assets.extraction.hosts import HostProfile, profile
from steam_assets.extraction.limits import CircuitOpen, HostLimits, Permit, RetryPolicy, limits_of, retry_after
from steam_assets.extraction.response_rules import Body, Concerns, Meaning, Row, body_of, row_for, status_of
from steam_assets.extraction.saved_files import saved_response
from steam_assets.settings import Settings
from steam_assets.sources.host import Host
from steam_assets.sources.source import InvalidResponse, NotCarried, NotYet, Rejected, Request, Response

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Connection:
    """A host with its limits and HTTP session."""

    profile: HostProfile
    limits: HostLimits
    session: requests.Session


class HttpClient:
    """Sends the sources' requests; implements ``SourceClient``. Thread-safe. Close it, or use it in a ``with``.

    Raises Unreachable, Blocked, EndpointGone, KeyRequired or UnusableResponse; ``fetch_or_reject`` returns a Rejected
    instead of raising the last. Raises ValueError if the configured URL of the request's host is unusable.
    ``may_be_of`` tells whether a response collected at a time (UTC) can be valid; saved files with another are skipped.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        retry_policy: RetryPolicy | None = None,
        *,
        may_be_of: Callable[[datetime], bool] = lambda collected_at: True,
    ) -> None:
        self._clock = clock
        self._may_be_of = may_be_of
        self._retry_policy = retry_policy or RetryPolicy()
        self._settings = settings
        self._connections: dict[str, _Connection] = {}
        self._opening = Lock()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.session.close()

    def fetch(self, request: Request[T]) -> Response[T]:
        connection = self._connection(request.host)
        skipped: list[str] = []
        folder, now = connection.profile.drop_folder, self._clock.now()
        saved = saved_response(folder, request, skipped, now=now, may_be_of=self._may_be_of)
        try:
            return saved or _RetriedRequest(connection, request, self._retry_policy, self._clock).send()
        except SourceError as error:
            if skipped:
                error.args = (f"{error}. Skipped manually saved files: {'; '.join(skipped[:3])}",)
            raise

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected:
        try:
            return self.fetch(request)
        except UnusableResponse as error:
            kept = error.evidence
            if kept is None:
                raise
            items = 0 if isinstance(error, NoDataForApp) else 1
            log.warning("app %s is set aside: %s", request.app_id, error)
            return Rejected(request, kept.url, kept.status, kept.headers, kept.body, kept.fetched_at, str(error), items)

    def _connection(self, host: Host) -> _Connection:
        with self._opening:
            if host.name not in self._connections:
                self._connections[host.name] = _open(profile(self._settings, host))
            return self._connections[host.name]


def _open(host: HostProfile) -> _Connection:
    for secret in host.secret_params.values():
        transport.SECRETS.add(secret)
    limits = limits_of(host.host.name, host.netloc, host.requests_per_second)
    return _Connection(host, limits, transport.session(host.headers))


class _RefusedForApp(UnusableResponse):
    """The host refuses this request although it accepts others, so a retry is pointless."""


class _RetriedRequest(Generic[T]):
    """One request with its retries."""

    def __init__(self, connection: _Connection, request: Request[T], retry_policy: RetryPolicy, clock: Clock) -> None:
        self._connection = connection
        self._request = request
        self._retry_policy = retry_policy
        self._clock = clock
        self._started = monotonic()
        self._excused = 0.0

    def send(self) -> Response[T]:
        backoff = wait_random_exponential(
            multiplier=self._retry_policy.backoff_base_seconds, max=self._retry_policy.backoff_cap_seconds
        )
        not_yet = wait_fixed(self._retry_policy.not_yet_seconds)
        retrying = Retrying(
            retry=retry_if_exception(_worth_another_try),
            wait=lambda state: (not_yet if isinstance(_error(state), StaleResponse) else backoff)(state),
            stop=self._used_up,
            before_sleep=self._note,
            reraise=True,
        )
        return retrying(self._try)

    def _left(self) -> float:
        """Seconds left of the request's total; waits imposed by the rate limit or the host do not count."""
        return self._retry_policy.total_seconds - (monotonic() - self._started - self._excused)

    def _used_up(self, state: RetryCallState) -> bool:
        error = _error(state)
        if isinstance(error, StaleResponse):
            return self._left() <= self._retry_policy.not_yet_seconds
        invalid = isinstance(error, UnusableResponse)
        tries = self._retry_policy.invalid_attempts if invalid else self._retry_policy.attempts
        return state.attempt_number >= tries or self._left() <= 0

    def _note(self, state: RetryCallState) -> None:
        log.info("retrying (attempt %d failed): %s: %s", state.attempt_number, self._request.name, _error(state))

    def _try(self) -> Response[T]:
        answer, row = self._when_allowed()
        if row.meaning is not Meaning.ANSWER:
            raise _error_of(row, answer, self._connection.profile)
        self._connection.limits.breaker.answered()
        try:
            value = self._request.parse(answer.body)
        except NotYet as error:
            raise StaleResponse(
                f"{error}: {answer.url}. Next: run it again in a few minutes", evidence=answer
            ) from error
        except NotCarried as error:
            raise NotAvailable(f"{error}: {answer.url}") from error
        except InvalidResponse as error:
            raise UnusableResponse(_invalid(f"{error}", answer), evidence=answer) from error
        return Response(self._request, answer.url, answer.status, answer.headers, answer.body, answer.fetched_at, value)

    def _when_allowed(self) -> tuple[Evidence, Row]:
        """A response that is not a refusal by the host, and its meaning. Raises Blocked if the host keeps refusing."""
        breaker = self._connection.limits.breaker
        refusals: list[Evidence] = []
        answers_then = 0
        while True:
            permit = self._acquire(refusals[-1] if refusals else None)
            answer = self._get(self._request.path, self._request.params)
            row = self._row(answer, others_answered=bool(refusals) and breaker.answers > answers_then)
            if row.meaning is not Meaning.COOL_DOWN:
                return answer, row
            seconds = breaker.refused(permit, retry_after(answer.headers), self._retry_policy)
            log.warning("HTTP %d: no request to %s for %.1f s", answer.status, self._connection.profile.netloc, seconds)
            refusals.append(answer)
            answers_then = breaker.answers
            if len(refusals) > self._retry_policy.cool_downs:
                raise self._blocked(seconds, answer)

    def _row(self, answer: Evidence, *, others_answered: bool) -> Row:
        app_id, status, body = self._request.app_id, status_of(answer), body_of(answer)
        if app_id is None:
            return row_for(status, body, Concerns.HOST)
        row = row_for(status, body, Concerns.ONLY_APP if others_answered else Concerns.APP)
        conclusive = others_answered or body is Body.SERVICE_ERROR
        if row.meaning not in (Meaning.NO_DATA, Meaning.SET_ASIDE) or conclusive:
            return row
        if not self._connection.limits.breaker.has_no_data_for(app_id):
            return row
        of_host = row_for(status, body, Concerns.HOST)
        return row if of_host.meaning is Meaning.COOL_DOWN and self._probe_succeeds() else of_host

    def _probe_succeeds(self) -> bool:
        """Whether the host answers the request that always succeeds. False if it has none."""
        probe = self._connection.profile.host.probe
        if not probe:
            return False
        self._acquire(None)
        answer = self._get(probe, {})
        if row_for(status_of(answer), body_of(answer), Concerns.HOST).meaning is not Meaning.ANSWER:
            return False
        self._connection.limits.breaker.answered()
        return True

    def _acquire(self, refusal: Evidence | None) -> Permit:
        before = monotonic()
        try:
            permit = self._connection.limits.acquire()
        except CircuitOpen as refused:
            raise self._blocked(refused.seconds, refusal) from refused
        self._excused += monotonic() - before
        return permit

    def _blocked(self, seconds: float, refusal: Evidence | None) -> Blocked:
        host = self._connection.profile
        wait_until = datetime.now(UTC) + timedelta(seconds=seconds)
        return Blocked(
            f"{host.netloc} refuses requests; none is sent until {wait_until:%Y-%m-%d %H:%M:%S} UTC. "
            f"Next: {host.when_blocked}",
            wait_until=wait_until,
            evidence=refusal,
        )

    def _get(self, path: str, params: Mapping[str, str]) -> Evidence:
        host = self._connection.profile
        return transport.get(
            self._connection.session,
            host.url(path),
            params=params,
            secret_params=host.secret_params,
            retry_policy=self._retry_policy,
            seconds=max(min(self._retry_policy.answer_seconds, self._left()), 0.1),
            clock=self._clock,
        )


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Unreachable | UnusableResponse) and not isinstance(error, _RefusedForApp)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _error_of(row: Row, answer: Evidence, host: HostProfile) -> SourceError:
    """The error for a response that the source does not parse."""
    said = f"HTTP {answer.status}: {row.because}"
    match row.meaning:
        case Meaning.DRIFT:
            look = "compare the source's file with the service's documentation"
            return EndpointGone(
                f"{said}, so the endpoint is gone or has moved: {answer.url}. Next: {look}", evidence=answer
            )
        case Meaning.KEY:
            return KeyRequired(f"{said}: {answer.url}. Next: {host.when_blocked}", evidence=answer)
        case Meaning.TROUBLE:
            return Unreachable(f"{said}: {answer.url}; try again later", evidence=answer)
        case Meaning.NO_DATA:
            return NoDataForApp(f"{said}: {answer.url}", evidence=answer)
        case Meaning.SET_ASIDE if Concerns.ONLY_APP in row.concerns and Concerns.APP not in row.concerns:
            return _RefusedForApp(f"{said}: {answer.url}", evidence=answer)
        case _:
            transient = row.meaning is Meaning.RETRY
            return UnusableResponse(_invalid(said, answer), evidence=answer, transient=transient)


def _invalid(reason: str, answer: Evidence) -> str:
    result = answer.headers.get("x-eresult", "1").strip()
    service = "" if result == "1" else f" (x-eresult {result!r})"
    look = "inspect the stored body; if the service has changed, change the source's parse"
    return f"{reason}{service}: {answer.url}. Next: {look}"
