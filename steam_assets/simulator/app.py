"""The endpoints of Steam and Similarweb on one server, and those that control the simulator.

Belongs here: paths, status codes, content types. Does not belong here: bodies (synthetic.py, replay.py), sockets.
Only the base URL differs from the real hosts; nothing a client of them sees tells that this is a simulator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from steam_assets.simulator.backend import EMPTY, Backend, encode
from steam_assets.simulator.clock import Clock, RequestLog, RequestRecord
from steam_assets.simulator.delivery import HTML_TYPE, Reply
from steam_assets.simulator.error_pages import api_error
from steam_assets.simulator.faults import FAULT, FaultBoard
from steam_assets.simulator.market import unix
from steam_assets.simulator.request_parameters import (
    BadInput,
    ChartQuestion,
    Json,
    NewsParameters,
    ReviewParameters,
    TopSellersParameters,
    input_json,
    whole_number,
)

CONTROL = "/_simulator"

_STORE = "https://store.steampowered.com/"
_OK, _INVALID = {"x-eresult": "1"}, {"x-eresult": "8"}
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_SHORTEST_KEY = 8

Params = Mapping[str, str]
Answer = Callable[[Params, int], Reply]


class Endpoints:
    """What each path answers, from its parameters (decoded) and the clock (Unix seconds)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def most_played_now(self, params: Params, now: int) -> Reply:
        return Reply(self._backend.most_played_now(ChartQuestion.read(params), now), headers=_OK)

    def most_played_day(self, params: Params, now: int) -> Reply:
        return Reply(self._backend.most_played_day(ChartQuestion.read(params), now), headers=_OK)

    def top_sellers(self, params: Params, now: int) -> Reply:
        parameters = TopSellersParameters.read(params)
        if parameters is None:
            return Reply(EMPTY, headers=_INVALID)
        return Reply(self._backend.top_sellers(parameters, now), headers=_OK)

    def news(self, params: Params, now: int) -> Reply:
        parameters = NewsParameters.read(params)
        if parameters is None:
            page = api_error("Bad Request", "Please verify that all required parameters are being sent")
            return Reply(page, 400, HTML_TYPE)
        return Reply(self._backend.news(parameters, now))

    def reviews(self, params: Params, now: int) -> Reply:
        parameters = ReviewParameters.read(params, now)
        if parameters is None:
            return Reply(EMPTY, headers=_INVALID)
        return Reply(self._backend.reviews(parameters, now), headers=_OK)

    def items(self, params: Params, now: int) -> Reply:
        message = input_json(params)
        if message is None:
            return Reply(EMPTY, headers=_INVALID)
        app_ids = [whole_number(entry.get("appid")) for entry in message.get("ids", ()) if isinstance(entry, dict)]
        country = str((message.get("context") or {}).get("country_code", "US")).upper()
        return Reply(self._backend.items(app_ids, country), headers=_OK)

    def old_reviews(self, params: Params, now: int) -> Reply:
        """Switched off on 2026-10-22: it leads to the store's front page."""
        return Reply(b"", 302, HTML_TYPE, {"location": _STORE})

    def site_traffic(self, params: Params, now: int) -> Reply:
        body = self._backend.site_traffic(params.get("domain", ""), now)
        return _refusal(404, {"Message": "Data Not Found"}) if body is None else Reply(body)

    def site_visits(self, params: Params, now: int) -> Reply:
        """The official visits; ``domain`` is from the path."""
        if len(params.get("api_key", "")) < _SHORTEST_KEY:
            return _refusal(400, {"Error": {"Message": "user_key_invalid", "Code": 400}})
        start, end = params.get("start_date", ""), params.get("end_date", "")
        for name, value in (("Start", start), ("End", end)):
            if not _MONTH.fullmatch(value):
                problem = f"The value '{value}' is not valid for {name}."
                return _refusal(400, {"Message": "The request is invalid.", "ModelState": {name: [problem]}})
        visits = self._backend.site_visits(params["domain"], now)
        if visits is None:
            return _refusal(404, {"Message": "Data Not Found"})
        if start > end or start not in visits or end not in visits:
            return _refusal(400, {"Message": "Date range is not valid"})
        asked = {name: params[name] for name in ("domain", "country", "granularity") if name in params}
        request: Json = asked | {"start_date": f"{start}-01", "end_date": f"{end}-01", "format": "json"}
        rows = [{"date": f"{month}-01", "visits": count} for month, count in visits.items() if start <= month <= end]
        newest = f"{max(visits)}-28"
        return Reply(
            encode({"meta": {"request": request, "status": "Success", "last_updated": newest}, "visits": rows})
        )

    def unknown(self, params: Params, now: int) -> Reply:
        return Reply(api_error("Not Found", ""), 404, HTML_TYPE)

    def routes(self) -> list[tuple[str, Answer]]:
        """All paths, the last of which catches what is none of the others."""
        charts = "/ISteamChartsService"
        return [
            (f"{charts}/GetGamesByConcurrentPlayers/v1", self.most_played_now),
            (f"{charts}/GetMostPlayedGames/v1", self.most_played_day),
            ("/IStoreTopSellersService/GetWeeklyTopSellers/v1", self.top_sellers),
            ("/ISteamNews/GetNewsForApp/v2", self.news),
            ("/ISteamNews/GetNewsForApp/v0002", self.news),
            ("/IUserReviewsService/GetAppReviews/v1", self.reviews),
            ("/IStoreBrowseService/GetItems/v1", self.items),
            ("/appreviews/{appid:int}", self.old_reviews),
            ("/api/v1/data", self.site_traffic),
            ("/v1/website/{domain}/total-traffic-and-engagement/visits", self.site_visits),
            ("/{rest:path}", self.unknown),
        ]


