"""What stands behind the endpoints: the synthetic market or recorded responses.

Belongs here: the protocol of both, and the JSON that services write.
Does not belong here: HTTP (app.py), where answers come from (synthetic.py, replay.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from steam_assets.simulator.request_parameters import (
    ChartQuestion,
    Json,
    NewsParameters,
    ReviewParameters,
    TopSellersParameters,
)

EMPTY = b'{"response":{}}'
"""What a service answers when it has nothing or understood nothing."""


def encode(message: Json) -> bytes:
    """Compact JSON in UTF-8, as the services send it."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair is no text in UTF-8; as an escape it can be sent.
        return json.dumps(message, separators=(",", ":")).encode()


class Backend(Protocol):
    """Bodies of answers. ``now`` is Unix seconds UTC; nothing later than it is ever answered."""

    def most_played_now(self, parameters: ChartQuestion, now: int) -> bytes: ...

    def most_played_day(self, parameters: ChartQuestion, now: int) -> bytes: ...

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes: ...

    def news(self, parameters: NewsParameters, now: int) -> bytes: ...

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes: ...

    def items(self, app_ids: Sequence[int], country: str) -> bytes: ...

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        """None: the host has nothing recorded to answer with."""
        ...

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        """Visits by ``YYYY-MM`` of all months that are out; None for a domain that is not known."""
        ...
