"""A chart has each app once: what the audit before a commit would refuse is refused on arrival."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steam_assets.sources import source_named
from steam_assets.sources.source import InvalidResponse, Request
from steam_assets_tests.sources.test_paging import START, CannedClient


@pytest.mark.parametrize("source", ["most_played", "top_sellers", "country_sellers"])
@pytest.mark.parametrize("same", [10, "10", 10.0])
def test_a_chart_with_an_app_at_two_ranks_is_refused_on_arrival(source: str, same: object) -> None:
    """Cleaning would refuse it days later, when a live chart is gone. Ids that are unusable are left to cleaning."""

    def chart(*apps: object) -> dict[str, Any]:
        ranks = [{"rank": rank, "appid": app} for rank, app in enumerate(apps, start=1)]
        return {"response": {"start_date": START, "last_update": START, "ranks": ranks}}

    window = source_named(source).cadence.window("2026-11-17")
    request = "chart of US" if source == "country_sellers" else "chart"
    with pytest.raises(InvalidResponse, match="app 10 has two ranks"):
        source_named(source).count(window, request, json.dumps(chart(10, 20, same)).encode())
    with pytest.raises(InvalidResponse, match="app 10 has two ranks"):
        CannedClient(lambda _: chart(10, 20, same)).extract(source, window=window)
    unusable = json.dumps(chart("abc", "abc", None, None, -1, -1)).encode()
    assert source_named(source).count(window, request, unusable) == {source: 6}


def test_an_app_on_two_pages_of_a_chart_is_refused_on_arrival() -> None:
    def answer(request: Request[Any]) -> object:
        at = json.loads(request.params["input_json"])["page_start"]
        ranks = [{"rank": at + n, "appid": 1 + (at + n) % 15} for n in range(1, 11)]
        return {"response": {"start_date": START, "ranks": ranks, "next_page_start": at + 10}}

    with pytest.raises(InvalidResponse, match="app 2, 3, 4, 5, 6 has two ranks"):
        CannedClient(answer).extract("top_sellers")
