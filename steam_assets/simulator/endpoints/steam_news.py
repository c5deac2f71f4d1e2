"""Steam's news about an app."""

from __future__ import annotations

from steam_assets.simulator.backend import Backend
from steam_assets.simulator.delivery import HTML_TYPE, Reply
from steam_assets.simulator.endpoint import Endpoint, Params
from steam_assets.simulator.error_pages import api_error
from steam_assets.simulator.request_parameters import NewsParameters


def news(backend: Backend, params: Params, now: int) -> Reply:
    parameters = NewsParameters.read(params)
    if parameters is None:
        page = api_error("Bad Request", "Please verify that all required parameters are being sent")
        return Reply(page, 400, HTML_TYPE)
    return Reply(backend.news(parameters, now))


ENDPOINTS = (Endpoint("/ISteamNews/GetNewsForApp/v2", news),)
