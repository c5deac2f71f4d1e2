"""Steam's Web API: the host that most sources use, and how its services are asked.

Belongs here: its declaration, and the form that requests to several services have in common. Does not belong here: what
a source asks for (the source files).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from steam_assets.sources.host import Host
from steam_assets.sources.source import Request

Value = TypeVar("Value")

STEAM_API = Host(
    name="steam_api",
    service="Steam",
    url="https://api.steampowered.com",
    requests_per_second=1.0,
    probe="/ISteamChartsService/GetGamesByConcurrentPlayers/v1/",
    terms="https://steamcommunity.com/dev/apiterms",
)


def store_context(country: str) -> dict[str, object]:
    """What a service's query states about the store: names in English, prices of the country (two-letter code)."""
    return {"context": {"language": "english", "country_code": country}}


def service_request(
    name: str, path: str, query: Mapping[str, object], parse: Callable[[bytes], Value], app_id: int | None = None
) -> Request[Value]:
    """A request to a service that takes its parameters as one JSON object, ``query``."""
    return Request(STEAM_API, name, path, {"input_json": json.dumps(query)}, parse, app_id)
