"""Which country's store a Steam response is from, as far as its prices show.

Belongs here: rejecting a response from another country's store, or another country's chart. Does not belong here:
prices as columns (store_columns.py).

A response does not state its country, so one that ignores the parameter looks normal. The currency sign of its prices
reveals it if the country has its own currency, and so does a chart identical to that of another country.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from steam_assets.sources.source import InvalidResponse
from steam_assets.sources.store_item import CURRENCIES

COUNTRIES = (
    "USD=US GBP=GB EUR=AT,BE,CY,DE,EE,ES,FI,FR,GR,HR,IE,IT,LT,LU,LV,MT,NL,PT,SI,SK CHF=CH NOK=NO PLN=PL CAD=CA AUD=AU "
    "NZD=NZ BRL=BR MXN=MX CLP=CL COP=CO PEN=PE UYU=UY JPY=JP KRW=KR CNY=CN TWD=TW HKD=HK SGD=SG INR=IN IDR=ID MYR=MY "
    "PHP=PH THB=TH VND=VN ZAR=ZA ILS=IL KZT=KZ UAH=UA SAR=SA AED=AE QAR=QA KWD=KW"
)
"""Countries by the currency of their stores. Others, such as those with prices in dollars, cannot be recognized."""

Charts: TypeAlias = "dict[tuple[str, ...], str]"
"""Countries by the app ids of their charts, in order."""

FEWEST_PRICES = 5
"""Fewer odd prices are not evidence of another country."""

LONG_CHART = 20
"""Two charts with fewer ranks may be equal by chance."""

_PRICE = re.compile(rb'"formatted_final_price"\s*:\s*("(?:[^"\\]|\\.)*")')
_CURRENCY_OF_SIGN = {sign: code for sign, _, code in (pair.partition("=") for pair in CURRENCIES.split())}
_CURRENCY_OF_SIGN["¥"] = "JPY or CNY"
_LISTED = (pair.partition("=") for pair in COUNTRIES.split())
_CURRENCY_OF_COUNTRY = {country: code for code, _, countries in _LISTED for country in countries.split(",")}
_ELSEWHERE = "$USD"
"""How prices in dollars are written in countries other than the US."""


def require_prices_of(country: str, body: bytes) -> None:
    """Raise InvalidResponse if most prices in a body have the sign of another currency than the country's store.

    An unknown sign, a country with an unknown currency, or a body without prices is not evidence.
    """
    currency = _CURRENCY_OF_COUNTRY.get(country)
    if currency is None:
        return
    signs = Counter(sign for sign in map(_sign, _PRICE.findall(body)) if sign in _CURRENCY_OF_SIGN)
    others = Counter({sign: n for sign, n in signs.items() if not _is_of(sign, currency)})
    if others.total() >= FEWEST_PRICES and others.total() * 2 > signs.total():
        ((most, _),) = others.most_common(1)
        raise InvalidResponse(
            f"requested the store of {country}, whose prices are in {currency}, received {others.total()} of "
            f"{signs.total()} prices in other currencies, most often written with {most}: the country was ignored"
        )


def require_another_chart(app_ids: Sequence[object], country: str, others: Charts) -> None:
    """Raise InvalidResponse if a chart is that of one of the ``others``; if not, add it to them."""
    chart = tuple(map(str, app_ids))
    if len(chart) >= LONG_CHART and others.setdefault(chart, country) != country:
        raise InvalidResponse(
            f"the chart of {country} is that of {others[chart]}, rank by rank: the country was ignored"
        )


def _sign(price: bytes) -> str:
    return re.sub(r"[\d.,\s\u00a0-]", "", str(json.loads(price.decode("utf-8", "replace"), strict=False)))


def _is_of(sign: str, currency: str) -> bool:
    return currency in _CURRENCY_OF_SIGN[sign] and sign != _ELSEWHERE
