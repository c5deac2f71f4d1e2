"""The client that sources ask through: what is asked again, and when to stop.

Belongs here: SourceClient, and acting on what an answer means. Does not belong here: what it means (answer_table.py),
the bytes on the network (transport.py), rates and waits (limits.py), what a valid body is (each source's ``parse``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Generic, TypeVar
from urllib.parse import quote

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_fixed, wait_random_exponential

from steam_assets.clock import Clock
from steam_assets.extraction import transport
from steam_assets.extraction.answer_table import Concerns, Meaning, Row, body_of, row_for, status_of
from steam_assets.extraction.errors import (
    AnswerStaysInvalid,
    Blocked,
    EndpointGone,
    Evidence,
    NothingForApp,
    Refused,
    SourceError,
    StillOld,
    Unreachable,
)
from steam_assets.extraction.hosts import HostProfile, profile
from steam_assets.extraction.limits import CircuitOpen, HostLimits, Permit, RetryPolicy, gate, retry_after
from steam_assets.settings import Settings
from steam_assets.sources.source import Host, InvalidAnswer, NotYet, Rejected, Request, Response

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Door:
    """A host with what is needed to ask it."""

    profile: HostProfile
    gate: HostLimits
    session: requests.Session


class HttpClient:
    """Asks hosts for sources; implements ``SourceClient``. Threads may share one. Close it, or use it in a ``with``.

    Raises Unreachable, Blocked, EndpointGone, Refused or AnswerStaysInvalid; ``tolerant`` gives a Rejected in place of
    the last. ValueError if a host's configured address is unusable.
    """

    def __init__(self, settings: Settings, clock: Clock, retry_policy: RetryPolicy | None = None) -> None:
        self._clock = clock
        self._retry_policy = retry_policy or RetryPolicy()
        self._doors = {host: self._open(profile(settings, host)) for host in Host}

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for door in self._doors.values():
            door.session.close()

    def fetch(self, request: Request[T]) -> Response[T]:
        door = self._doors[request.host]
        left_out: list[str] = []
        saved = _hand_saved(door.profile.drop_folder, request, left_out)
        try:
            return saved or _Asking(door, request, self._retry_policy, self._clock).until_answered()
        except SourceError as error:
            if left_out:
                error.args = (f"{error}. Hand-saved files were left out: {'; '.join(left_out[:3])}",)
            raise

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected:
        try:
            return self(request)
        except AnswerStaysInvalid as error:
            kept = error.evidence
            if kept is None:
                raise
            items = 0 if isinstance(error, NothingForApp) else 1
            log.warning("app %s is set aside: %s", request.app_id, error)
            return Rejected(request, kept.url, kept.status, kept.headers, kept.body, kept.fetched_at, str(error), items)

    def _open(self, host: HostProfile) -> _Door:
        for secret in host.secret_params.values():
            transport.SECRETS.add(secret)
        return _Door(host, gate(host.host, host.netloc, host.requests_per_second), transport.session(host.headers))


class _RefusedAlone(AnswerStaysInvalid):
    """The host refuses this request after it has answered others: asking once more would tell nothing."""


class _Asking(Generic[T]):
    """One request with its retries."""

    def __init__(self, door: _Door, request: Request[T], retry_policy: RetryPolicy, clock: Clock) -> None:
        self._door = door
        self._request = request
        self._retry_policy = retry_policy
        self._clock = clock
        self._started = monotonic()
        self._excused = 0.0

    def until_answered(self) -> Response[T]:
        backoff = wait_random_exponential(
            multiplier=self._retry_policy.backoff_base_seconds, max=self._retry_policy.backoff_cap_seconds
        )
        not_yet = wait_fixed(self._retry_policy.not_yet_seconds)
        retrying = Retrying(
            retry=retry_if_exception(_worth_another_try),
            wait=lambda state: (not_yet if isinstance(_error(state), StillOld) else backoff)(state),
            stop=self._used_up,
            before_sleep=self._note,
            reraise=True,
        )
        return retrying(self._try)

    def _left(self) -> float:
        """Seconds left of the request's total; waits that the rate or the host imposed do not count."""
        return self._retry_policy.total_seconds - (monotonic() - self._started - self._excused)

    def _used_up(self, state: RetryCallState) -> bool:
        error = _error(state)
        if isinstance(error, StillOld):
            return self._left() <= self._retry_policy.not_yet_seconds
        invalid = isinstance(error, AnswerStaysInvalid)
        tries = self._retry_policy.invalid_attempts if invalid else self._retry_policy.attempts
        return state.attempt_number >= tries or self._left() <= 0

    def _note(self, state: RetryCallState) -> None:
        log.info("asking again (try %d failed): %s: %s", state.attempt_number, self._request.name, _error(state))

    def _try(self) -> Response[T]:
        answer, row = self._when_allowed()
        if row.meaning is not Meaning.ANSWER:
            raise _error_of(row, answer, self._door.profile)
        self._door.gate.circuit.answered()
        try:
            value = self._request.parse(answer.body)
        except NotYet as error:
            raise StillOld(f"{error}: {answer.url}. Next: run it again in some minutes", evidence=answer) from error
        except InvalidAnswer as error:
            raise AnswerStaysInvalid(_invalid(f"{error}", answer), evidence=answer) from error
        return Response(self._request, answer.url, answer.status, answer.headers, answer.body, answer.fetched_at, value)

    def _when_allowed(self) -> tuple[Evidence, Row]:
        """An answer that is not a refusal by the host, and what it means. Blocked if the host keeps refusing."""
        circuit = self._door.gate.circuit
        refusals: list[Evidence] = []
        answers_then = 0
        while True:
            leave = self._enter(refusals[-1] if refusals else None)
            answer = self._get()
            row = self._row(answer, others_answered=bool(refusals) and circuit.answers > answers_then)
            if row.meaning is not Meaning.COOL_DOWN:
                return answer, row
            seconds = circuit.refused(leave, retry_after(answer.headers), self._retry_policy)
            log.warning("HTTP %d: no request to %s for %.1f s", answer.status, self._door.profile.netloc, seconds)
            refusals.append(answer)
            answers_then = circuit.answers
            if len(refusals) > self._retry_policy.cool_downs:
                raise self._blocked(seconds, answer)

    def _row(self, answer: Evidence, *, others_answered: bool) -> Row:
        app_id, status, body = self._request.app_id, status_of(answer), body_of(answer)
        if app_id is None:
            return row_for(status, body, Concerns.HOST)
        row = row_for(status, body, Concerns.ONLY_APP if others_answered else Concerns.APP)
        about_app = row.meaning in (Meaning.NO_DATA, Meaning.SET_ASIDE)
        if about_app and not others_answered and self._door.gate.circuit.has_nothing_for(app_id):
            return row_for(status, body, Concerns.HOST)
        return row

    def _enter(self, refusal: Evidence | None) -> Permit:
        before = monotonic()
        try:
            leave = self._door.gate.enter()
        except CircuitOpen as resting:
            raise self._blocked(resting.seconds, refusal) from resting
        self._excused += monotonic() - before
        return leave

    def _blocked(self, seconds: float, refusal: Evidence | None) -> Blocked:
        wait_until = datetime.now(UTC) + timedelta(seconds=seconds)
        return Blocked(
            f"{self._door.profile.netloc} refuses requests; it is left alone until {wait_until:%Y-%m-%d %H:%M:%S} UTC. "
            f"Next: {self._door.profile.when_blocked}",
            wait_until=wait_until,
            evidence=refusal,
        )

    def _get(self) -> Evidence:
        host = self._door.profile
        return transport.get(
            self._door.session,
            host.url(self._request.path),
            params=self._request.params,
            secret_params=host.secret_params,
            retry_policy=self._retry_policy,
            seconds=max(min(self._retry_policy.answer_seconds, self._left()), 0.1),
            clock=self._clock,
        )


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Unreachable | AnswerStaysInvalid) and not isinstance(error, _RefusedAlone)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _error_of(row: Row, answer: Evidence, host: HostProfile) -> SourceError:
    """The error that an answer is which is not read."""
    said = f"HTTP {answer.status}: {row.because}"
    match row.meaning:
        case Meaning.DRIFT:
            look = "compare the source's file with the service's documentation"
            return EndpointGone(
                f"{said}, so the endpoint is gone or moved: {answer.url}. Next: {look}", evidence=answer
            )
        case Meaning.KEY:
            return Refused(f"{said}: {answer.url}. Next: {host.when_blocked}", evidence=answer)
        case Meaning.TROUBLE:
            return Unreachable(f"{said}: {answer.url}; try again later", evidence=answer)
        case Meaning.NO_DATA:
            return NothingForApp(f"{said}: {answer.url}", evidence=answer)
        case Meaning.SET_ASIDE if Concerns.ONLY_APP in row.concerns and Concerns.APP not in row.concerns:
            return _RefusedAlone(f"{said}: {answer.url}", evidence=answer)
        case _:
            transient = row.meaning is Meaning.RETRY
            return AnswerStaysInvalid(_invalid(said, answer), evidence=answer, transient=transient)


