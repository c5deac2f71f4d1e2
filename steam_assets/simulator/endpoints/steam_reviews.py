"""Steam's reviews of an app."""

from __future__ import annotations

from steam_assets.simulator.backend import Backend
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import OK, Endpoint, Params
from steam_assets.simulator.request_parameters import ReviewParameters


def reviews(backend: Backend, params: Params, now: int) -> Reply:
    return Reply(backend.reviews(ReviewParameters.read(params), now), headers=OK)


ENDPOINTS = (Endpoint("/IUserReviewsService/GetAppReviews/v1", reviews),)
