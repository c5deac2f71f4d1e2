"""Steam's reviews of an app: the service, and the store's older path, which was switched off."""

from __future__ import annotations

from steam_assets.simulator.backend import EMPTY, Backend
from steam_assets.simulator.delivery import HTML_TYPE, Reply
from steam_assets.simulator.endpoint import INVALID, OK, Endpoint, Params
from steam_assets.simulator.request_parameters import ReviewParameters

_STORE = "https://store.steampowered.com/"


def reviews(backend: Backend, params: Params, now: int) -> Reply:
    parameters = ReviewParameters.read(params, now)
    if parameters is None:
        return Reply(EMPTY, headers=INVALID)
    return Reply(backend.reviews(parameters, now), headers=OK)


def old_reviews(backend: Backend, params: Params, now: int) -> Reply:
    """Switched off on 2026-10-22: it leads to the store's front page."""
    return Reply(b"", 302, HTML_TYPE, {"location": _STORE})


ENDPOINTS = (
    Endpoint("/IUserReviewsService/GetAppReviews/v1", reviews),
    Endpoint("/appreviews/{appid:int}", old_reviews),
)
