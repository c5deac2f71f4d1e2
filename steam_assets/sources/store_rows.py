"""The rows built from a store item in separate tables: its facts, tags and purchase options.

Belongs here: the columns of those tables, and how they are read from items. Does not belong here: the part of an item
that charts contain (store_item.py), requests (store_facts.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from steam_assets.sources.json_body import moment_of, within
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Column
from steam_assets.sources.store_item import (
    ABOUT_COLUMNS,
    ABOUT_FIELDS,
    ENDS_AT,
    OFFER,
    about_values,
    currency_of,
    details_of,
    with_optional,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LANGUAGES = (
    *("english", "german", "french", "italian", "koreana", "spanish", "schinese", "tchinese", "russian", "thai"),
    *("japanese", "portuguese", "polish", "danish", "dutch", "finnish", "norwegian", "swedish", "hungarian", "czech"),
    *("romanian", "turkish", "brazilian", "bulgarian", "greek", "arabic", "ukrainian", "latam", "vietnamese"),
    *("sc_schinese", "indonesian"),
)
"""Steam's names of languages, by its numbers."""

_OF_ITEM = (
    Column("day", "date", "Day (UTC) of collection.", nullable=False),
    Column("app_id", "bigint", "Steam's app id.", nullable=False),
)
_ITEM_VALUES = {"day": "to_date(partition_key)", "app_id": "entry.id"}

FACT_FIELDS = (
    f"id bigint, {ABOUT_FIELDS}, is_coming_soon boolean, release string, platforms string, reviews string, "
    "supported_languages string"
)
"""DDL of the fields of an item that store facts ask for, without its tags and offers."""
FACT_COLUMNS = (
    *_OF_ITEM,
    Column("in_store", "boolean", "Whether the US store has it; if not, all else but its name is null.", "", False),
    *ABOUT_COLUMNS,
    Column("is_coming_soon", "boolean", "Announced and not released; null if Steam hides the item."),
    Column("released_at", "timestamp", "When it was or will be released on Steam (UTC); null if unknown."),
    Column("deck_compatibility", "string", "Steam Deck: unknown, unsupported, playable or verified."),
    Column("platforms", "array<string>", "Of windows, mac and linux, those it runs on."),
    Column("languages", "array<string>", "Steam's names of the languages it supports; null if Steam sent none."),
    Column("review_count", "bigint", "Reviews that the store's score counts.", "reviews"),
    Column("positive_percent", "bigint", "Positive ones of them, rounded by Steam.", "%", bounds=(0, 100)),
)
_RUNS_ON = ", ".join(
    f"if(optional.platforms.{field}, '{name}', null)"
    for field, name in (("windows", "windows"), ("mac", "mac"), ("steamos_linux", "linux"))
)
_DECK = "coalesce(optional.platforms.steam_deck_compat_category, 0)"
_LISTED = ", ".join(f"'{language}'" for language in LANGUAGES)
FACT_VALUES = {
    **_ITEM_VALUES,
    **about_values("entry"),
    "in_store": "coalesce(entry.success = 1, false)",
    "is_coming_soon": "if(entry.success = 1, coalesce(entry.is_coming_soon, false), null)",
    "released_at": moment_of("optional.release.steam_release_date"),
    "deck_compatibility": f"if(optional.platforms is null, null, case {_DECK} when 1 then 'unsupported' "
    "when 2 then 'playable' when 3 then 'verified' else 'unknown' end)",
    "platforms": f"if(optional.platforms is null, null, array_compact(array({_RUNS_ON})))",
    "languages": "transform(filter(optional.supported_languages, one -> one.supported), "
    f"one -> coalesce(try_element_at(array({_LISTED}), 1 + one.elanguage), 'language ' || one.elanguage))",
    "review_count": "optional.reviews.summary_filtered.review_count",
    "positive_percent": "optional.reviews.summary_filtered.percent_positive",
}
"""SQL of FACT_COLUMNS over ``with_facts``."""


def with_facts(entries: DataFrame) -> DataFrame:
    """Entries that are items with FACT_FIELDS, with what FACT_VALUES reads; ``left_out`` is a note."""
    more = ("release", "platforms", "reviews", "supported_languages")
    return with_optional(entries, *details_of("entry"), *(f"entry.{name}" for name in more))


class Tagged(BaseModel):
    """The shape of an item's tags."""

    tags: list[dict[str, object] | None] | None = None


