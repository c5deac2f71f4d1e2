"""How a response is sent: completely, or interrupted in one of the ways that networks fail.

Belongs here: sending a reply through ASGI or, for some interruptions, directly through the connection.
Does not belong here: which reply is sent and why (app.py, faults.py).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "transport"

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


class Way(StrEnum):
    """How the body is sent."""

    WHOLE = "whole"
    CUT = "cut"
    CUT_WITHOUT_LENGTH = "cut_without_length"
    RESET = "reset"
    SLOW = "slow"


@dataclass(frozen=True)
class Delivery:
    """How to send: the way, the bytes sent before an interruption, and the duration of a slow body in ``pieces``."""

    way: Way = Way.WHOLE
    keep: int = 0
    seconds: float = 0.0
    pieces: int = 1


@dataclass(frozen=True)
class Reply:
    """A response, as an ASGI callable that sends itself."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match self.delivery.way:
            case Way.WHOLE:
                await self._start(send)
                await send({"type": "http.response.body", "body": self.body})
            case Way.CUT:
                await self._start(send)
                await send({"type": "http.response.body", "body": self._kept(), "more_body": True})
                await _closed(scope, receive)
            case Way.CUT_WITHOUT_LENGTH:
                head = f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\nconnection: close\r\n\r\n"
                _transport(scope).write(head.encode() + self._kept())
                await _closed(scope, receive)
            case Way.RESET:
                # SO_LINGER with time zero makes the close a reset instead of an orderly shutdown.
                connection: socket.socket = _transport(scope).get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                _transport(scope).abort()
                await _closed(scope, receive)
            case Way.SLOW:
                await self._start(send)
                await self._trickle(send)

    def header(self, name: str, value: str) -> dict[str, str]:
        """These headers plus one more."""
        return {**self.headers, name: value}

    def _kept(self) -> bytes:
        return self.body[: self.delivery.keep]

    async def _start(self, send: Send) -> None:
        sent = {"content-type": self.content_type, "content-length": str(len(self.body)), **self.headers}
        headers = [(name.encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})

    async def _trickle(self, send: Send) -> None:
        pieces = max(1, min(self.delivery.pieces, len(self.body)))
        size = -(-len(self.body) // pieces)
        for start in range(0, len(self.body), size):
            await asyncio.sleep(self.delivery.seconds / pieces)
            piece, more = self.body[start : start + size], start + size < len(self.body)
            await send({"type": "http.response.body", "body": piece, "more_body": more})


class WireProtocol(HttpToolsProtocol):
    """The server's HTTP protocol, extended to give a reply access to its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"] = {**self.scope.get("state", {}), TRANSPORT: self.transport}


def _transport(scope: Scope) -> asyncio.Transport:
    return scope["state"][TRANSPORT]


async def _closed(scope: Scope, receive: Receive) -> None:
    # The server must see the connection end first, or it would complete the response.
    _transport(scope).close()
    while (await receive())["type"] != "http.disconnect":
        pass
