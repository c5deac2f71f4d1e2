"""Monthly traffic of the store's site, as Similarweb reports it.

Belongs here: when months are published, and the body's format. Does not belong here: the number of visits (market.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from steam_assets.simulator.request_parameters import Json

DOMAIN = "store.steampowered.com"

OUT_ON_DAY = 15
"""A month's figures are published on this day of the next month, 00:00 UTC."""

_FIRST_YEAR = 2021

Month = tuple[int, int]

_COUNTRIES = (("US", 840, 0.1433), ("RU", 643, 0.0776), ("CN", 156, 0.0654), ("JP", 392, 0.0556), ("BR", 76, 0.0437))
_CHANNELS = ("Social", "Paid Referrals", "Mail", "Referrals", "Search", "Direct")
_CHANNEL_SHARES = (0.0512, 0.0034, 0.0021, 0.1133, 0.2412)


def months_out(now: int) -> list[Month]:
    """The months published at ``now`` (Unix seconds), oldest first."""
    today = datetime.fromtimestamp(now, UTC)
    last = today.year * 12 + today.month - 1 - (1 if today.day >= OUT_ON_DAY else 2)
    return [divmod_month(index) for index in range(_FIRST_YEAR * 12, last + 1)]


def divmod_month(index: int) -> Month:
    """Year and month (1 to 12) of a number of months since year 0."""
    year, month = divmod(index, 12)
    return year, month + 1


def traffic_body(domain: str, visits: Mapping[Month, float], now: int) -> Json:
    """The body for a domain; an unknown domain is echoed without figures."""
    if domain != DOMAIN or not visits:
        return {"Version": 1, "SiteName": domain, "Description": "", "Title": "", "IsSmall": True, "Policy": 0}
    (year, month), newest = max(visits.items())
    wobble = month / 400
    shares = [round(share + wobble / 10, 6) for share in _CHANNEL_SHARES]
    return {
        "Version": 1,
        "SiteName": domain,
        "Description": "a shop and a meeting place for games.",
        "TopCountryShares": [
            {"Country": number, "CountryCode": code, "Value": share + wobble / 50} for code, number, share in _COUNTRIES
        ],
        "Title": "steam store",
        "Engagments": {
            "BounceRate": str(0.4788 - wobble),
            "Month": str(month),
            "Year": str(year),
            "PagePerVisit": str(4.3578 + wobble),
            "Visits": _as_text(newest, month),
            "TimeOnSite": str(190.937 + month),
        },
        "EstimatedMonthlyVisits": {f"{y}-{m:02}-01": _revised(value, (y, m), now) for (y, m), value in visits.items()},
        "GlobalRank": {"Rank": None},
        "CountryRank": {"Country": None, "CountryCode": None, "Rank": None},
        "CategoryRank": {"Rank": None, "Category": None},
        "GlobalCategoryRank": {"Rank": None, "Category": None},
        "IsSmall": month >= 10,
        "Policy": 0,
        "TrafficSources": dict(zip(_CHANNELS, [*shares, 1 - sum(shares)], strict=True)),
        "Category": "games/video_games_consoles_and_accessories",
        "LargeScreenshot": "",
        "IsDataFromGa": False,
        "Countries": [{"Code": code, "UrlCode": code.lower(), "Name": code} for code, _, _ in _COUNTRIES],
        "Competitors": {"TopSimilarityCompetitors": [{"Domain": "epicgames.com"}, {"Domain": "gog.com"}]},
    }


def _as_text(visits: float, month: int) -> str:
    # The three number formats that have been observed.
    if month % 3 == 0:
        return str(int(visits))
    if month % 3 == 1:
        return f"{visits:.8f}"
    digits, exponent = f"{visits:.15e}".split("e+")
    return f"{digits}E{int(exponent)}"


def _revised(visits: float, month: Month, now: int) -> int:
    # A month's figure changes by one in the responses of later months.
    newest = months_out(now)[-1]
    return int(visits) + (1 if month != newest else 0)
