"""The current number of players of an app."""

from __future__ import annotations

from pydantic import BaseModel

from steam_assets.simulator.backend import Backend, encode
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import Endpoint, Params, refusal

UNKNOWN = 42
"""The result for an app that does not exist, or that nobody can play."""


class _PlayersParameters(BaseModel, frozen=True):
    appid: int


def players_now(backend: Backend, params: Params, now: int) -> Reply:
    asked = _PlayersParameters.model_validate(params)
    app = backend.market.catalogue.find(asked.appid) if backend.market else None
    if backend.market is None or app is None or not app.played:
        return refusal(404, {"response": {"result": UNKNOWN}})
    return Reply(encode({"response": {"player_count": backend.market.players(app, now).current, "result": 1}}))


ENDPOINTS = (Endpoint("/ISteamUserStats/GetNumberOfCurrentPlayers/v1", players_now),)
