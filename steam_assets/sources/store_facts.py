"""Store facts: what the Steam store says about each charted or watched app once a day, with its tags and prices.

Belongs here: the requests, their validation and the clean tables. Does not belong here: how a store item is written
(store_item.py), prices over time (insights/).

Fifty apps are requested at once; one that is gone, or not sold in the US, has no facts. Some tags have no name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from steam_assets.sources import store_item
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import (
    count_within,
    decode_service,
    exploded_list,
    filled_list,
    moment_of,
    shaped,
    within,
)
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Column, Fetched, FetchRequest, History, Request, Source, SourceClient, Table
from steam_assets.sources.steam import STEAM_API
from steam_assets.sources.store_country import require_prices_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

AT_ONCE, ITEMS, NAMES = 50, "items", "tag names"
FLAGS = ("basic_info", "release", "platforms", "reviews", "supported_languages", "all_purchase_options")
QUERY: dict[str, object] = {
    "context": {"language": "english", "country_code": "US"},
    "data_request": {f"include_{flag}": True for flag in FLAGS} | {"include_tag_count": 20},
}


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
    apps, parse = [{"appid": app} for app in fetch_request.apps], partial(count, fetch_request.window)
    for start in range(0, len(apps), AT_ONCE):
        params = {"input_json": json.dumps(QUERY | {"ids": apps[start : start + AT_ONCE]})}
        items = client.fetch(
            Request(STEAM_API, ITEMS, "/IStoreBrowseService/GetItems/v1/", params, partial(parse, ITEMS))
        )
        yield Fetched(items, items.value)
    params, parse_names = {"language": "english"}, partial(parse, NAMES)
    yield Fetched(client.fetch(Request(STEAM_API, NAMES, "/IStoreService/GetTagList/v1/", params, parse_names)))


def facts(raw: DataFrame) -> DataFrame:
    """One row per item."""
    entries = exploded_list(raw, "store_items", store_item.ITEM)
    more = ("release", "platforms", "reviews", "supported_languages")
    return shaped(store_item.with_details(entries, "entry", *more), FACTS, changes="left_out")


def tags(raw: DataFrame) -> DataFrame:
    """One row per tag of an item, with its name in the newest list of the partition."""
    from pyspark.sql import functions as F

    items = exploded_list(raw, "store_items", "id string, tags array<struct<tagid: string, weight: string>>")
    listed = exploded_list(raw.where(f"request = '{NAMES}'"), "tags", "tagid bigint, name string")
    newest = F.max_by("entry.name", F.struct("fetched_at", "sequence")).alias("tag")
    names = listed.where("entry.name <> ''").groupBy("partition_key", F.expr("entry.tagid AS tagid")).agg(newest)
    given = within(items, "tags").withColumn("tagid", F.expr(whole("element.tagid")))
    return shaped(given.join(names, ["partition_key", "tagid"], "left"), TAGS)


def prices(raw: DataFrame) -> DataFrame:
    """One row per offer of an item; without a list of them, its best offer."""
    items = exploded_list(raw, "store_items", store_item.OFFERED)
    offers = within(items, "purchase_options", or_else="best_purchase_option")
    return shaped(store_item.with_optional(offers, "element.active_discounts"), PRICES, changes="left_out")


_table = partial(Table, picture=True, rules={"app_id_positive": "app_id > 0"})
_required = partial(Column, nullable=False)
OF_ITEM = (
    _required("day", "date", "Day (UTC) of collection.").of("to_date(partition_key)"),
    _required("app_id", "bigint", "Steam's app id.").of("entry.id"),
)
RUNS_ON = ", ".join(
    f"if(optional.platforms.{field}, '{name}', null)"
    for field, name in (("windows", "windows"), ("mac", "mac"), ("steamos_linux", "linux"))
)
FACTS = _table(
    name="store_facts",
    description="What the US store says about each charted or watched app, once a day.",
    columns=(
        *OF_ITEM,
        _required("in_store", "boolean", "Whether the US store has it; if not, all else but its name is null.").of(
            "coalesce(entry.success = 1, false)"
        ),
        *store_item.about_columns("entry"),
        Column("is_coming_soon", "boolean", "Announced and not released; null if Steam hides the item.").of(
            "if(entry.success = 1, coalesce(entry.is_coming_soon, false), null)"
        ),
        Column("released_at", "timestamp", "When it was or will be released on Steam (UTC); null if unknown.").of(
            moment_of("optional.release.steam_release_date")
        ),
        Column("deck_compatibility", "string", "Steam Deck: unknown, unsupported, playable or verified.").of(
            "if(optional.platforms is null, null, case optional.platforms.steam_deck_compat_category "
            "when 1 then 'unsupported' when 2 then 'playable' when 3 then 'verified' else 'unknown' end)"
        ),
        Column("platforms", "array<string>", "Of windows, mac and linux, those it runs on.").of(
            f"if(optional.platforms is null, null, array_compact(array({RUNS_ON})))"
        ),
        Column("languages", "array<string>", "Steam's names of the languages it supports; null if Steam sent none.").of(
            "transform(filter(optional.supported_languages, one -> one.supported), "
            f"one -> {store_item.language_of('one.elanguage')})"
        ),
        Column("review_count", "bigint", "Reviews that the store's score counts.", "reviews").of(
            "optional.reviews.summary_filtered.review_count"
        ),
        Column("positive_percent", "bigint", "Positive ones of them, rounded by Steam.", "%", bounds=(0, 100)).of(
            "optional.reviews.summary_filtered.percent_positive"
        ),
    ),
    key=("app_id",),
    items=facts,
)
TAGS = _table(
    name="store_tags",
    description="The twenty tags that players gave each app most often, once a day.",
    columns=(
        *OF_ITEM,
        _required("tag_id", "bigint", "Steam's number of the tag.").of("element.tagid"),
        Column("tag", "string", "English name; null if Steam's list does not have it.").of("tag"),
        Column("weight", "bigint", "How often players gave it, in Steam's own measure.", "votes").of("element.weight"),
    ),
    key=("app_id", "tag_id"),
    items=tags,
    asset="clean_tags",
)
BEST = "entry.best_purchase_option"
final_price, original_price, *others = store_item.offer_columns("element", "'US'")
PRICES = _table(
    name="store_prices",
    description="What each app costs in the US store, once a day: one row per package or bundle.",
    columns=(
        *OF_ITEM,
        _required("country", "string", "Two-letter code of the store's country.").of("'US'"),
        _required("offer_kind", "string", "package, or bundle: several packages at once.").of(
            "if(element.bundleid is null, 'package', 'bundle')"
        ),
        _required("offer_id", "bigint", "Steam's number of the package or bundle; 0 if it states none.").of(
            "coalesce(element.bundleid, element.packageid, '0')"
        ),
        Column("offer_name", "string", "Its name.").of("nullif(element.purchase_option_name, '')"),
        _required("is_best", "boolean", "Whether it is the offer that the store shows with the app.").of(
            f"element.packageid <=> {BEST}.packageid and element.bundleid <=> {BEST}.bundleid"
        ),
        final_price,
        original_price,
        Column(
            "lowest_recent_price", "bigint", "Lowest of the last 30 days, where Steam states it.", store_item.HUNDREDTHS
        ).of("element.lowest_recent_price_in_cents"),
        *others,
    ),
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
