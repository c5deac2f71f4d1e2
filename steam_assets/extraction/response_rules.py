"""What a response means: one decision table over status, body and scope.

Belongs here: the table, and what its columns distinguish. Does not belong here: acting on it (http_client.py), the
meaning of valid JSON (each source's ``parse``).

A block is recognized by its page and by other requests being refused as well, not by the status alone: Steam returns
HTTP 403 with ``{}`` for an unknown app, and HTTP 403 with an HTML page to a blocked address. A method of Steam's that
knows nothing of an app may also say so with HTTP 404 and an object ``response``, which nothing but the method writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from steam_assets.extraction.errors import Evidence


class Body(StrEnum):
    """The kind of body received."""

    JSON = "JSON with something in it"
    EMPTY_JSON = "an empty JSON object"
    SERVICE_ERROR = "an error in the form of a JSON object `response`"
    CUT_OFF = "the beginning of JSON, or plain text"
    NOTHING = "an empty body"
    BLOCK_PAGE = "a page that reports the caller as blocked or too fast"
    KEY_REQUIRED = "an error that requires a key"
    PAGE = "another HTML page (maintenance, login, error)"


class Concerns(StrEnum):
    """The scope of the response, as far as other requests to the host show."""

    APP = "the request is for one app, and nothing shows that others are refused"
    ONLY_APP = "the request is for one app, and requests for others succeeded since it was first refused"
    HOST = "the request is not for an app, or several apps in a row were refused (a `response` does not count)"


class Meaning(StrEnum):
    """What to do with the response."""

    ANSWER = "parsed by the source"
    NO_DATA = "the service has nothing for this app: kept in raw with its status, without an item"
    SET_ASIDE = "unusable for this app only: kept, and quarantined as one item"
    RETRY = "retry; if the retries fail, it is unusable"
    TROUBLE = "retry; if the retries fail, the host counts as unreachable"
    COOL_DOWN = "the host refuses us: no requests to it for a while"
    KEY = "the host requires a key, or rejects the one we send"
    DRIFT = "the endpoint is gone or moved: the contract has changed"


@dataclass(frozen=True)
class Row:
    """A row of the table: a regular expression for the status, the bodies and the scopes; an empty set means any."""

    status: str
    bodies: frozenset[Body]
    concerns: frozenset[Concerns]
    meaning: Meaning
    because: str

    def covers(self, status: int, body: Body, concerns: Concerns) -> bool:
        return (
            re.fullmatch(self.status, str(status)) is not None
            and (not self.bodies or body in self.bodies)
            and (not self.concerns or concerns in self.concerns)
        )


ANY: frozenset[Body] = frozenset()
ALL: frozenset[Concerns] = frozenset()
PAGES = frozenset({Body.BLOCK_PAGE, Body.PAGE, Body.NOTHING, Body.CUT_OFF})
FROM_SERVICE = frozenset({Body.JSON, Body.EMPTY_JSON, Body.SERVICE_ERROR, Body.KEY_REQUIRED})
"""Written by the service itself, not by a proxy or CDN in front of it."""
AN_APP = frozenset({Concerns.APP, Concerns.ONLY_APP})
ONLY_APP = frozenset({Concerns.ONLY_APP})
HOST = frozenset({Concerns.HOST})

# fmt: off
TABLE: tuple[Row, ...] = (
    Row("200", frozenset({Body.JSON, Body.EMPTY_JSON}), ALL, Meaning.ANSWER, "it is JSON"),
    Row("200", frozenset({Body.CUT_OFF}), ALL, Meaning.ANSWER, "parse finds where it breaks off, and it is retried"),
    Row("200", frozenset({Body.BLOCK_PAGE}), ALL, Meaning.COOL_DOWN, "the page reports us as blocked or too fast"),
    Row("200", frozenset({Body.PAGE}), ALL, Meaning.RETRY, "HTML instead of JSON (maintenance or login page)"),
    Row("200", frozenset({Body.KEY_REQUIRED}), ALL, Meaning.RETRY, "HTML instead of JSON (it requires a key)"),
    Row("200", frozenset({Body.NOTHING}), ALL, Meaning.RETRY, "the body is empty"),
    Row("20[45]", ANY, AN_APP, Meaning.NO_DATA, "the service has no content for this app"),
    Row("2..", ANY, ALL, Meaning.RETRY, "an incomplete response"),
    Row("304", ANY, ALL, Meaning.RETRY, "not modified, although no condition was sent (a cache in between)"),
    Row("3..", ANY, ALL, Meaning.DRIFT, "it redirects (home, login), and redirects are not followed"),
    Row("40[03]", frozenset({Body.KEY_REQUIRED}), HOST, Meaning.KEY, "it requires a key"),
    Row("401", ANY, ALL, Meaning.KEY, "it requires a key"),
    Row("403", FROM_SERVICE, AN_APP, Meaning.NO_DATA, "the service does not know this app, or it is delisted"),
    Row("403", FROM_SERVICE, HOST, Meaning.COOL_DOWN, "other requests are refused as well"),
    Row("403", PAGES, ONLY_APP, Meaning.SET_ASIDE, "refused while requests for other apps succeed"),
    Row("403", PAGES, ALL, Meaning.COOL_DOWN, "it refuses us"),
    Row("404|410|451", ANY, AN_APP, Meaning.NO_DATA, "the service has nothing for this app"),
    Row("404|410|451", ANY, HOST, Meaning.DRIFT, "there is nothing at this address"),
    Row("408|425", ANY, ALL, Meaning.TROUBLE, "the request timed out at the server"),
    Row("407", ANY, ALL, Meaning.TROUBLE, "the proxy requires a login"),
    Row("429", ANY, ALL, Meaning.COOL_DOWN, "too many requests"),
    Row("4..", ANY, AN_APP, Meaning.SET_ASIDE, "the service rejects the request for this app"),
    Row("4..", ANY, HOST, Meaning.DRIFT, "the service rejects the request"),
    Row("...", ANY, ALL, Meaning.TROUBLE, "the service failed"),
)
# fmt: on
"""The first matching row applies. A 503 with Retry-After is treated as a 429."""

_BLOCKED = re.compile(
    rb"access denied|request (was )?blocked|address is blocked|you (are|have been) blocked|captcha"
    rb"|are you (a )?(human|robot)|unusual traffic|too many requests|rate limit|attention required|just a moment",
    re.IGNORECASE,
)
_SERVICE = re.compile(rb'\{\s*"response"\s*:\s*\{')
_KEY = re.compile(rb"verify your (<pre>)?key=|api[ _-]?key|user_key|invalid[ _]key", re.IGNORECASE)
_LOOKED_AT = 4096


def row_for(status: int, body: Body, concerns: Concerns) -> Row:
    """The first row of the table that matches."""
    return next(row for row in TABLE if row.covers(status, body, concerns))


def status_of(answer: Evidence) -> int:
    """The status to look up in the table: a 503 with Retry-After means the service is throttling us."""
    return 429 if answer.status == 503 and "retry-after" in answer.headers else answer.status


def body_of(answer: Evidence) -> Body:
    """Classify the body by its text; the declared content type counts only where the text is inconclusive."""
    text = answer.body.strip()
    start, end = text[:1], text[-1:]
    if not text:
        return Body.NOTHING
    if start in (b"{", b"["):
        if len(text) < _LOOKED_AT and b"".join(text.split()) == b"{}":
            return Body.EMPTY_JSON
        if answer.status != 200 and _KEY.search(text[:_LOOKED_AT]):
            return Body.KEY_REQUIRED
        return _json_of(text, answer.status) if end in (b"}", b"]") else Body.CUT_OFF
    if start == b"<" or "html" in answer.headers.get("content-type", "").lower():
        head = text[:_LOOKED_AT]
        return Body.KEY_REQUIRED if _KEY.search(head) else Body.BLOCK_PAGE if _BLOCKED.search(head) else Body.PAGE
    whole = text in (b"null", b"true", b"false") or (start == b'"' and end == b'"') or text.isdigit()
    return Body.JSON if whole else Body.CUT_OFF


def _json_of(text: bytes, status: int) -> Body:
    return Body.SERVICE_ERROR if status != 200 and _SERVICE.match(text) else Body.JSON