class Controls:
    """The clock, the faults and the log over HTTP, for a simulator in another process."""

    def __init__(self, clock: Clock, faults: FaultBoard, log: RequestLog) -> None:
        self._clock, self._faults, self._log = clock, faults, log

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "now": self._clock.now().isoformat()})

    async def clock(self, request: Request) -> Response:
        """GET the time; PUT ``{"now": "2026-11-03T18:00:00Z"}`` sets it, DELETE goes back to the real one."""
        if request.method == "PUT":
            try:
                self._clock.set(datetime.fromisoformat(json.loads(await request.body())["now"]))
            except (KeyError, TypeError, ValueError) as error:
                return JSONResponse({"error": f'send {{"now": "<ISO time with zone>"}}: {error}'}, 400)
        if request.method == "DELETE":
            self._clock.set(None)
        return JSONResponse({"now": self._clock.now().isoformat()})

    async def faults(self, request: Request) -> Response:
        """GET those in force; POST one as JSON; DELETE takes all back."""
        if request.method == "POST":
            try:
                self._faults.add(FAULT.validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": error.errors(include_context=False, include_url=False)}, 400)
        if request.method == "DELETE":
            self._faults.clear()
        active = [fault.model_dump(mode="json") for fault in self._faults.active()]
        return JSONResponse({"faults": active, "hits": self._faults.hits()})

    async def log(self, request: Request) -> Response:
        """GET the requests; DELETE forgets them."""
        if request.method == "DELETE":
            self._log.clear()
        return JSONResponse([vars(record) | {"time": record.time.isoformat()} for record in self._log])

    def routes(self) -> list[Route]:
        return [
            Route(f"{CONTROL}/health", self.health),
            Route(f"{CONTROL}/clock", self.clock, methods=["GET", "PUT", "DELETE"]),
            Route(f"{CONTROL}/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route(f"{CONTROL}/log", self.log, methods=["GET", "DELETE"]),
        ]


def build_app(backend: Backend, clock: Clock, faults: FaultBoard, log: RequestLog) -> Starlette:
    """The ASGI app of a simulator."""

    def served(answer: Answer) -> Callable[[Request], Awaitable[Reply]]:
        async def endpoint(request: Request) -> Reply:
            path = request.url.path
            params = dict(request.query_params) | {name: str(value) for name, value in request.path_params.items()}
            fault = faults.meet(path, json.dumps(params, separators=(",", ":")))
            now = clock.now()
            try:
                reply = answer(params, unix(now - fault.age if fault else now))
            except BadInput:
                reply = Reply(EMPTY, headers=_INVALID)
            if fault:
                reply = fault.change(reply, params)
            log.add(RequestRecord(request.method, path, params, now, reply.status, fault.kind if fault else None))
            return reply

        return endpoint

    routes = Controls(clock, faults, log).routes()
    for path, answer in Endpoints(backend).routes():
        # The services answer with and without the slash at the end.
        routes.append(Route(path, served(answer)))
        if not path.endswith("}"):
            routes.append(Route(f"{path}/", served(answer)))
    return Starlette(routes=routes)


def _refusal(status: int, message: Json) -> Reply:
    return Reply(encode(message), status)
