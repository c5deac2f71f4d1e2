"""Similarweb's two sources of a site's visits: the free data endpoint and the official API."""

from __future__ import annotations

import re

from steam_assets.simulator.backend import Backend, encode
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import Endpoint, Params, refusal

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_SHORTEST_KEY = 8


def site_traffic(backend: Backend, params: Params, now: int) -> Reply:
    body = backend.site_traffic(params.get("domain", ""), now)
    return refusal(404, {"Message": "Data Not Found"}) if body is None else Reply(body)


def site_visits(backend: Backend, params: Params, now: int) -> Reply:
    """Visits from the official API; ``domain`` comes from the path."""
    if len(params.get("api_key", "")) < _SHORTEST_KEY:
        return refusal(400, {"Error": {"Message": "user_key_invalid", "Code": 400}})
    start, end = params.get("start_date", ""), params.get("end_date", "")
    for name, value in (("Start", start), ("End", end)):
        if not _MONTH.fullmatch(value):
            problem = f"The value '{value}' is not valid for {name}."
            return refusal(400, {"Message": "The request is invalid.", "ModelState": {name: [problem]}})
    visits = backend.site_visits(params["domain"], now)
    if visits is None:
        return refusal(404, {"Message": "Data Not Found"})
    if start > end or start not in visits or end not in visits:
        return refusal(400, {"Message": "Date range is not valid"})
    asked = {name: params[name] for name in ("domain", "country", "granularity") if name in params}
    request = asked | {"start_date": f"{start}-01", "end_date": f"{end}-01", "format": "json"}
    rows = [{"date": f"{month}-01", "visits": count} for month, count in visits.items() if start <= month <= end]
    newest = f"{max(visits)}-28"
    return Reply(encode({"meta": {"request": request, "status": "Success", "last_updated": newest}, "visits": rows}))


ENDPOINTS = (
    Endpoint("/api/v1/data", site_traffic),
    Endpoint("/v1/website/{domain}/total-traffic-and-engagement/visits", site_visits),
)
