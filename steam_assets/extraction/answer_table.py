"""What an answer means: one table of status, body and who is concerned.

Belongs here: the table, and what its columns distinguish. Does not belong here: acting on it (http_client.py), what
valid JSON says (each source's ``parse``).

A refusal is known by its page and by other calls being refused as well, not by its number alone: Steam answers a call
about an app that it does not know with HTTP 403 and ``{}``, and a blocked address with HTTP 403 and a page of HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from steam_assets.extraction.errors import Evidence


class Body(StrEnum):
    """What came as the body."""

    JSON = "JSON with something in it"
    EMPTY_JSON = "an empty JSON object"
    CUT_OFF = "the beginning of JSON, or plain text"
    NOTHING = "an empty body"
    BLOCK_PAGE = "a page that says the caller is blocked or too fast"
    KEY_ASKED = "an error that asks for a key"
    PAGE = "another HTML page (maintenance, login, error)"


class Concerns(StrEnum):
    """Whom the answer concerns, as far as other calls to the host show."""

    APP = "the call is about one app, and nothing shows that others are refused"
    ONLY_APP = "the call is about one app, and calls about others were answered since it was first refused"
    HOST = "the call is not about an app, or several apps in a row were refused"


class Meaning(StrEnum):
    """What to do with the answer."""

    ANSWER = "the source's parse reads it"
    NO_DATA = "the service has nothing for this app: kept in raw with its status, without an item"
    SET_ASIDE = "unusable for this app alone: kept, and quarantined as one item"
    RETRY = "ask again; if it stays so, it is unusable"
    TROUBLE = "ask again; if it stays so, the host counts as unreachable"
    COOL_DOWN = "the host refuses us: nobody asks it for a while"
    KEY = "the host wants a key, or a better one"
    DRIFT = "the endpoint is gone or moved: the contract has changed"


@dataclass(frozen=True)
class Row:
    """A row of the table: a pattern of the status's three digits, and what it is joined with; empty sets mean any."""

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
FROM_SERVICE = frozenset({Body.JSON, Body.EMPTY_JSON, Body.KEY_ASKED})
"""Written by the service itself, not by what stands in front of it."""
AN_APP = frozenset({Concerns.APP, Concerns.ONLY_APP})
ONLY_APP = frozenset({Concerns.ONLY_APP})
HOST = frozenset({Concerns.HOST})

# fmt: off
TABLE: tuple[Row, ...] = (
    Row("200", frozenset({Body.JSON, Body.EMPTY_JSON}), ALL, Meaning.ANSWER, "it is JSON"),
    Row("200", frozenset({Body.CUT_OFF}), ALL, Meaning.ANSWER, "parse says where it breaks off, and it is asked again"),
    Row("200", frozenset({Body.BLOCK_PAGE}), ALL, Meaning.COOL_DOWN, "the page says that we are blocked or too fast"),
    Row("200", frozenset({Body.PAGE}), ALL, Meaning.RETRY, "HTML where JSON is due (maintenance or login page)"),
    Row("200", frozenset({Body.KEY_ASKED}), ALL, Meaning.RETRY, "HTML where JSON is due (it asks for a key)"),
    Row("200", frozenset({Body.NOTHING}), ALL, Meaning.RETRY, "the body is empty"),
    Row("20[45]", ANY, AN_APP, Meaning.NO_DATA, "the service has no content for this app"),
    Row("2..", ANY, ALL, Meaning.RETRY, "not the whole answer"),
    Row("304", ANY, ALL, Meaning.RETRY, "the answer to a condition that was not set (a cache between)"),
    Row("3..", ANY, ALL, Meaning.DRIFT, "it sends elsewhere (home, login), and redirects are not followed"),
    Row("40[03]", frozenset({Body.KEY_ASKED}), HOST, Meaning.KEY, "it asks for a key"),
    Row("401", ANY, ALL, Meaning.KEY, "it asks for a key"),
    Row("403", FROM_SERVICE, AN_APP, Meaning.NO_DATA, "the service does not know this app, or it is delisted"),
    Row("403", FROM_SERVICE, HOST, Meaning.COOL_DOWN, "several apps in a row, or no app at all, are refused"),
    Row("403", PAGES, ONLY_APP, Meaning.SET_ASIDE, "refused while others are answered"),
    Row("403", PAGES, ALL, Meaning.COOL_DOWN, "it refuses us"),
    Row("404|410|451", ANY, AN_APP, Meaning.NO_DATA, "the service has nothing for this app"),
    Row("404|410|451", ANY, HOST, Meaning.DRIFT, "there is nothing at this address"),
    Row("408|425", ANY, ALL, Meaning.TROUBLE, "it did not take the request in time"),
    Row("407", ANY, ALL, Meaning.TROUBLE, "the proxy on the way wants a login"),
    Row("429", ANY, ALL, Meaning.COOL_DOWN, "too many requests"),
    Row("4..", ANY, AN_APP, Meaning.SET_ASIDE, "the service does not take the request for this app"),
    Row("4..", ANY, HOST, Meaning.DRIFT, "the service does not take the request"),
    Row("...", ANY, ALL, Meaning.TROUBLE, "the service has trouble"),
)
# fmt: on
"""The first row that covers an answer is the one that counts. A 503 with Retry-After is read as a 429."""

_BLOCKED = re.compile(
    rb"access denied|request (was )?blocked|address is blocked|you (are|have been) blocked|captcha"
    rb"|are you (a )?(human|robot)|unusual traffic|too many requests|rate limit|attention required|just a moment",
    re.IGNORECASE,
)
_KEY = re.compile(rb"verify your (<pre>)?key=|api[ _-]?key|user_key|invalid[ _]key", re.IGNORECASE)
_LOOKED_AT = 4096


def row_for(status: int, body: Body, concerns: Concerns) -> Row:
    """The row of the table that covers such an answer."""
    return next(row for row in TABLE if row.covers(status, body, concerns))


def status_of(answer: Evidence) -> int:
    """The answer's status as the table reads it: a service that names the time to come back is too busy for us."""
    return 429 if answer.status == 503 and "retry-after" in answer.headers else answer.status


def body_of(answer: Evidence) -> Body:
    """What the answer's body is, by its text; its declared type counts only where the text does not show it."""
    text = answer.body.strip()
    start, end = text[:1], text[-1:]
    if not text:
        return Body.NOTHING
    if start in (b"{", b"["):
        if len(text) < _LOOKED_AT and b"".join(text.split()) == b"{}":
            return Body.EMPTY_JSON
        asks = answer.status != 200 and _KEY.search(text[:_LOOKED_AT])
        return Body.KEY_ASKED if asks else Body.JSON if end in (b"}", b"]") else Body.CUT_OFF
    if start == b"<" or "html" in answer.headers.get("content-type", "").lower():
        head = text[:_LOOKED_AT]
        return Body.KEY_ASKED if _KEY.search(head) else Body.BLOCK_PAGE if _BLOCKED.search(head) else Body.PAGE
    whole = text in (b"null", b"true", b"false") or (start == b'"' and end == b'"') or text.isdigit()
    return Body.JSON if whole else Body.CUT_OFF
