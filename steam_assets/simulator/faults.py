"""Fault injection: failures of a source, applied to selected requests.

Belongs here: the faults, and the board that decides which request gets one. Does not belong here: normal responses.

Each fault is a frozen model, created in code or posted as JSON, with its ``kind``, to ``/_simulator/faults``.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Lock
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from steam_assets.simulator.backend import EMPTY
from steam_assets.simulator.chance import Dice
from steam_assets.simulator.delivery import HTML_TYPE, JSON_TYPE, Delivery, Reply, Way
from steam_assets.simulator.error_pages import ACCESS_DENIED, MAINTENANCE, TOO_MANY_REQUESTS, server_error
from steam_assets.simulator.request_parameters import BadInput, Json, input_json
from steam_assets.simulator.rewriting import MISSING, change_field, change_response

Params = Mapping[str, str]


class Fault(BaseModel, frozen=True, extra="forbid"):
    """Applies to requests whose path starts with ``path`` and whose query contains ``contains``.

    Of these, the first ``after`` pass, then ``times`` are hit (None: all), each with ``probability``.
    """

    kind: str
    path: str = "/"
    contains: str = ""
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, gt=0, le=1)

    @property
    def age(self) -> timedelta:
        """How old the served response is."""
        return timedelta()

    def change(self, reply: Reply, params: Params) -> Reply:
        """The reply to send instead of ``reply``."""
        return reply


class TooManyRequests(Fault, frozen=True):
    """429, with Retry-After in seconds, as an HTTP date, or without it."""

    kind: Literal["too_many_requests"] = "too_many_requests"
    retry_after: int | None = None
    as_date: bool = False

    def change(self, reply: Reply, params: Params) -> Reply:
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            when = datetime.now(UTC) + timedelta(seconds=self.retry_after)
            headers["retry-after"] = format_datetime(when, usegmt=True) if self.as_date else str(self.retry_after)
        return Reply(TOO_MANY_REQUESTS, 429, HTML_TYPE, headers)


class AccessDenied(Fault, frozen=True):
    """The 403 page of the network in front of the service."""

    kind: Literal["access_denied"] = "access_denied"

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(ACCESS_DENIED, 403, HTML_TYPE)


class UnknownApp(Fault, frozen=True):
    """Steam's response for an unknown or delisted app: 403 with an empty JSON object instead of a page."""

    kind: Literal["unknown_app"] = "unknown_app"

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(b"{}", 403, JSON_TYPE)


class ServerError(Fault, frozen=True):
    """500, 502, 503 or 504 with the server's HTML page."""

    kind: Literal["server_error"] = "server_error"
    status: Literal[500, 502, 503, 504] = 503

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(server_error(self.status), self.status, HTML_TYPE)


class TruncatedBody(Fault, frozen=True):
    """Only the share ``keep`` of the body arrives; Content-Length is that of all of it, or absent."""

    kind: Literal["truncated_body"] = "truncated_body"
    keep: float = Field(default=0.5, ge=0, lt=1)
    content_length: bool = True

    def change(self, reply: Reply, params: Params) -> Reply:
        way = Way.CUT if self.content_length else Way.CUT_WITHOUT_LENGTH
        return replace(reply, delivery=Delivery(way, keep=int(len(reply.body) * self.keep)))


class HtmlForJson(Fault, frozen=True):
    """A maintenance page with status 200."""

    kind: Literal["html_for_json"] = "html_for_json"

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(MAINTENANCE, 200, HTML_TYPE)


class EmptyResponse(Fault, frozen=True):
    """``{"response":{}}`` with the x-eresult header of a failed call."""

    kind: Literal["empty_response"] = "empty_response"
    eresult: int | str = 15

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, body=EMPTY, headers=reply.header("x-eresult", str(self.eresult)))


class FixedBody(Fault, frozen=True):
    """A given body: ``null``, nothing at all, or anything else."""

    kind: Literal["fixed_body"] = "fixed_body"
    body: str = "null"
    status: int = Field(default=200, ge=200, le=599)
    content_type: str = JSON_TYPE

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(self.body.encode(), self.status, self.content_type)


class OversizedBody(Fault, frozen=True):
    """The response, followed by ``megabytes`` of spaces: still JSON, but too large."""

    kind: Literal["oversized_body"] = "oversized_body"
    megabytes: int = Field(default=64, ge=1, le=512)

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, body=reply.body + b" " * (self.megabytes << 20))


class GzipBomb(Fault, frozen=True):
    """A small gzip body that decompresses to the response and ``megabytes`` of spaces."""

    kind: Literal["gzip_bomb"] = "gzip_bomb"
    megabytes: int = Field(default=64, ge=1, le=512)

    def change(self, reply: Reply, params: Params) -> Reply:
        blank = gzip.compress(b" " * (1 << 20))
        return replace(
            reply,
            body=gzip.compress(reply.body) + blank * self.megabytes,
            headers=reply.header("content-encoding", "gzip"),
        )