TAGGED_FIELDS = "id string, tags array<struct<tagid: string, weight: string>>"
"""DDL of a ``Tagged`` item."""
TAG_COLUMNS = (
    *_OF_ITEM,
    Column("tag_id", "bigint", "Steam's number of the tag.", nullable=False),
    Column("tag", "string", "English name; null if Steam's list does not have it."),
    Column("weight", "bigint", "How often players gave it, in Steam's own measure.", "votes"),
)
TAG_VALUES = _ITEM_VALUES | {"tag_id": "element.tagid", "tag": "tag", "weight": "element.weight"}
"""SQL of TAG_COLUMNS over ``with_tags``."""


def with_tags(entries: DataFrame, listed: DataFrame) -> DataFrame:
    """One row per tag of entries that are items with TAGGED_FIELDS, named as in the newest list of the partition.

    ``listed`` has the tags of the store: entries with ``tagid`` and ``name``.
    """
    from pyspark.sql import functions as F

    newest = F.max_by("entry.name", F.struct("fetched_at", "sequence")).alias("tag")
    names = listed.where("entry.name <> ''").groupBy("partition_key", F.col("entry.tagid").alias("tagid")).agg(newest)
    given = within(entries, "entry.tags").withColumn("tagid", F.expr(whole("element.tagid")))
    return given.join(names, ["partition_key", "tagid"], "left")


class Priced(BaseModel):
    """The shape of an item's purchase options; without that list, its best offer."""

    purchase_options: list[dict[str, object] | None] | None = None
    best_purchase_option: dict[str, object] | None = None

    def offers(self) -> list[dict[str, object] | None]:
        return self.purchase_options or [self.best_purchase_option][: self.best_purchase_option is not None]


_BOUGHT_AS = (
    "struct<packageid: string, bundleid: string, purchase_option_name: string, lowest_recent_price_in_cents: string, "
    f"{OFFER.format(number='string')}>"
)
PRICED_FIELDS = f"id string, purchase_options array<{_BOUGHT_AS}>, best_purchase_option {_BOUGHT_AS}"
"""DDL of a ``Priced`` item."""
OFFER_COLUMNS = (
    *_OF_ITEM,
    Column("country", "string", "Two-letter code of the store's country.", nullable=False),
    Column("offer_kind", "string", "package, or bundle: several packages at once.", nullable=False),
    Column("offer_id", "bigint", "Steam's number of the package or bundle; 0 if it states none.", nullable=False),
    Column("offer_name", "string", "Its name."),
    Column("is_best", "boolean", "Whether it is the offer that the store shows with the app.", nullable=False),
    Column("final_price", "bigint", "Price; null if it has none.", "hundredths of currency"),
    Column("original_price", "bigint", "Price before the discount, if there is one.", "hundredths of currency"),
    Column(
        "lowest_recent_price", "bigint", "Lowest of the last 30 days, where Steam states it.", "hundredths of currency"
    ),
    Column("currency", "string", "ISO 4217 code of the prices; null if there is none or its sign is unknown."),
    Column("discount_percent", "bigint", "Discount, if there is one.", "%"),
    Column("discount_ends_at", "timestamp", "When the first of its discounts ends (UTC), if Steam states it."),
)
_BEST = "entry.best_purchase_option"


def offer_values(country: str) -> dict[str, str]:
    """SQL of OFFER_COLUMNS over ``with_offers`` of a country's store."""
    return _ITEM_VALUES | {
        "country": f"'{country}'",
        "offer_kind": "if(element.bundleid is null, 'package', 'bundle')",
        "offer_id": "coalesce(element.bundleid, element.packageid, '0')",
        "offer_name": "nullif(element.purchase_option_name, '')",
        "is_best": f"element.packageid <=> {_BEST}.packageid and element.bundleid <=> {_BEST}.bundleid",
        "final_price": "element.final_price_in_cents",
        "original_price": "element.original_price_in_cents",
        "lowest_recent_price": "element.lowest_recent_price_in_cents",
        "currency": currency_of("element.formatted_final_price", f"'{country}'"),
        "discount_percent": "element.discount_pct",
        "discount_ends_at": ENDS_AT,
    }


def with_offers(entries: DataFrame) -> DataFrame:
    """One row per offer of entries that are items with PRICED_FIELDS, with what ``offer_values`` reads."""
    best = f"if({_BEST} is null, array(), array({_BEST}))"
    listed = within(entries, f"if(size(entry.purchase_options) > 0, entry.purchase_options, {best})")
    return with_optional(listed, "element.active_discounts")
