"""Monthly visits: how often the Steam store's site was visited in a month, as Similarweb estimates.

Belongs here: the two ways to ask and the answers' rules. Does not belong here: the clean tables (visit_tables.py).

The month is the one inside the body, never the month of asking. Similarweb's free answer carries the last few months
of visits and the newest month's details; the official API carries visits alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import decode, validated
from steam_assets.sources.source import Answer, Ask, History, Host, InvalidAnswer, Question, Request, Source
from steam_assets.sources.visit_tables import COUNTRIES, ENGAGEMENT, ESTIMATE, OFFICIAL, TRAFFIC, VISITS

SITE = "store.steampowered.com"
OFFICIAL_PATH = f"/v1/website/{SITE}/total-traffic-and-engagement/visits"


class Details(BaseModel):
    """The free answer. Fields of the newest month may be missing or odd; they count only as what they are."""

    EstimatedMonthlyVisits: dict[str, Any]
    Engagments: Any = None
    TrafficSources: Any = None
    TopCountryShares: Any = None


class OfficialVisits(BaseModel):
    """The official answer: ``visits`` has a ``date`` (first day of a month) and ``visits`` each."""

    visits: list[dict[str, Any]]


def parse(window: Window, body: bytes) -> dict[str, int]:
    """How many items of each table the free answer has for the month. InvalidAnswer if it does not carry the month."""
    details = validated(Details, decode(body))
    _require_month(window, details.EstimatedMonthlyVisits)
    newest = _is_newest(details.Engagments, window.key)
    sources = details.TrafficSources if newest and isinstance(details.TrafficSources, dict) else {}
    countries = details.TopCountryShares if newest and isinstance(details.TopCountryShares, list) else []
    return {
        VISITS.name: 1,
        ENGAGEMENT.name: int(newest),
        TRAFFIC.name: len(sources),
        COUNTRIES.name: len(countries),
    }


def parse_official(window: Window, body: bytes) -> dict[str, int]:
    """The same of the official answer, which has visits alone."""
    months = [str(visit.get("date")) for visit in validated(OfficialVisits, decode(body)).visits]
    _require_month(window, dict.fromkeys(months))
    return {VISITS.name: 1, ENGAGEMENT.name: 0, TRAFFIC.name: 0, COUNTRIES.name: 0}


def _require_month(window: Window, months: Mapping[str, Any]) -> None:
    if window.key not in months:
        carried = ", ".join(sorted(months)[-12:]) or "none"
        raise InvalidAnswer(f"the answer does not carry the month {window.key} (it carries: {carried})")


def _is_newest(engagement: Any, key: str) -> bool:
    if not isinstance(engagement, dict):
        return False
    year, month = str(engagement.get("Year")), str(engagement.get("Month"))
    return year == key[:4] and month in (key[5:7], key[5:7].lstrip("0"))


def collect(ask: Ask, question: Question) -> Iterator[Answer]:
    """One answer: the month's."""
    window = question.window
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
        if question.official
        else Request(ESTIMATE, "/api/v1/data", {"domain": SITE}, partial(parse, window), host=Host.SIMILARWEB)
    )
    response = ask(request)
    yield Answer(response, response.value)


SOURCE = Source(
    name="monthly_visits",
    title="Monthly visits",
    description=f"Similarweb's estimate of visits to {SITE}, with engagement, traffic sources and countries.",
    cadence=Cadence.MONTHLY,
    history=History.CARRIED,
    collect=collect,
    tables=(VISITS, ENGAGEMENT, TRAFFIC, COUNTRIES),
)