class SlowBody(Fault, frozen=True):
    """The body in ``pieces`` pieces over ``seconds`` seconds."""

    kind: Literal["slow_body"] = "slow_body"
    seconds: float = Field(default=10.0, gt=0)
    pieces: int = Field(default=100, ge=1)

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, delivery=Delivery(Way.SLOW, seconds=self.seconds, pieces=self.pieces))


class ConnectionReset(Fault, frozen=True):
    """The connection is reset before the first byte of the response."""

    kind: Literal["connection_reset"] = "connection_reset"

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, status=0, delivery=Delivery(Way.RESET))


class Redirect(Fault, frozen=True):
    """A redirect to another URL."""

    kind: Literal["redirect"] = "redirect"
    location: str = "http://169.254.169.254/latest/meta-data/"
    status: Literal[301, 302, 303, 307, 308] = 302

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(b"", self.status, HTML_TYPE, {"location": self.location})


class RepeatedCursor(Fault, frozen=True):
    """The page's next cursor is the one that was sent."""

    kind: Literal["repeated_cursor"] = "repeated_cursor"

    def change(self, reply: Reply, params: Params) -> Reply:
        sent = _sent(params).get("cursor", "*")
        return change_response(reply, lambda response: response.update(cursor=sent))


class WrongWeek(Fault, frozen=True):
    """The top sellers of a week other than the requested one."""

    kind: Literal["wrong_week"] = "wrong_week"
    weeks: int = -1

    def change(self, reply: Reply, params: Params) -> Reply:
        def move(response: Json) -> None:
            if "start_date" in response:
                response["start_date"] += self.weeks * 7 * 86400

        return change_response(reply, move)


class StaleBody(Fault, frozen=True):
    """The response as it was ``hours`` ago."""

    kind: Literal["stale_body"] = "stale_body"
    hours: float = Field(default=24.0, gt=0)

    @property
    def age(self) -> timedelta:
        return timedelta(hours=self.hours)


class Drift(Fault, frozen=True):
    """Schema drift: each ``every``-th occurrence of ``field`` is renamed, or gets ``literal`` as its JSON value.

    Without ``rename_to`` and ``literal`` it is removed. ``literal`` is written verbatim: ``NaN``, ``"text"``, an
    integer of 5,000 digits, ``"\\ud800"`` (a lone surrogate), ``null``.
    """

    kind: Literal["drift"] = "drift"
    field: str
    rename_to: str | None = None
    literal: str | None = None
    every: int = Field(default=1, ge=1)

    def change(self, reply: Reply, params: Params) -> Reply:
        literal = MISSING if self.literal is None else self.literal
        return change_field(reply, self.field, literal, self.every, self.rename_to)


AnyFault = Annotated[
    TooManyRequests
    | AccessDenied
    | UnknownApp
    | ServerError
    | TruncatedBody
    | HtmlForJson
    | EmptyResponse
    | FixedBody
    | OversizedBody
    | GzipBomb
    | SlowBody
    | ConnectionReset
    | Redirect
    | RepeatedCursor
    | WrongWeek
    | StaleBody
    | Drift,
    Field(discriminator="kind"),
]
FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


@dataclass
class _Posted:
    fault: Fault
    seen: int = 0
    hit: int = 0


class FaultBoard:
    """The active faults, oldest first; a request gets at most one. Thread-safe."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)
        self._posted: list[_Posted] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Activate faults."""
        with self._lock:
            self._posted.extend(_Posted(fault) for fault in faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._posted.clear()

    def active(self) -> list[Fault]:
        """The active faults that can still hit requests."""
        with self._lock:
            return [posted.fault for posted in self._posted if _has_more(posted)]

    def hits(self) -> int:
        """How many requests the active faults have hit."""
        with self._lock:
            return sum(posted.hit for posted in self._posted)

    def meet(self, path: str, query: str) -> Fault | None:
        """The fault to apply to this request, which is counted; None if there is none."""
        with self._lock:
            for number, posted in enumerate(self._posted):
                fault = posted.fault
                if not path.startswith(fault.path) or fault.contains not in query or not _has_more(posted):
                    continue
                posted.seen += 1
                if posted.seen > fault.after and self._falls(number, posted):
                    posted.hit += 1
                    return fault
        return None

    def _falls(self, number: int, posted: _Posted) -> bool:
        share = posted.fault.probability
        return share == 1 or self._dice.share("fault", number, posted.seen) < share


def _has_more(posted: _Posted) -> bool:
    return posted.fault.times is None or posted.hit < posted.fault.times


def _sent(params: Params) -> Json:
    try:
        message = input_json(params)
    except BadInput:
        return {}
    return dict(params) if message is None else message
