"""Store facts: what the Steam store says about each charted or watched app once a day, with its tags and prices.

Belongs here: the requests, their validation and the clean tables. Does not belong here: reading a store item
(store_rows.py), prices over time (insights/).

Fifty apps are requested at once; one that is gone, or not sold in the US, has no facts. Some tags have no name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from steam_assets.sources import store_rows
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import count_within, decode_service, exploded_list, filled_list, shaped
from steam_assets.sources.source import Fetched, FetchRequest, History, Request, Source, SourceClient, Table
from steam_assets.sources.steam import STEAM_API
from steam_assets.sources.store_country import require_prices_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

AT_ONCE, NAMES = 50, "tag names"
FLAGS = ("basic_info", "release", "platforms", "reviews", "supported_languages", "all_purchase_options")
QUERY: dict[str, object] = {
    "context": {"language": "english", "country_code": "US"},
    "data_request": {f"include_{flag}": True for flag in FLAGS} | {"include_tag_count": 20},
}


def parse(body: bytes) -> Mapping[str, int]:
    """The items in a response, with their tags and offers, by table. InvalidResponse if there are none."""
    items = filled_list(decode_service(body), "store_items")
    require_prices_of("US", body)
    tags = sum(count_within(store_rows.Tagged, item, lambda one: one.tags or ()) for item in items)
    prices = sum(count_within(store_rows.Priced, item, store_rows.Priced.offers) for item in items)
    return {"store_facts": len(items), "store_tags": tags, "store_prices": prices}


def parse_names(body: bytes) -> Mapping[str, int]:
    """Return no items, because the names belong to the items' tags. InvalidResponse if there are no names."""
    filled_list(decode_service(body), "tags")
    return {}


def count(_window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The items of each table in a response."""
    return parse_names(body) if request == NAMES else parse(body)


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the items, then the names of the tags."""
    apps = [{"appid": app} for app in fetch_request.apps]
    for start in range(0, len(apps), AT_ONCE):
        params = {"input_json": json.dumps(QUERY | {"ids": apps[start : start + AT_ONCE]})}
        items = client.fetch(Request(STEAM_API, "items", "/IStoreBrowseService/GetItems/v1/", params, parse))
        yield Fetched(items, items.value)
    named = Request(STEAM_API, NAMES, "/IStoreService/GetTagList/v1/", {"language": "english"}, parse_names)
    yield Fetched(client.fetch(named))


def facts(raw: DataFrame) -> DataFrame:
    """One row per item."""
    entries = store_rows.with_facts(exploded_list(raw, "store_items", store_rows.FACT_FIELDS))
    return shaped(entries, FACTS.columns, store_rows.FACT_VALUES, changes="left_out")


def tags(raw: DataFrame) -> DataFrame:
    """One row per tag of an item."""
    items = exploded_list(raw, "store_items", store_rows.TAGGED_FIELDS)
    names = exploded_list(raw.where(f"request = '{NAMES}'"), "tags", "tagid bigint, name string")
    return shaped(store_rows.with_tags(items, names), TAGS.columns, store_rows.TAG_VALUES)


def prices(raw: DataFrame) -> DataFrame:
    """One row per offer of an item."""
    entries = store_rows.with_offers(exploded_list(raw, "store_items", store_rows.PRICED_FIELDS))
    return shaped(entries, PRICES.columns, store_rows.offer_values("US"), changes="left_out")


_table = partial(Table, picture=True, rules={"app_id_positive": "app_id > 0"})
FACTS = _table(
    name="store_facts",
    description="What the US store says about each charted or watched app, once a day.",
    columns=store_rows.FACT_COLUMNS,
    key=("app_id",),
    items=facts,
)
TAGS = _table(
    name="store_tags",
    description="The twenty tags that players gave each app most often, once a day.",
    columns=store_rows.TAG_COLUMNS,
    key=("app_id", "tag_id"),
    items=tags,
    asset="clean_tags",
)
PRICES = _table(
    name="store_prices",
    description="What each app costs in the US store, once a day: one row per package or bundle.",
    columns=store_rows.OFFER_COLUMNS,
    key=("app_id", "offer_kind", "offer_id"),
    items=prices,
    asset="clean_prices",
)

SOURCE = Source(
    name="store_facts",
    title="Store facts",
    description="Names, makers, tags and prices of every charted or watched app in the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    apps_from=("most_played", "top_sellers", "country_sellers"),
    watched=True,
    demo_partitions=8,
    extract=extract,
    count=count,
    tables=(FACTS, TAGS, PRICES),
)
