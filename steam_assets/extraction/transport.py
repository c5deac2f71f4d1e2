"""One GET request over the network, limited in time and size.

Belongs here: the session, the deadline of a whole response, size limits, decoding to UTF-8, keeping secrets out of
logs. Does not belong here: what a status means, retries, rates.
"""

from __future__ import annotations

import logging
import socket
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.message import Message
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from threading import Lock, Timer, local
from typing import Protocol
from urllib.parse import quote, quote_plus

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.poolmanager import ProxyManager
from urllib3.response import HTTPResponse

from steam_assets.clock import Clock
from steam_assets.extraction.errors import Evidence, Unreachable, UnusableResponse
from steam_assets.extraction.limits import RetryPolicy

MAX_BODY_BYTES = 32 * 2**20
MAX_RATIO = 100
RATIO_MATTERS_FROM_BYTES = 2**20
CHUNK_BYTES = 2**16
EVIDENCE_BYTES = 2**16
KEPT_HEADERS = ("content-type", "date", "last-modified", "etag", "x-eresult", "retry-after", "age")
MOST_CONNECTIONS = 16

NETWORK_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError)

_present = local()


class Secrets(logging.Filter):
    """The secrets of this process, redacted from text, bytes and the HTTP library's log."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()
        self._adding = Lock()

    def add(self, secret: str) -> None:
        with self._adding:
            self._known = self._known | {secret, quote(secret, safe=""), quote_plus(secret)}

    def redact(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, "[secret]")
        return text

    def redact_bytes(self, body: bytes) -> bytes:
        for secret in self._known:
            body = body.replace(secret.encode(), b"[secret]")
        return body

    def filter(self, record: logging.LogRecord) -> bool:
        if self._known:
            record.msg, record.args = self.redact(record.getMessage()), ()
        return True


SECRETS = Secrets()
logging.getLogger("urllib3.connectionpool").addFilter(SECRETS)


class Deadline:
    """Shuts down this thread's connection when its time is up.

    Read timeouts restart with every byte, so a server that trickles one byte per second would never time out.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = Lock()
        self._timer = Timer(max(seconds, 0.0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        _present.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None
        _present.deadline = None

    def watch(self, connection: socket.socket | None) -> None:
        with self._lock:
            self._socket = connection
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        with self._lock:
            if self._socket is not None:
                # The plain socket's shutdown: a TLS socket's also discards its state while another thread reads.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _WatchedConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:
        _watch(self)
        return super().getresponse()


class _WatchedTlsConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:
        _watch(self)
        return super().getresponse()


def _watch(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_present, "deadline", None)
    if deadline is not None:
        deadline.watch(connection.sock)


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection  # pyright: ignore[reportAssignmentType]


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection  # pyright: ignore[reportAssignmentType]


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: object) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # Even with redirects off, the library reads a redirect's whole body here, without any size limit.
        return None


def session(headers: Mapping[str, str]) -> requests.Session:
    """Create a session for one host, usable by several threads: it follows no redirects and keeps no cookies."""
    made = _Session()
    adapter = _WatchedAdapter(pool_connections=1, pool_maxsize=MOST_CONNECTIONS)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip, deflate", **headers})
    return made


def get(
    using: requests.Session,
    url: str,
    *,
    params: Mapping[str, str],
    secret_params: Mapping[str, str],
    retry_policy: RetryPolicy,
    seconds: float,
    clock: Clock,
) -> Evidence:
    """Send a GET request and return the response, whatever its status.

    Raises Unreachable without a complete response within ``seconds``, UnusableResponse if the response is too large.
    """
    shown = SECRETS.redact(requests.Request("GET", url, params=dict(params)).prepare().url or url)
    received = _Received(shown, clock)
    with Deadline(seconds) as deadline:
        failure: BaseException | None = None
        try:
            with using.get(
                url,
                params={**params, **secret_params},
                stream=True,
                allow_redirects=False,
                timeout=(min(retry_policy.connect_seconds, seconds), min(retry_policy.read_seconds, seconds)),
            ) as response:
                received.read(response)
        except NETWORK_ERRORS as error:
            failure = error
    if deadline.passed:
        raise Unreachable(
            f"no complete response within {seconds:.1f} s: {shown}; try again later", evidence=received.evidence()
        )
    if failure is not None:
        # Raised outside the handler: the library's own error shows the URL with its key, and would be chained.
        raise Unreachable(f"{_why(failure)}: {shown}; try again later", evidence=received.evidence())
    return received.whole()


class _Raw(Protocol):
    def read(self, amt: int, *, decode_content: bool) -> bytes: ...

    def tell(self) -> int: ...


class _Received:
    """The part of one response received so far."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._chunks: list[bytes] = []
        self._response: requests.Response | None = None
        self._fetched_at: datetime | None = None

    def read(self, response: requests.Response) -> None:
        self._response = response
        self._fetched_at = self._clock.now()
        for chunk in self._capped(response.raw):
            self._chunks.append(chunk)

    def _capped(self, raw: _Raw) -> Iterator[bytes]:
        size = 0
        while chunk := raw.read(CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise self._too_large(f"the response is larger than {MAX_BODY_BYTES // 2**20} MiB")
            if size > RATIO_MATTERS_FROM_BYTES and size > MAX_RATIO * max(raw.tell(), 1):
                raise self._too_large(f"the response decompresses to more than {MAX_RATIO} times its size")
            yield chunk

    def _too_large(self, reason: str) -> UnusableResponse:
        return UnusableResponse(f"{reason}: {self._url}. Next: inspect its stored start", evidence=self.evidence())

    def evidence(self) -> Evidence | None:
        """The start of the response, or None if not even its headers arrived."""
        return self._evidence(b"".join(self._chunks[: EVIDENCE_BYTES // CHUNK_BYTES]))

    def whole(self) -> Evidence:
        answer = self._evidence(b"".join(self._chunks))
        if answer is None:
            raise Unreachable(f"no response: {self._url}; try again later")
        return answer

    def _evidence(self, body: bytes) -> Evidence | None:
        if self._response is None or self._fetched_at is None:
            return None
        headers = {name: self._response.headers[name] for name in KEPT_HEADERS if name in self._response.headers}
        text, read_as = to_utf8(SECRETS.redact_bytes(body), headers.get("content-type", ""))
        if read_as:
            headers["x-read-as"] = read_as
        return Evidence(self._url, self._response.status_code, headers, text, self._fetched_at)


def to_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The body as UTF-8 without a byte-order mark, and the charset it was decoded from if not plain UTF-8.

    JSON is UTF-8 whatever its headers declare; the declared charset counts only if the bytes are not UTF-8.
    """
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return body.decode("utf-16", errors="replace").encode(), "utf-16"
    body = body.removeprefix(BOM_UTF8)
    try:
        body.decode()
    except UnicodeDecodeError:
        return _decode_as(body, _declared_charset(content_type))
    return body, ""


def _decode_as(body: bytes, charset: str) -> tuple[bytes, str]:
    try:
        return body.decode(charset).encode(), charset
    except (LookupError, ValueError):
        return body.decode("utf-8", errors="replace").encode(), "utf-8 with replacements"


def _declared_charset(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type
    try:
        return message.get_content_charset("utf-8")
    except ValueError:
        return "utf-8"


def _why(error: BaseException) -> str:
    inner = error.args[0] if error.args else error
    reason = inner.reason if isinstance(inner, MaxRetryError) and inner.reason else inner
    return SECRETS.redact(f"{type(error).__name__}: {reason}")
