"""Request parameters, parsed the way Steam's services parse them.

Belongs here: ``input_json`` and plain query parameters, defaults, and values that are silently ignored.
Does not belong here: responses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

Json = dict[str, Any]

RECENT = 1
"""The ``filter`` that orders reviews by creation, newest first; the only order that is simulated."""


class BadInput(Exception):
    """``input_json`` is not a JSON object; Steam's response to such a request is an empty ``response``."""


def input_json(params: Mapping[str, str]) -> Json | None:
    """The message in ``input_json``; None without that parameter. Raises BadInput if it is not a JSON object."""
    text = params.get("input_json")
    if text is None:
        return None
    try:
        message: object = json.loads(text)
    except ValueError as error:
        raise BadInput("input_json is not JSON; URL-encode it exactly once") from error
    if not isinstance(message, dict):
        raise BadInput("input_json is not a JSON object")
    return cast(Json, message)


def whole_number(value: object, default: int = 0) -> int:
    """A number as the services parse it: anything else counts as missing."""
    if isinstance(value, bool):
        return int(value)
    try:
        return int(cast(Any, value))
    except (TypeError, ValueError):
        return default


def flag(value: object, default: bool) -> bool:
    """A boolean as the services parse it: true, 1 and "1" are true."""
    if value is None:
        return default
    if isinstance(value, str):
        return value.lower() not in ("0", "false", "")
    return bool(value)


def _message(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else {}


@dataclass(frozen=True)
class ChartParameters:
    """Parameters of a current chart; ``country`` only decides which items are shown."""

    country: str
    with_items: bool

    @classmethod
    def read(cls, params: Mapping[str, str]) -> ChartParameters:
        message = input_json(params) or {}
        context = _message(message.get("context"))
        return cls(str(context.get("country_code", "US")).upper(), bool(_message(message.get("data_request"))))


@dataclass(frozen=True)
class TopSellersParameters:
    """Parameters of a weekly chart; ``start_date`` None is the last finished week, ``country`` "" is the world."""

    country: str
    context_country: str
    with_items: bool
    start_date: int | None
    page_start: int
    page_count: int

    @classmethod
    def read(cls, params: Mapping[str, str]) -> TopSellersParameters | None:
        """Parse the parameters; None if they are flat, which the service does not understand."""
        message = input_json(params)
        if message is None:
            return None
        context_country = str(_message(message.get("context")).get("country_code", "US")).upper()
        return cls(
            country=str(message.get("country_code", context_country)).upper(),
            context_country=context_country,
            with_items=bool(_message(message.get("data_request"))),
            start_date=whole_number(message.get("start_date")) or None,
            page_start=max(0, whole_number(message.get("page_start"))),
            page_count=min(100, max(1, whole_number(message.get("page_count"), 10))),
        )


@dataclass(frozen=True)
class NewsParameters:
    """Parameters of one app's news before ``end`` (Unix seconds; None: up to now), always with full text."""

    app_id: int
    count: int
    end: int | None

    @classmethod
    def read(cls, params: Mapping[str, str]) -> NewsParameters | None:
        """Parse the parameters; None without a valid ``appid``."""
        app_id = whole_number(params.get("appid"), -1)
        if app_id < 0:
            return None
        return cls(
            app_id=app_id,
            count=max(0, whole_number(params.get("count"), 20)),
            end=whole_number(params.get("enddate")) or None,
        )


@dataclass(frozen=True)
class ReviewFilter:
    """Which reviews match.

    ``languages`` None is all; ``kind`` 1 positive, 2 negative; ``purchase`` 0 Steam, 1 all, 2 elsewhere;
    written in ``[since, until)``, Unix seconds.
    """

    languages: frozenset[str] | None
    kind: int
    purchase: int
    since: int
    until: int
    hide_off_topic: bool


@dataclass(frozen=True)
class ReviewParameters:
    """Parameters of one page of an app's reviews."""

    app_id: int
    per_page: int
    cursor: str
    filter: ReviewFilter

    @classmethod
    def read(cls, params: Mapping[str, str], now: int) -> ReviewParameters | None:
        """Parse the parameters; None without a valid ``appid``, or with another ``filter`` than ``RECENT``.

        ``now`` (Unix seconds) hides later reviews.
        """
        message = input_json(params)
        given: Mapping[str, object] = params if message is None else message
        app_id = whole_number(given.get("appid"), -1)
        if app_id < 0 or whole_number(given.get("filter")) != RECENT:
            return None
        since, until = _date_range(given)
        return cls(
            app_id=app_id,
            per_page=min(100, max(1, whole_number(given.get("num_per_page"), 20))),
            cursor=str(given.get("cursor") or "*"),
            filter=ReviewFilter(
                languages=_languages(given),
                kind=whole_number(given.get("review_type")),
                purchase=whole_number(given.get("purchase_type")),
                since=since,
                until=min(until, now + 1),
                hide_off_topic=flag(given.get("filter_offtopic_activity"), True),
            ),
        )


def _date_range(given: Mapping[str, object]) -> tuple[int, int]:
    since = whole_number(given.get("date_range_start"))
    until = whole_number(given.get("date_range_end"))
    # The end of the range is inclusive.
    return (since, until + 1) if since and until else (0, 2**40)


def _languages(given: Mapping[str, object]) -> frozenset[str] | None:
    listed = given.get("languages")
    if isinstance(listed, list):
        names = {str(name) for name in cast(list[object], listed)}
    else:
        names = {str(value) for key, value in given.items() if key.startswith("languages[")}
        if isinstance(listed, str):
            names.add(listed)
    if "all" in names:
        return None
    return frozenset(names or {"english"})
