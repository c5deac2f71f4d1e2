"""A QuickSight stub over HTTP that follows its API documentation, for the refresh tests.

Belongs here: CreateIngestion and DescribeIngestion with their states, quota, reused IDs and errors. Does not belong
here: assertions. moto is not enough: it accepts unknown data sets, reused IDs and any number of refreshes, and lacks
DescribeIngestion.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from steam_assets.clock import Clock

ACCOUNT = "123456789012"
STATES = ["INITIALIZED", "QUEUED", "RUNNING"]
ERRORS = {
    "AccessDeniedException": 401,
    "InvalidParameterValueException": 400,
    "ResourceNotFoundException": 404,
    "ThrottlingException": 429,
    "LimitExceededException": 409,
    "ResourceExistsException": 409,
    "InternalFailureException": 500,
}


class Refused(Exception):
    """An API error with its code."""


@dataclass
class Ingestion:
    """A running import: ``looks`` counts how often it was described."""

    created: datetime
    rows: int
    looks: int = 0


@dataclass
class QuickSightStub:
    """A QuickSight API. ``rows`` is the row count of each data set's import, which advances one state per look."""

    clock: Clock
    rows: dict[str, Callable[[], int]]
    quota: int = 32
    end: dict[str, Any] = field(default_factory=lambda: {"IngestionStatus": "COMPLETED"})
    dropped: int = 0
    looks_to_end: int = len(STATES)
    failing: list[str] = field(default_factory=list)
    """Errors of the next calls, one a call; ``always`` of every call."""
    always: str = ""
    url: str = ""
    calls: list[str] = field(default_factory=list)
    """The method of each call."""
    ingestions: dict[tuple[str, str], Ingestion] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @property
    def ids(self) -> list[str]:
        """IDs of all imports, in order of creation."""
        return [ingestion_id for _, ingestion_id in self.ingestions]

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        if self.always or self.failing:
            raise Refused(self.always or self.failing.pop(0))
        match path.strip("/").split("/"):
            case ["accounts", account, "data-sets", data_set, "ingestions", ingestion_id]:
                if account != ACCOUNT:
                    raise Refused("AccessDeniedException")
                if data_set not in self.rows:
                    raise Refused("ResourceNotFoundException")
                place = (data_set, ingestion_id)
                return self._create(place, body) if method == "PUT" else self._describe(place)
            case _:
                raise Refused("InvalidParameterValueException")

    def _create(self, place: tuple[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if body.get("IngestionType") != "FULL_REFRESH":
            raise Refused("InvalidParameterValueException")
        if place in self.ingestions:
            raise Refused("ResourceExistsException")
        now = self.clock.now()
        if sum(one.created > now - timedelta(hours=24) for one in self.ingestions.values()) >= self.quota:
            raise Refused("LimitExceededException")
        self.ingestions[place] = Ingestion(now, self.rows[place[0]]())
        return {"Arn": _arn(place), "IngestionId": place[1], "IngestionStatus": STATES[0], "RequestId": "r"}

    def _describe(self, place: tuple[str, str]) -> dict[str, Any]:
        found = self.ingestions.get(place)
        if found is None:
            raise Refused("ResourceNotFoundException")
        state, found.looks = found.looks, found.looks + 1
        told: dict[str, Any] = {"Arn": _arn(place), "IngestionId": place[1], "CreatedTime": found.created.timestamp()}
        if state < self.looks_to_end:
            return {"Ingestion": told | {"IngestionStatus": STATES[min(state, 2)]}, "RequestId": "r"}
        told |= {"IngestionTimeInSeconds": 7} | self.end
        if self.end["IngestionStatus"] == "COMPLETED":
            kept = found.rows - self.dropped
            told["RowInfo"] = {"RowsIngested": kept, "RowsDropped": self.dropped, "TotalRowsInDataset": kept}
        return {"Ingestion": told, "RequestId": "r"}


def _arn(place: tuple[str, str]) -> str:
    return f"arn:aws:quicksight:us-east-1:{ACCOUNT}:dataset/{place[0]}/ingestion/{place[1]}"


@contextmanager
def serving(stub: QuickSightStub) -> Iterator[QuickSightStub]:
    """Serve the stub on its own port and set its ``url``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({})

        def do_PUT(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

        def _serve(self, body: dict[str, Any]) -> None:
            with stub.lock:
                try:
                    self._send(200, stub.answer(self.command, self.path, body))
                except Refused as refused:
                    code = str(refused)
                    self._send(ERRORS[code], {"Message": f"{code} of the stub", "RequestId": "r"}, code)

        def _send(self, status: int, content: dict[str, Any], code: str = "") -> None:
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
