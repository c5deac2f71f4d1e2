"""Steam's charts: most played now, and weekly top sellers."""

from __future__ import annotations

from steam_assets.simulator.backend import Backend
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import OK, Endpoint, Params
from steam_assets.simulator.request_parameters import ChartParameters, TopSellersParameters


def most_played_now(backend: Backend, params: Params, now: int) -> Reply:
    asked = ChartParameters.read(params)
    return Reply(backend.most_played_now(now, with_items=asked.data_request is not None), headers=OK)


def top_sellers(backend: Backend, params: Params, now: int) -> Reply:
    return Reply(backend.top_sellers(TopSellersParameters.read(params), now), headers=OK)


ENDPOINTS = (
    Endpoint("/ISteamChartsService/GetGamesByConcurrentPlayers/v1", most_played_now),
    Endpoint("/IStoreTopSellersService/GetWeeklyTopSellers/v1", top_sellers),
)
