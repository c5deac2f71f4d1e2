"""Top sellers by country: Steam's hundred best-earning items of a week in each of several countries.

Belongs here: the countries, their requests and the clean table. Does not belong here: a page of a chart and its
validation (top_sellers.py), comparing countries (insights/).

Each country has its own chart and its own prices, in the currency of its store: they are never added up. A country
whose chart is empty has none that week; the first country must have one, so that a week that is not published yet is
not taken for an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from steam_assets.sources import top_sellers
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import shaped
from steam_assets.sources.lists import CountryCodes
from steam_assets.sources.source import Column, Fetched, FetchRequest, History, Source, SourceClient, Table
from steam_assets.sources.steam import STEAM_API
from steam_assets.sources.store_columns import IN_CHART, OFFER
from steam_assets.sources.store_country import Charts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TWENTY = (
    *("US", "GB", "DE", "FR", "CA", "AU", "BR", "JP", "KR", "CN"),
    *("TW", "TR", "PL", "ES", "IT", "NL", "SE", "MX", "AR", "IN"),
)
REQUEST = "chart of "
"""The name of a request, before the country's code: a response does not state its country."""


class Options(BaseModel):
    """The source's options."""

    countries: CountryCodes = Field(
        TWENTY,
        min_length=1,
        description="Countries, two-letter codes, comma separated. Steam's GetCountryList has those with a chart.",
    )


def count(window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The ranks on a page of a country's chart."""
    return {"country_sellers": top_sellers.ranks_of(window, request.removeprefix(REQUEST), body)}


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the charts of all countries."""
    countries = fetch_request.given(Options).countries
    charts: Charts = {}
    for country in countries:
        pages = top_sellers.chart_pages(
            client,
            fetch_request.window,
            country,
            name=f"{REQUEST}{country}",
            required=country == countries[0],
            others=charts,
        )
        for response in pages:
            yield Fetched(response, {"country_sellers": len(response.value.ranks)})


def items(raw: DataFrame) -> DataFrame:
    """One row per country and rank."""
    country = f"substring(request, {len(REQUEST) + 1}) AS country"
    return shaped(top_sellers.chart_entries(raw).selectExpr("*", country), TABLE, changes="left_out")


STORE = {column.name: column for column in (*IN_CHART, *OFFER)}
TABLE = Table(
    name="country_sellers",
    description="Steam's hundred top sellers of a week in each of several countries. Prices are as of collection.",
    columns=(
        STORE["country"].described("The country's two-letter code."),
        *top_sellers.PLACE_COLUMNS,
        STORE["name"].described("English name in the country's store as of collection; null if Steam sent none."),
        STORE["item_type"],
        STORE["is_free"].described("Free to play as of collection; null if the country's store hides the item."),
        STORE["final_price"].described("Price as of collection; null if free or not sold."),
        STORE["original_price"],
        STORE["currency"].described("ISO 4217 code of both prices; null if there is none or its sign is unknown."),
        Column("price_text", "string", "The price as the store writes it.").of("offer.formatted_final_price"),
        STORE["discount_percent"].described("Discount as of collection, if there is one."),
        STORE["discount_ends_at"].described("When the discount ends (UTC), if Steam states it."),
    ),
    key=("country", "rank"),
    full_snapshot=True,
    ranked=("rank", "app_id"),
    charts=("country",),
    items=items,
    rules=top_sellers.PLACE_RULES | {"country_code": "country rlike '^[A-Z]{2}$'"},
)

SOURCE = Source(
    name="country_sellers",
    title="Top sellers by country",
    description="The hundred best-earning items of a finished week in the stores of several countries.",
    hosts=(STEAM_API,),
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    due_after=timedelta(hours=36),
    options=Options,
    requests=(f"{REQUEST}[A-Z]{{2}}",),
    extract=extract,
    count=count,
    tables=(TABLE,),
)
