"""Specials: discounted items on the front page of the Steam store, once a day.

Belongs here: the host, the request, its validation, and the clean table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from steam_assets.sources.cadence import Cadence
from steam_assets.sources.host import Host
from steam_assets.sources.json_body import decode, exploded, moment_of, shaped, validated
from steam_assets.sources.source import Column, Fetched, FetchRequest, History, Request, Source, SourceClient, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STORE = Host(
    name="steam_store",  # settings: STEAM_STORE_URL, STEAM_STORE_REQUESTS_PER_SECOND
    service="Steam",
    url="https://store.steampowered.com",
    requests_per_second=0.5,
    headers={"Accept": "application/json"},
)


class Options(BaseModel):
    """The source's options."""

    # setting: STEAM_SPECIALS_COUNTRY
    country: str = Field(default="US", pattern="^[A-Z]{2}$", description="Country of the prices.")


class Category(BaseModel):
    """A section of the front page; item fields are validated per row during cleaning."""

    items: Annotated[list[Any], Field(min_length=1)]


class FrontPage(BaseModel):
    """The response."""

    specials: Category


def parse(body: bytes) -> Mapping[str, int]:
    """Return the number of offers in the response, by table. InvalidResponse if it is invalid."""
    return {"specials": len(validated(FrontPage, decode(body)).specials.items)}


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the current front page."""
    params = {"cc": fetch_request.given(Options).country, "l": "english"}
    yield Fetched.counted(client.fetch(Request(STORE, "front page", "/api/featuredcategories", params, parse)))


def items(raw: DataFrame) -> DataFrame:
    """One row per offer."""
    entries = exploded(
        raw,
        shape="specials struct<items: array<{item}>>",
        array="{whole}.specials.items",
        item="id bigint, name string, discount_percent bigint, original_price bigint, final_price bigint, "
        "currency string, discount_expiration bigint",
    )
    return shaped(entries, TABLE)


TABLE = Table(
    name="specials",
    description="Offers on the front page of the Steam store, collected once a day.",
    columns=(
        Column("day", "date", "Day (UTC) of collection.", nullable=False).of("to_date(partition_key)"),
        Column("app_id", "bigint", "Steam's app id.", nullable=False).of("entry.id"),
        Column("name", "string", "Name in the store.").of("nullif(entry.name, '')"),
        Column("discount_percent", "bigint", "Discount.", "%", bounds=(0, 100)),
        Column("original_price", "bigint", "Price before the discount.", "hundredths of the currency"),
        Column("final_price", "bigint", "Price to pay.", "hundredths of the currency", nullable=False),
        Column("currency", "string", "ISO 4217 code of both prices.", nullable=False),
        Column("ends_at", "timestamp", "When the offer ends (UTC); null if the store does not state it.").of(
            moment_of("entry.discount_expiration")
        ),
    ),
    key=("app_id",),
    full_snapshot=True,
    items=items,
    rules={"app_id_positive": "app_id > 0", "final_not_above_original": "final_price <= original_price"},
)

SOURCE = Source(
    name="specials",
    title="Specials",
    description="Offers on the front page of the Steam store.",
    hosts=(STORE,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    due_after=timedelta(0),
    options=Options,
    demo_partitions=1,
    requests=("front page",),
    extract=extract,
    count=lambda _window, _request, body: parse(body),
    tables=(TABLE,),
)
