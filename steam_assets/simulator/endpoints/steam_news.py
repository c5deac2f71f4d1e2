"""Steam's news about an app."""

from __future__ import annotations

from steam_assets.simulator.backend import Backend
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import Endpoint, Params
from steam_assets.simulator.request_parameters import NewsParameters


def news(backend: Backend, params: Params, now: int) -> Reply:
    return Reply(backend.news(NewsParameters.model_validate(params), now))


ENDPOINTS = (Endpoint("/ISteamNews/GetNewsForApp/v2", news),)