def _invalid(reason: str, answer: Evidence) -> str:
    result = answer.headers.get("x-eresult", "1").strip()
    service = "" if result == "1" else f" (x-eresult {result!r})"
    look = "look at the kept body; if the service has changed, change the source's parse"
    return f"{reason}{service}: {answer.url}. Next: {look}"


def _hand_saved(folder: Path | None, request: Request[T], left_out: list[str]) -> Response[T] | None:
    """The newest hand-saved answer that is valid for the request; its time is when the file was last written.

    Why newer ones are not goes to ``left_out``.
    """
    for path in _newest_first(folder):
        if path.stat().st_size > transport.MAX_BODY_BYTES:
            log.warning("%s is larger than an answer can be; it is left out", path)
            continue
        try:
            body, _ = transport.to_utf8(path.read_bytes(), "")
        except PermissionError:
            log.warning("this user may not read %s; it is left out", path)
            continue
        try:
            value = request.parse(body)
        except InvalidAnswer as error:
            log.warning("%s does not answer %s and is left out: %s", path, request.name, error)
            left_out.append(f"{path.name}: {error}")
            continue
        fetched_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Response(request, f"file:{quote(os.fsencode(path.name))}", 200, {}, body, fetched_at, value)
    return None


def _newest_first(folder: Path | None) -> Iterator[Path]:
    if folder is None or not folder.is_dir():
        return iter(())
    named = list(folder.glob("*.json"))
    # To open a pipe would wait for its writer, for ever.
    files = [path for path in named if path.is_file()]
    for path in sorted(set(named) - set(files)):
        log.warning("%s is not a regular file; it is left out", path)
    return iter(sorted(files, key=lambda path: path.stat().st_mtime, reverse=True))
