"""The ASGI app: the endpoints of all hosts, and the endpoints that control the simulator.

Belongs here: routing, applying faults, control. Does not belong here: single endpoints (endpoints/), sockets.
Only the base URL differs from the real hosts; a client cannot tell the simulator from them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from steam_assets.simulator.backend import EMPTY, Backend
from steam_assets.simulator.clock import Clock, RequestLog, RequestRecord
from steam_assets.simulator.delivery import HTML_TYPE, Reply
from steam_assets.simulator.endpoint import INVALID, Endpoint, Params
from steam_assets.simulator.endpoints import all_endpoints
from steam_assets.simulator.error_pages import api_error
from steam_assets.simulator.faults import FAULT, FaultBoard
from steam_assets.simulator.market import unix
from steam_assets.simulator.request_parameters import BadInput

CONTROL = "/_simulator"


def _unknown(backend: Backend, params: Params, now: int) -> Reply:
    return Reply(api_error("Not Found", ""), 404, HTML_TYPE)


UNKNOWN = Endpoint("/{rest:path}", _unknown)
"""The fallback for all other paths."""


class Controls:
    """The clock and the faults over HTTP, for a simulator in another process."""

    def __init__(self, clock: Clock, faults: FaultBoard) -> None:
        self._clock, self._faults = clock, faults

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "now": self._clock.now().isoformat()})

    async def clock(self, request: Request) -> Response:
        """GET the time; PUT ``{"now": "2026-11-03T18:00:00Z"}`` sets it, DELETE returns to the real time."""
        if request.method == "PUT":
            try:
                self._clock.set(datetime.fromisoformat(json.loads(await request.body())["now"]))
            except (KeyError, TypeError, ValueError) as error:
                return JSONResponse({"error": f'send {{"now": "<ISO time with zone>"}}: {error}'}, 400)
        if request.method == "DELETE":
            self._clock.set(None)
        return JSONResponse({"now": self._clock.now().isoformat()})

    async def faults(self, request: Request) -> Response:
        """GET the active faults; POST adds one as JSON; DELETE removes all."""
        if request.method == "POST":
            try:
                self._faults.add(FAULT.validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": error.errors(include_context=False, include_url=False)}, 400)
        if request.method == "DELETE":
            self._faults.clear()
        active = [fault.model_dump(mode="json") for fault in self._faults.active()]
        return JSONResponse({"faults": active, "hits": self._faults.hits()})

    def routes(self) -> list[Route]:
        return [
            Route(f"{CONTROL}/health", self.health),
            Route(f"{CONTROL}/clock", self.clock, methods=["GET", "PUT", "DELETE"]),
            Route(f"{CONTROL}/faults", self.faults, methods=["GET", "POST", "DELETE"]),
        ]


def build_app(backend: Backend, clock: Clock, faults: FaultBoard, log: RequestLog) -> Starlette:
    """The ASGI app of a simulator."""

    def served(endpoint: Endpoint) -> Callable[[Request], Awaitable[Reply]]:
        async def answered(request: Request) -> Reply:
            path = request.url.path
            params = dict(request.query_params) | {name: str(value) for name, value in request.path_params.items()}
            fault = faults.meet(path, json.dumps(params, separators=(",", ":")))
            now = clock.now()
            try:
                reply = endpoint.answer(backend, params, unix(now - fault.age if fault else now))
            except BadInput:
                reply = Reply(EMPTY, headers=INVALID)
            if fault:
                reply = fault.change(reply, params)
            log.add(RequestRecord(request.method, path, params, now, reply.status, fault.kind if fault else None))
            return reply

        return answered

    routes = Controls(clock, faults).routes()
    for endpoint in (*all_endpoints(), UNKNOWN):
        # The real services accept paths with and without a trailing slash.
        routes.append(Route(endpoint.path, served(endpoint)))
        if not endpoint.path.endswith("}"):
            routes.append(Route(f"{endpoint.path}/", served(endpoint)))
    return Starlette(routes=routes)
