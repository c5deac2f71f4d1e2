"""Which requests a local web server accepts: those of its own pages and of programs, but not of other sites.

Belongs here: the check, as ASGI middleware. Does not belong here: the server behind it (webserver.py).

Dagster's webserver has no login, and a page of any site may send requests to 127.0.0.1. A browser's requests for such a
page differ in ``Host`` (after DNS rebinding), ``Origin`` or ``Sec-Fetch-Site``, and it sends no JSON to another site
without a preflight request. Programs send neither Origin nor Sec-Fetch-Site.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_SENT_ONCE = ("host", "origin", "content-type", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
_NO_PAGES = ("/graphql", "/logs", "/notebook", "/dagit", "/download_debug", "/report_asset", "/server_info")
"""Paths of data rather than pages, which a link from another site must not open."""


class SameOrigin:
    """Passes on requests to ``app`` from its own pages and local programs; others get 403 with the reason.

    ``hosts`` are accepted names and addresses in addition to the loopback's and the address that was connected to,
    which no other site can have.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host.strip().lower() for host in hosts} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif fault := self._fault(scope):
            await _refuse(scope, receive, send, fault)
        else:
            await self._app(scope, receive, _unframed(send))

    def _fault(self, scope: Scope) -> str | None:
        headers = _headers(scope)
        if twice := [name for name in _SENT_ONCE if len(headers.get(name, ())) > 1]:
            return f"the header {twice[0]} occurs twice"
        sent = {name: values[0].strip() for name, values in headers.items()}
        host = sent.get("host", "").lower()
        if not _names(host, self._hosts, scope):
            return (
                "the header Host names neither this machine nor an address it serves; to open it under another name, "
                "put that into STEAM_DAGSTER_UI_HOSTS"
            )
        return _site_fault(sent, host, scope) or (_content_fault(sent, scope) if scope["type"] == "http" else None)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _names(host: str, hosts: Collection[str], scope: Scope) -> bool:
    """Whether a Host header names the loopback, one of ``hosts``, or the address that was connected to."""
    authority = _AUTHORITY.fullmatch(host)
    if authority is None:
        return False
    name = authority[1].strip("[]")
    connected = (scope.get("server") or ("",))[0]
    if name in hosts or f"[{name}]" in hosts or name in ("localhost", connected):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _site_fault(sent: dict[str, str], host: str, scope: Scope) -> str | None:
    """Signs of another site's page, except a top-level navigation to one of our pages."""
    origin = sent.get("origin")
    if origin is not None and not _is_own(origin, host):
        return "it comes from a page of another site (header Origin)"
    if sent.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return None
    navigates = sent.get("sec-fetch-mode") == "navigate" and sent.get("sec-fetch-dest") == "document"
    if scope["type"] == "http" and scope["method"] == "GET" and navigates and not scope["path"].startswith(_NO_PAGES):
        return None
    return "it comes from a page of another site (header Sec-Fetch-Site)"


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    usual = _USUAL_PORTS.get(parts.scheme)
    return usual is not None and parts.netloc.removesuffix(usual) == host.removesuffix(usual)


def _content_fault(sent: dict[str, str], scope: Scope) -> str | None:
    """GraphQL by GET, and bodies that a browser sends to another site without a preflight request."""
    if scope["method"] == "OPTIONS":
        return None
    if scope["method"] in ("GET", "HEAD"):
        asks = scope["path"].rstrip("/").endswith("/graphql") and "text/html" not in sent.get("accept", "")
        return "GraphQL accepts POST only" if asks else None
    if sent.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return f"{scope['method']} requires a body of content-type application/json"
    return None


def _unframed(send: Send) -> Send:
    """The app with headers that stop other sites from framing its pages (clickjacking)."""

    async def framed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-frame-options", b"SAMEORIGIN")]
            message = {**message, "headers": headers}
        await send(message)

    return framed


async def _refuse(scope: Scope, receive: Receive, send: Send, fault: str) -> None:
    body = f"Refused: {fault}.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    kind = "http"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http"
    await send({"type": f"{kind}.response.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})
