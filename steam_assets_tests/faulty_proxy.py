"""A proxy in front of an HTTP service that fails some requests.

Belongs here: which requests fail, and how. Does not belong here: the service behind it, assertions.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

FOREVER = 1 << 30


@dataclass
class Fault:
    """Requests whose path contains ``path`` get ``status`` and S3's error ``code``, the first ``times`` of them.

    ``body``: what they get instead of S3's error document.
    """

    status: int
    code: str
    path: str = ""
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")
    times: int = FOREVER
    content_type: str = "application/xml"
    body: str = ""

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and method in self.methods and self.path in path


@dataclass
class FaultyProxy:
    """``url`` is its address. ``refused`` are the requests that failed: methods and paths."""

    url: str
    service: str
    faults: list[Fault] = field(default_factory=list[Fault])
    refused: list[str] = field(default_factory=list[str])
    lock: Lock = field(default_factory=Lock)

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            found = next((one for one in self.faults if one.matches(method, path)), None)
            if found:
                found.times -= 1
                self.refused.append(f"{method} {path}")
            return found


_OF_THE_CONNECTION = ("connection", "transfer-encoding", "content-length", "expect")


@contextmanager
def faulty_proxy(service: str) -> Iterator[FaultyProxy]:
    """Serve ``service`` (http://host:port) on a port of its own until the end."""
    # The server's address is known only once it exists.
    proxy = FaultyProxy("", service)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, proxy))
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: FaultyProxy, *args: Any) -> None:
        self.proxy = proxy
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        body = self._body()
        if fault := self.proxy.fault(self.command, self.path):
            # As S3 does, longer than a root's marker.
            text = f"<Error><Code>{fault.code}</Code><Message>{fault.code} {'.' * 300}</Message></Error>"
            self._respond(fault.status, {"Content-Type": fault.content_type}, (fault.body or text).encode())
            return
        service = http.client.HTTPConnection(urlsplit(self.proxy.service).netloc, timeout=60)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        service.request(self.command, self.path, body, kept)
        answer = service.getresponse()
        self._respond(answer.status, dict(answer.getheaders()), answer.read())
        service.close()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
        for name, value in headers.items():
            if name.lower() not in (*_OF_THE_CONNECTION, "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
