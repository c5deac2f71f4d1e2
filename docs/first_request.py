"""The first request that a source sends for a partition, without sending it.

Belongs here: running a source's ``extract`` against a client that only records. Does not belong here: pages
(generate.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from steam_assets.sources.source import FetchRequest, History, Request, Source


class _Asked(Exception):
    """Raised with the first request of a source as its argument."""


class _Recorder:
    """A client that stops at the first request."""

    def fetch(self, request: Request[Any]) -> NoReturn:
        raise _Asked(request)

    fetch_or_reject = fetch


def first_request(source: Source) -> Request[Any]:
    """For one app, if it is fetched by app. AssertionError if it sends none."""
    window = source.cadence.newest(datetime(2026, 11, 25, tzinfo=UTC))
    now = window.start + timedelta(hours=21) if source.history is History.LIVE else window.end + timedelta(days=21)
    try:
        list(source.extract(_Recorder(), FetchRequest(window=window, now=now, apps=(730,))))
    except _Asked as asked:
        return asked.args[0]
    raise AssertionError(f"{source.name} makes no request")
