"""The backend protocol of the endpoints, implemented by the synthetic market and by recorded responses.

Belongs here: the protocol, and JSON encoding as the services do it.
Does not belong here: HTTP (app.py), the two implementations (synthetic.py, replay.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from steam_assets.simulator.market import Market
from steam_assets.simulator.request_parameters import NewsParameters, ReviewParameters, TopSellersParameters

EMPTY = b'{"response":{}}'
"""The response of a service that has no data or did not understand the request."""


def encode(message: Mapping[str, object]) -> bytes:
    """Compact JSON in UTF-8, as the services send it."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # A lone surrogate cannot be encoded as UTF-8, but can be sent as an escape.
        return json.dumps(message, separators=(",", ":")).encode()


class Backend(Protocol):
    """Response bodies. ``now`` is in Unix seconds (UTC); no response contains anything later.

    ``market`` is for endpoints that were never recorded; None if only recordings are served.
    """

    @property
    def market(self) -> Market | None: ...

    def most_played_now(self, now: int, *, with_items: bool = True) -> bytes: ...

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes: ...

    def news(self, parameters: NewsParameters, now: int) -> bytes: ...

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes: ...

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        """The body; None if nothing was recorded."""
        ...

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        """Visits by ``YYYY-MM`` of all published months; None for an unknown domain."""
        ...
