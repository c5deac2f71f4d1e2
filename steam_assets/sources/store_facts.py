"""Store facts: what the Steam store says about each charted or watched app once a day, with its tags and prices.

Belongs here: the requests, their validation, the rows of the clean tables. Does not belong here: the fields of a store
item (store_item.py), the columns read from them (store_columns.py), prices over time (insights/). Fifty apps are
requested at once; one that is gone, or not sold in the US, has no facts. Some tags have no name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from steam_assets.sources import store_columns
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import count_within, decode_service, exploded_list, filled_list, shaped, within
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Fetched, FetchRequest, History, Request, Source, SourceClient, Table
from steam_assets.sources.steam import STEAM_API, service_request, store_context
from steam_assets.sources.store_country import require_prices_of
from steam_assets.sources.store_item import FURTHER_DETAILS, ITEM, OFFERED, TAGGED, with_item, with_optional

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

AT_ONCE, ITEMS, NAMES = 50, "items", "tag names"
FLAGS = ("basic_info", "release", "platforms", "reviews", "supported_languages", "all_purchase_options")
ASKED_FOR = {"data_request": {f"include_{flag}": True for flag in FLAGS} | {"include_tag_count": 20}}


def count(_window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The items in a response, with their tags and offers, by table. InvalidResponse if there are none."""
    listed = filled_list(decode_service(body), "tags" if request == NAMES else "store_items")
    if request == NAMES:
        return {}
    require_prices_of("US", body)
    tags = sum(count_within(item, "tags") for item in listed)
    prices = sum(count_within(item, "purchase_options", or_else="best_purchase_option") for item in listed)
    return {"store_facts": len(listed), "store_tags": tags, "store_prices": prices}


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the items, then the names of the tags."""
    parse, apps = partial(count, fetch_request.window), [{"appid": app} for app in fetch_request.apps]
    for start in range(0, len(apps), AT_ONCE):
        query = store_context("US") | ASKED_FOR | {"ids": apps[start : start + AT_ONCE]}
        items = service_request(ITEMS, "/IStoreBrowseService/GetItems/v1/", query, partial(parse, ITEMS))
        yield Fetched.counted(client.fetch(items))
    names = Request(STEAM_API, NAMES, "/IStoreService/GetTagList/v1/", {"language": "english"}, partial(parse, NAMES))
    yield Fetched.counted(client.fetch(names))


def _items(raw: DataFrame, item: str) -> DataFrame:
    return exploded_list(raw.where(f"problem is not null or request = '{ITEMS}'"), "store_items", item)


def facts(raw: DataFrame) -> DataFrame:
    """One row per item."""
    return shaped(with_item(_items(raw, ITEM), "entry", *FURTHER_DETAILS), FACTS, changes="left_out")


def tags(raw: DataFrame) -> DataFrame:
    """One row per tag of an item, with its name in the newest list of the partition."""
    from pyspark.sql import functions as F

    listed = exploded_list(raw.where(f"request = '{NAMES}'"), "tags", "tagid bigint, name string")
    newest = F.max_by("entry.name", F.struct("fetched_at", "sequence")).alias("tag")
    names = listed.where("entry.name <> ''").groupBy("partition_key", F.expr("entry.tagid AS tagid")).agg(newest)
    given = within(_items(raw, TAGGED), "tags").selectExpr("*", "entry AS store", f"{whole('element.tagid')} AS tagid")
    return shaped(given.join(names, ["partition_key", "tagid"], "left"), TAGS)


def prices(raw: DataFrame) -> DataFrame:
    """One row per offer of an item; without a list of them, its best offer."""
    offers = within(_items(raw, OFFERED), "purchase_options", or_else="best_purchase_option")
    in_us = offers.selectExpr("*", "entry AS store", "element AS offer", "'US' AS country")
    return shaped(with_optional(in_us, "offer.active_discounts"), PRICES, changes="left_out")


_table = partial(Table, full_snapshot=True, rules={"app_id_positive": "app_id > 0"})

FACTS = _table(
    name="store_facts",
    description="What the US store says about each charted or watched app, once a day.",
    columns=(store_columns.DAY, *store_columns.IN_FULL),
    key=("app_id",),
    items=facts,
)
TAGS = _table(
    name="store_tags",
    description="The twenty tags that players gave each app most often, once a day.",
    columns=(store_columns.DAY, *store_columns.TAG),
    key=("app_id", "tag_id"),
    items=tags,
    asset="clean_tags",
)
PRICES = _table(
    name="store_prices",
    description="What each app costs in the US store, once a day: one row per package or bundle.",
    columns=(store_columns.DAY, *store_columns.OFFER),
    key=("app_id", "offer_kind", "offer_id"),
    items=prices,
    asset="clean_prices",
)

SOURCE = Source(
    name="store_facts",
    title="Store facts",
    description="Names, developers, publishers, tags and prices of every charted or watched app in the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    apps_from=("most_played", "top_sellers", "country_sellers"),
    watched=True,
    demo_partitions=8,
    requests=(ITEMS, NAMES),
    extract=extract,
    count=count,
    tables=(FACTS, TAGS, PRICES),
)
