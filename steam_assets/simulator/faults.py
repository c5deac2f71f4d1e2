"""Fault injection: failures of a source, applied to selected requests.

Belongs here: the faults, and the board that decides which request gets one. Does not belong here: normal responses.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock

from pydantic import BaseModel

from steam_assets.simulator.backend import EMPTY
from steam_assets.simulator.delivery import HTML_TYPE, JSON_TYPE, Delivery, Reply, Way
from steam_assets.simulator.error_pages import ACCESS_DENIED, MAINTENANCE, SERVER_ERROR, TOO_MANY_REQUESTS
from steam_assets.simulator.request_parameters import Json, ReviewParameters
from steam_assets.simulator.rewriting import change_response, each_object, replace_field
from steam_assets.simulator.stores import STORES, Store

Params = Mapping[str, str]


class Fault(BaseModel, frozen=True, extra="forbid"):
    """Applies to requests whose path starts with ``path`` and whose query contains ``contains``: ``times`` (None: all).

    The query is compared as compact JSON of its decoded parameters.
    """

    path: str = "/"
    contains: str = ""
    times: int | None = None

    @property
    def age(self) -> timedelta:
        """How old the served response is."""
        return timedelta()

    def change(self, reply: Reply, params: Params) -> Reply:
        """The reply to send instead of ``reply``."""
        return reply


class FixedBody(Fault, frozen=True):
    """A given response: ``null``, nothing at all, or anything else."""

    body: bytes = b"null"
    status: int = 200
    content_type: str = JSON_TYPE

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(self.body, self.status, self.content_type)


class _Page(FixedBody, frozen=True):
    content_type: str = HTML_TYPE


class TooManyRequests(_Page, frozen=True):
    """429 without Retry-After."""

    status: int = 429
    body: bytes = TOO_MANY_REQUESTS


class AccessDenied(_Page, frozen=True):
    """The 403 page of the network in front of the service."""

    status: int = 403
    body: bytes = ACCESS_DENIED


class ServerError(_Page, frozen=True):
    """503 with the server's HTML page."""

    status: int = 503
    body: bytes = SERVER_ERROR


class HtmlForJson(_Page, frozen=True):
    """A maintenance page with status 200."""

    body: bytes = MAINTENANCE


class UnknownApp(FixedBody, frozen=True):
    """Steam's response for an unknown or delisted app: 403 with an empty JSON object instead of a page."""

    status: int = 403
    body: bytes = b"{}"


class EmptyResponse(Fault, frozen=True):
    """``{"response":{}}`` with the x-eresult header of a failed call."""

    eresult: str = "15"

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, body=EMPTY, headers=reply.header("x-eresult", self.eresult))


class TruncatedBody(Fault, frozen=True):
    """Only half of the body arrives; Content-Length is that of all of it, or absent."""

    content_length: bool = True

    def change(self, reply: Reply, params: Params) -> Reply:
        way = Way.CUT if self.content_length else Way.CUT_WITHOUT_LENGTH
        return replace(reply, delivery=Delivery(way, keep=len(reply.body) // 2))


class OversizedBody(Fault, frozen=True):
    """The response, followed by ``megabytes`` of spaces: still JSON, but too large."""

    megabytes: int = 64

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, body=reply.body + b" " * (self.megabytes << 20))


class GzipBomb(Fault, frozen=True):
    """A small gzip body that decompresses to the response and ``megabytes`` of spaces."""

    megabytes: int = 64

    def change(self, reply: Reply, params: Params) -> Reply:
        blank = gzip.compress(b" " * (1 << 20))
        body = gzip.compress(reply.body) + blank * self.megabytes
        return replace(reply, body=body, headers=reply.header("content-encoding", "gzip"))


class SlowBody(Fault, frozen=True):
    """The body in ``pieces`` pieces over ``seconds`` seconds."""

    seconds: float = 10.0
    pieces: int = 100

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, delivery=Delivery(Way.SLOW, seconds=self.seconds, pieces=self.pieces))


class ConnectionReset(Fault, frozen=True):
    """The connection is reset before the first byte of the response."""

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace(reply, status=0, delivery=Delivery(Way.RESET))


class Redirect(Fault, frozen=True):
    """A redirect to another URL."""

    location: str

    def change(self, reply: Reply, params: Params) -> Reply:
        return Reply(b"", 302, HTML_TYPE, {"location": self.location})


class RepeatedCursor(Fault, frozen=True):
    """The page's next cursor is the one that was sent."""

    def change(self, reply: Reply, params: Params) -> Reply:
        sent = ReviewParameters.read(params).cursor
        return change_response(reply, lambda response: response | {"cursor": sent})


class WrongWeek(Fault, frozen=True):
    """The top sellers of the week before the requested one."""

    def change(self, reply: Reply, params: Params) -> Reply:
        def moved(response: Json) -> Json:
            return response | {"start_date": int(str(response["start_date"])) - 7 * 86400}

        return change_response(reply, moved)


class OtherCountry(Fault, frozen=True):
    """The prices of another country's store, and its code where a reply states it: the country was ignored."""

    country: str = "CN"

    def change(self, reply: Reply, params: Params) -> Reply:
        store = STORES[self.country]
        return each_object(reply, lambda found: _of_store(found, store))


class OtherLanguage(Fault, frozen=True):
    """Names in another language, and reviews in one language only, as if the languages had been ignored."""

    def change(self, reply: Reply, params: Params) -> Reply:
        return each_object(reply, _translated)


def _of_store(found: Json, store: Store) -> Json:
    if "formatted_final_price" in found:
        return found | {"formatted_final_price": store.text(int(str(found["final_price_in_cents"])))}
    return found | {"country": store.country} if "country" in found else found


def _translated(found: Json) -> Json:
    named = any(key.endswith("id") for key in found) and isinstance(found.get("name"), str)
    names = {"name": f"《{found['name']}》"} if named else {}
    return found | names | ({"language": "english"} if "language" in found else {})


class StaleBody(Fault, frozen=True):
    """The response as it was ``hours`` ago."""

    hours: float

    @property
    def age(self) -> timedelta:
        return timedelta(hours=self.hours)


class Drift(Fault, frozen=True):
    """Schema drift: each ``every``-th occurrence of ``field`` gets ``literal`` as its JSON value.

    ``literal`` is written verbatim: ``NaN``, ``"text"``, ``null``, an integer of 5,000 digits, a lone surrogate.
    """

    field: str
    literal: str
    every: int = 1

    def change(self, reply: Reply, params: Params) -> Reply:
        return replace_field(reply, self.field, self.literal, self.every)


@dataclass
class _Active:
    fault: Fault
    hits: int = 0

    def applies(self, path: str, query: str) -> bool:
        fault = self.fault
        more = fault.times is None or self.hits < fault.times
        return more and path.startswith(fault.path) and fault.contains in query


class FaultBoard:
    """The active faults, oldest first; a request gets at most one. Thread-safe."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Activate faults."""
        with self._lock:
            self._active.extend(_Active(fault) for fault in faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active.clear()

    def hits(self) -> int:
        """How many requests the active faults have hit."""
        with self._lock:
            return sum(active.hits for active in self._active)

    def meet(self, path: str, query: str) -> Fault | None:
        """The fault to apply to this request, which is counted; None if there is none."""
        with self._lock:
            for active in self._active:
                if active.applies(path, query):
                    active.hits += 1
                    return active.fault
        return None
