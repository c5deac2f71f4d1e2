"""Steam's store items, by app id."""

from __future__ import annotations

from steam_assets.simulator.backend import EMPTY, Backend
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import INVALID, OK, Endpoint, Params
from steam_assets.simulator.request_parameters import input_json, whole_number


def items(backend: Backend, params: Params, now: int) -> Reply:
    message = input_json(params)
    if message is None:
        return Reply(EMPTY, headers=INVALID)
    app_ids = [whole_number(entry.get("appid")) for entry in message.get("ids", ()) if isinstance(entry, dict)]
    country = str((message.get("context") or {}).get("country_code", "US")).upper()
    return Reply(backend.items(app_ids, country), headers=OK)


ENDPOINTS = (Endpoint("/IStoreBrowseService/GetItems/v1", items),)
