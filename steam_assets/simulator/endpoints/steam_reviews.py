"""Steam's reviews of an app."""

from __future__ import annotations

from steam_assets.simulator.backend import EMPTY, Backend
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import INVALID, OK, Endpoint, Params
from steam_assets.simulator.request_parameters import ReviewParameters


def reviews(backend: Backend, params: Params, now: int) -> Reply:
    parameters = ReviewParameters.read(params, now)
    if parameters is None:
        return Reply(EMPTY, headers=INVALID)
    return Reply(backend.reviews(parameters, now), headers=OK)


ENDPOINTS = (Endpoint("/IUserReviewsService/GetAppReviews/v1", reviews),)
