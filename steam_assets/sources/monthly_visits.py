"""Monthly visits: how often the Steam store's site was visited in a month, as Similarweb estimates.

Belongs here: the two ways to ask and the answers' rules. Does not belong here: the clean tables (visit_tables.py).

The month is the one inside the body, never the month of asking. Similarweb's free answer carries the last few months
of visits and the newest month's details; the official API carries visits alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import decode, validated
from steam_assets.sources.readers import whole_of
from steam_assets.sources.source import (
    Answer,
    FetchRequest,
    History,
    Host,
    InvalidAnswer,
    Request,
    Source,
    SourceClient,
)
from steam_assets.sources.visit_tables import COUNTRIES, ENGAGEMENT, ESTIMATE, OFFICIAL, TRAFFIC, VISITS

SITE = "store.steampowered.com"
OFFICIAL_PATH = f"/v1/website/{SITE}/total-traffic-and-engagement/visits"


class Details(BaseModel):
    """The free answer. Fields of the newest month may be missing or odd; they count only as what they are."""

    EstimatedMonthlyVisits: dict[str, Any] | list[Any]
    Engagments: Any = None
    TrafficSources: Any = None
    TopCountryShares: Any = None


class OfficialVisits(BaseModel):
    """The official answer: ``visits`` has a ``date`` (first day of a month) and ``visits`` each."""

    visits: list[dict[str, Any]]


def parse(window: Window, body: bytes) -> dict[str, int]:
    """How many items of each table the free answer has for the month. InvalidAnswer if it does not carry the month."""
    answer = decode(body)
    _refuse_wrapper(answer)
    _refuse_other_site(answer.get("SiteName"))
    details = validated(Details, answer)
    _require_month(window, _by_month(details.EstimatedMonthlyVisits))
    newest = _is_newest(details.Engagments, window.key)
    sources = details.TrafficSources if newest and isinstance(details.TrafficSources, dict) else {}
    countries = details.TopCountryShares if newest and isinstance(details.TopCountryShares, list) else []
    return {
        VISITS.name: 1,
        ENGAGEMENT.name: int(newest),
        TRAFFIC.name: sum(share is not None for share in sources.values()),
        COUNTRIES.name: sum(not isinstance(one, dict) or one.get("Value") is not None for one in countries),
    }


def _refuse_wrapper(answer: Mapping[str, Any]) -> None:
    if "EstimatedMonthlyVisits" in answer:
        return
    for name, value in answer.items():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and "EstimatedMonthlyVisits" in inner:
            _refuse_other_site(inner.get("SiteName"))
            raise InvalidAnswer(f"the answer is wrapped in `{name}`; save what stands inside of it")


def _refuse_other_site(name: Any) -> None:
    """InvalidAnswer if the answer names another site than the store's, its parent domain included."""
    site = re.sub(r"^\s*(https?://)?(www\.)?|[/.\s]+$", "", str(name or SITE).lower())
    if site != SITE:
        raise InvalidAnswer(f"the answer is about the site {str(name)[:100]!r}, not about {SITE}")


def _by_month(visits: dict[str, Any] | list[Any]) -> dict[str, Any]:
    if isinstance(visits, dict):
        return visits
    return {str(month.get("date"))[:10]: month.get("visits") for month in visits if isinstance(month, dict)}


def parse_official(window: Window, body: bytes) -> dict[str, int]:
    """The same of the official answer, which has visits alone."""
    answer = decode(body)
    request = (answer.get("meta") or {}).get("request") if isinstance(answer.get("meta") or {}, dict) else None
    _refuse_other_site(request.get("domain") if isinstance(request, dict) else None)
    _require_month(window, _by_month(list(validated(OfficialVisits, answer).visits)))
    return {VISITS.name: 1, ENGAGEMENT.name: 0, TRAFFIC.name: 0, COUNTRIES.name: 0}


def _require_month(window: Window, months: Mapping[str, Any]) -> None:
    if months.get(window.key) is None:
        carried = ", ".join(sorted(month for month, visits in months.items() if visits is not None)[-12:]) or "none"
        raise InvalidAnswer(f"the answer does not carry the month {window.key} (it carries: {carried})")


def _is_newest(engagement: Any, key: str) -> bool:
    if not isinstance(engagement, dict):
        return False
    return (whole_of(engagement.get("Year")), whole_of(engagement.get("Month"))) == (int(key[:4]), int(key[5:7]))


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Answer]:
    """One answer: the month's."""
    window = fetch_request.window
    month = window.key[:7]
    official = {
        "country": "world",
        "granularity": "monthly",
        "start_date": month,
        "end_date": month,
        "main_domain_only": "false",
        "format": "json",
    }
    request: Request[dict[str, int]] = (
        Request(OFFICIAL, OFFICIAL_PATH, official, partial(parse_official, window), host=Host.SIMILARWEB_API)
        if fetch_request.official
        else Request(ESTIMATE, "/api/v1/data", {"domain": SITE}, partial(parse, window), host=Host.SIMILARWEB)
    )
    response = client.fetch(request)
    yield Answer(response, response.value)


SOURCE = Source(
    name="monthly_visits",
    title="Monthly visits",
    description=f"Similarweb's estimate of visits to {SITE}, with engagement, traffic sources and countries.",
    cadence=Cadence.MONTHLY,
    history=History.CARRIED,
    extract=extract,
    tables=(VISITS, ENGAGEMENT, TRAFFIC, COUNTRIES),
)
