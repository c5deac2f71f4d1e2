"""Paths of the simulated services and the request parameters the pipeline sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import requests

from steam_assets.simulator import Simulator

NOW = datetime(2026, 11, 19, 13, 7, tzinfo=UTC)
FINISHED_WEEK = int(datetime(2026, 11, 10, tzinfo=UTC).timestamp())
WEEK = 7 * 86400

PLAYERS = "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/"
SELLERS = "/IStoreTopSellersService/GetWeeklyTopSellers/v1/"
NEWS = "/ISteamNews/GetNewsForApp/v2/"
REVIEWS = "/IUserReviewsService/GetAppReviews/v1/"

CHART: dict[str, Any] = {"context": {"country_code": "US"}, "data_request": {"include_basic_info": True}}
WEEK_CHART: dict[str, Any] = CHART | {"country_code": "US", "page_count": 100, "start_date": FINISHED_WEEK}


def review_query(app_id: int, **more: Any) -> dict[str, Any]:
    """Parameters for the first page of an app's reviews of the last complete week; ``more`` overrides them."""
    fixed = {"filter": 1, "languages": ["all"], "purchase_type": 1, "review_type": 0, "num_per_page": 100}
    week = {"date_range_start": FINISHED_WEEK, "date_range_end": FINISHED_WEEK + WEEK - 1}
    return fixed | week | {"appid": app_id, "filter_offtopic_activity": True} | more


def get(sim: Simulator, path: str, message: dict[str, Any] | None = None, **params: Any) -> requests.Response:
    """Return the response to a request; ``message`` goes into ``input_json``."""
    sent = params | ({"input_json": json.dumps(message)} if message is not None else {})
    return requests.get(sim.url + path, params=sent, allow_redirects=False, timeout=60)


def review_pages(sim: Simulator, app_id: int, **more: Any) -> list[dict[str, Any]]:
    """All pages of an app's reviews, including the last, empty one."""
    pages: list[dict[str, Any]] = []
    while not pages or "reviews" in pages[-1]:
        cursor = pages[-1]["cursor"] if pages else "*"
        pages.append(get(sim, REVIEWS, review_query(app_id, cursor=cursor, **more)).json()["response"])
    return pages


def all_reviews(sim: Simulator, app_id: int, **more: Any) -> list[dict[str, Any]]:
    """All matching reviews of an app."""
    return [review for page in review_pages(sim, app_id, **more) for review in page.get("reviews", ())]
