"""A small HTTP server with scripted faults, for the extraction tests.

Belongs here: serving scripted responses, recording requests and their times. Does not belong here: Steam's endpoints.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import monotonic

Script = Callable[["Exchange"], None]


@dataclass
class FaultyServer:
    """``asked`` holds the path of each request, ``headers`` its headers and ``times`` its monotonic arrival time.

    ``arrived`` is set on the first request."""

    url: str = ""
    script: Script = lambda exchange: exchange.json(b"{}")
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)
    stopping: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)


class Exchange(BaseHTTPRequestHandler):
    """One request; ``number`` counts requests from 0 over the server's lifetime."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes; otherwise the second waits 40 ms for the acknowledgement of the first.
    disable_nagle_algorithm = True
    faulty: FaultyServer
    number: int

    def do_GET(self) -> None:
        state = self.faulty
        with state.lock:
            self.number = len(state.asked)
            state.asked.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.times.append(monotonic())
        state.arrived.set()
        with suppress(BrokenPipeError, ConnectionResetError):
            state.script(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def json(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.answer(body, status, **{"Content-Type": "application/json; charset=utf-8", **headers})

    def html(self, body: bytes = b"<html>Access Denied</html>", status: int = 200, **headers: str) -> None:
        self.answer(body, status, **{"Content-Type": "text/html", **headers})

    def answer(self, body: bytes, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data: bytes) -> None:
        """Send these bytes unchanged and close the connection."""
        self.close_connection = True
        self.wfile.write(data)

    def reset(self) -> None:
        """Abort the connection with a TCP reset."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The handler's files keep the socket open; the reset is sent only when they are closed, too.
        self.rfile.close()
        self.connection.close()

    def trickle(self, head: bytes, piece: bytes, every_seconds: float) -> None:
        """Send ``head``, then ``piece`` repeatedly until the client disconnects or the server stops."""
        self.close_connection = True
        self.wfile.write(head)
        while not self.faulty.stopping.wait(every_seconds):
            self.wfile.write(piece)

    def pause(self, seconds: float) -> None:
        self.faulty.stopping.wait(seconds)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect early, which many tests cause."""


@contextmanager
def serving(script: Script) -> Iterator[FaultyServer]:
    """Serve on a separate port while the context lasts."""
    state = FaultyServer(script=script)
    server = _Quiet(("127.0.0.1", 0), type("Handler", (Exchange,), {"faulty": state}))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
