"""The ASGI app: the endpoints of all hosts, and the endpoint that sets the simulator's clock.

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
from steam_assets.simulator.error_pages import NOT_FOUND
from steam_assets.simulator.faults import FaultBoard
from steam_assets.simulator.market import unix


def _unknown(backend: Backend, params: Params, now: int) -> Reply:
    return Reply(NOT_FOUND, 404, HTML_TYPE)


UNKNOWN = Endpoint("/{rest:path}", _unknown)
"""The fallback for all other paths."""


def _clock_route(clock: Clock) -> Route:
    async def set_clock(request: Request) -> Response:
        """PUT ``{"now": "2026-11-03T18:00:00Z"}`` sets the time, for a simulator in another process."""
        try:
            clock.set(datetime.fromisoformat(json.loads(await request.body())["now"]))
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f'send {{"now": "<ISO time with zone>"}}: {error}'}, 400)
        return JSONResponse({"now": clock.now().isoformat()})

    return Route("/_simulator/clock", set_clock, methods=["PUT"])


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
            except ValidationError:
                reply = Reply(EMPTY, headers=INVALID)
            if fault:
                reply = fault.change(reply, params)
            log.add(RequestRecord(path, params, now, reply.status))
            return reply

        return answered

    routes = [_clock_route(clock)]
    for endpoint in (*all_endpoints(), UNKNOWN):
        # The real services accept paths with and without a trailing slash.
        routes.append(Route(endpoint.path, served(endpoint)))
        if not endpoint.path.endswith("}"):
            routes.append(Route(f"{endpoint.path}/", served(endpoint)))
    return Starlette(routes=routes)
