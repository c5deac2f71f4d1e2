"""The declaration of a simulated endpoint: a path and its handler.

Belongs here: the declaration that the files in endpoints/ use. Does not belong here: single endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from steam_assets.simulator.backend import Backend, encode
from steam_assets.simulator.delivery import Reply

Params = Mapping[str, str]

OK, INVALID = {"x-eresult": "1"}, {"x-eresult": "8"}
"""Headers of a Steam service's response to a valid call, and to an invalid one."""


@dataclass(frozen=True)
class Endpoint:
    """``path`` is a Starlette path without a trailing slash; it is also served with one.

    ``answer`` gets the backend, the decoded query and path parameters, and the time (Unix seconds, UTC).
    """

    path: str
    answer: Callable[[Backend, Params, int], Reply]


def refusal(status: int, message: Mapping[str, object]) -> Reply:
    """An error response that describes the problem as JSON."""
    return Reply(encode(message), status)
