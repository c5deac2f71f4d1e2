"""Monthly visits: how often the Steam store's site was visited in a month, as estimated by Similarweb.

Belongs here: the two endpoints and their validation. Does not belong here: the clean tables (visit_tables.py).

The month is the one in the body, never the month of collection. Similarweb's free endpoint has the visits of the last
few months and the details of the newest one; the official API has only visits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

from pydantic import BaseModel

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.host import Host
from steam_assets.sources.json_body import decode, is_array, is_object, validated
from steam_assets.sources.readers import whole_of
from steam_assets.sources.source import (
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    NotCarried,
    Request,
    Source,
    SourceClient,
)
from steam_assets.sources.visit_tables import COUNTRIES, ENGAGEMENT, ESTIMATE, OFFICIAL, TRAFFIC, VISITS

SITE = "store.steampowered.com"
OF_ALL = {"country": "world", "granularity": "monthly"}
"""Parameters of the official API that its response repeats."""
OFFICIAL_PATH = f"/v1/website/{SITE}/total-traffic-and-engagement/visits"

TERMS = "https://www.similarweb.com/corp/legal/termsandconditions/"

SIMILARWEB_API = Host(
    name="similarweb_api",
    service="Similarweb",
    url="https://api.similarweb.com",
    requests_per_second=0.1,
    key_parameter="api_key",
    terms=TERMS,
)
"""The official API, used if its key is set."""

SIMILARWEB = Host(
    name="similarweb",
    service="Similarweb",
    url="https://data.similarweb.com",
    requests_per_second=0.1,
    # The extension's endpoint rejects clients that do not look like a browser with the extension. No Origin header:
    # reports about it conflict, and it is known to cause refusals.
    headers={
        "User-Agent": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
        ),
        "X-Extension-Version": "6.12.21",
    },
    drop_folder=True,
    alternative=f"set {SIMILARWEB_API.variable('key')}",
    terms=TERMS,
)
"""The free endpoint."""


class Details(BaseModel):
    """The free response. Fields of the newest month may be missing or malformed; they are not validated here."""

    EstimatedMonthlyVisits: dict[str, object] | list[object]
    Engagments: object = None
    TrafficSources: object = None
    TopCountryShares: object = None


class OfficialVisits(BaseModel):
    """The official response: each entry of ``visits`` has a ``date`` (first day of a month) and ``visits``."""

    visits: list[dict[str, object]]


def parse(window: Window, body: bytes) -> dict[str, int]:
    """The free response's item counts for the month, by table. InvalidResponse if it lacks the month."""
    answer = decode(body)
    _refuse_wrapper(answer)
    _refuse_other_site(answer.get("SiteName"))
    details = validated(Details, answer)
    _require_month(window, _by_month(details.EstimatedMonthlyVisits))
    newest = _is_newest(details.Engagments, window.key)
    sources = details.TrafficSources if newest and is_object(details.TrafficSources) else {}
    countries = details.TopCountryShares if newest and is_array(details.TopCountryShares) else []
    return {
        VISITS.name: 1,
        ENGAGEMENT.name: int(newest),
        TRAFFIC.name: sum(share is not None for share in sources.values()),
        COUNTRIES.name: sum(not is_object(one) or one.get("Value") is not None for one in countries),
    }


def _refuse_wrapper(answer: Mapping[str, object]) -> None:
    if "EstimatedMonthlyVisits" in answer:
        return
    for name, value in answer.items():
        inner = value[0] if is_array(value) and value else value
        if is_object(inner) and "EstimatedMonthlyVisits" in inner:
            _refuse_other_site(inner.get("SiteName"))
            raise InvalidResponse(f"the response is wrapped in `{name}`; save only its content")


def _refuse_other_site(name: object) -> None:
    """Raise InvalidResponse if the response names another site than the store's, even its parent domain."""
    site = re.sub(r"^\s*(https?://)?(www\.)?|[/.\s]+$", "", str(name or SITE).lower())
    if site != SITE:
        raise InvalidResponse(f"the response is about the site {str(name)[:100]!r}, not about {SITE}")


def _by_month(visits: dict[str, object] | list[object]) -> dict[str, object]:
    if isinstance(visits, dict):
        return visits
    return {str(month.get("date"))[:10]: month.get("visits") for month in visits if is_object(month)}


def parse_official(window: Window, body: bytes) -> dict[str, int]:
    """The official response's item counts for the month, which has only visits."""
    answer = decode(body)
    meta = answer.get("meta")
    request = meta.get("request") if is_object(meta) else None
    if is_object(request):
        _refuse_other_site(request.get("domain"))
        _require_as_asked(request)
    visits = validated(OfficialVisits, answer).visits
    if others := [date for one in visits if not (date := str(one.get("date"))[:10]).endswith("-01")]:
        raise InvalidResponse(f"requested visits by month, received some of {others[0]}: the granularity was ignored")
    _require_month(window, _by_month(list(visits)))
    return {VISITS.name: 1, ENGAGEMENT.name: 0, TRAFFIC.name: 0, COUNTRIES.name: 0}


def _require_as_asked(request: Mapping[str, object]) -> None:
    """Raise InvalidResponse if the response says that it is of another country or granularity than requested."""
    for name, asked in OF_ALL.items():
        if str(request.get(name) or asked).lower() != asked:
            raise InvalidResponse(f"requested the {name} {asked!r}, received {str(request[name])[:50]!r}")


def _require_month(window: Window, months: Mapping[str, object]) -> None:
    if months.get(window.key) is not None:
        return
    carried = sorted(month for month, visits in months.items() if visits is not None)
    lacks = f"the response does not have the month {window.key} (it has: {', '.join(carried[-12:]) or 'none'})"
    if carried and window.key < carried[0]:
        raise NotCarried(f"gap: {lacks}; it is too old")
    if carried and window.key > carried[-1]:
        raise NotCarried(f"{lacks}; it is not published yet")
    raise InvalidResponse(lacks)


def _is_newest(engagement: object, key: str) -> bool:
    if not is_object(engagement):
        return False
    return (whole_of(engagement.get("Year")), whole_of(engagement.get("Month"))) == (int(key[:4]), int(key[5:7]))


def count(window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The items of the month in either response."""
    return parse_official(window, body) if request == OFFICIAL else parse(window, body)


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the month's response."""
    window = fetch_request.window
    month = window.key[:7]
    official = {
        **OF_ALL,
        "start_date": month,
        "end_date": month,
        "main_domain_only": "false",
        "format": "json",
    }
    request: Request[Mapping[str, int]] = (
        Request(SIMILARWEB_API, OFFICIAL, OFFICIAL_PATH, official, partial(parse_official, window))
        if SIMILARWEB_API in fetch_request.keyed
        else Request(SIMILARWEB, ESTIMATE, "/api/v1/data", {"domain": SITE}, partial(parse, window))
    )
    yield Fetched.counted(client.fetch(request))


SOURCE = Source(
    name="monthly_visits",
    title="Monthly visits",
    description=f"Similarweb's estimate of visits to {SITE}, with engagement, traffic sources and countries.",
    hosts=(SIMILARWEB, SIMILARWEB_API),
    cadence=Cadence.MONTHLY,
    history=History.CARRIED,
    # A month's visits are published between the 12th and 27th of the next; the response has the last three months.
    due_after=timedelta(days=27),
    carried_for=timedelta(days=100),
    requests=(ESTIMATE, OFFICIAL),
    extract=extract,
    count=count,
    tables=(VISITS, ENGAGEMENT, TRAFFIC, COUNTRIES),
)
