"""What an endpoint of the simulator is: a path and what is answered there.

Belongs here: the declaration that the files of endpoints/ fill in. Does not belong here: any one endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from steam_assets.simulator.backend import Backend, encode
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.request_parameters import Json

Params = Mapping[str, str]

OK, INVALID = {"x-eresult": "1"}, {"x-eresult": "8"}
"""Headers of a Steam service's answer to a call that it understood, and to one that it did not."""


@dataclass(frozen=True)
class Endpoint:
    """``path`` is Starlette's, without a slash at its end; with one, it is answered as well.

    ``answer`` gets the backend, the parameters of query and path (decoded) and the clock (Unix seconds, UTC).
    """

    path: str
    answer: Callable[[Backend, Params, int], Reply]


def refusal(status: int, message: Json) -> Reply:
    """An error of a service that says in JSON what was wrong."""
    return Reply(encode(message), status)
