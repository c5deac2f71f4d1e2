"""The columns that sources read from Steam's StoreItem.

Belongs here: every column whose value is in an item, an offer or a tag of the store. Does not belong here: how they are
written and parsed (store_item.py), which table has which of them (the source files).

Their values are SQL over ``store`` and ``optional`` (``with_item``), ``offer``, one of its offers, ``country``, the
two-letter code of the offer's store, and ``element``, one of its tags. Steam omits unset fields: what an item in the
store lacks is false, zero or empty; of another item, it is unknown.
"""

from __future__ import annotations

from functools import partial

from steam_assets.sources.json_body import moment_of
from steam_assets.sources.source import Column
from steam_assets.sources.store_item import currency_of, language_of

HUNDREDTHS = "hundredths of currency"
"""The unit of prices in a country's currency."""

_required = partial(Column, nullable=False)
_NONE = "if(optional.odd is null, array(), null)"
"""SQL: an absent list is empty, unless it may have been left out."""


def _names(kind: str) -> str:
    names = f"transform(optional.basic_info.{kind}, one -> nullif(trim(one.name), ''))"
    return f"if(optional.basic_info is null, null, coalesce(filter({names}, name -> name is not null), {_NONE}))"


_LISTED_IDS = ", ".join(
    f"coalesce(optional.categories.{kind}, array())"
    for kind in ("supported_player_categoryids", "controller_categoryids", "feature_categoryids")
)
_ENDS_AT = f"array_min(transform(optional.active_discounts, one -> {moment_of('one.discount_end_date')}))"
"""SQL: when the first of an offer's discounts ends; null if none is known."""

DAY = _required("day", "date", "Day (UTC) of collection.").of("to_date(partition_key)")
_APP_ID = _required("app_id", "bigint", "Steam's app id.").of("store.id")

ABOUT = (
    Column("name", "string", "Name in the store as of collection; null if Steam sent none.").of(
        "nullif(store.name, '')"
    ),
    Column("item_type", "string", "game, mod, dlc, software, hardware, or `type N` for Steam's other numbers.").of(
        "case store.type when 0 then 'game' when 2 then 'mod' when 4 then 'dlc' when 6 then 'software' "
        "when 10 then 'hardware' else 'type ' || store.type end"
    ),
    Column("is_free", "boolean", "Free to play as of collection; null if Steam hides the item from the store.").of(
        "if(store.success = 1, coalesce(store.is_free, false), if(notes is null, null, store.is_free))"
    ),
    Column("is_early_access", "boolean", "In early access as of collection; null if Steam hides the item.").of(
        "if(store.success = 1, coalesce(store.is_early_access, false), null)"
    ),
    Column("developers", "array<string>", "Developers; null if Steam sent no details.").of(_names("developers")),
    Column("publishers", "array<string>", "Publishers; null if Steam sent no details.").of(_names("publishers")),
    Column("franchises", "array<string>", "Franchises; null if Steam sent no details.").of(_names("franchises")),
    Column("category_ids", "array<int>", "Steam's categories: players (1 multi, 2 single), controller, features.").of(
        f"if(optional.categories is null, null, filter(concat({_LISTED_IDS}), id -> id is not null))"
    ),
    Column(
        "content_descriptor_ids",
        "array<int>",
        "1 nudity or sexual content, 2 violence or gore, 3 adults only, 4 frequent nudity or sexual content, 5 mature.",
    ).of(
        "coalesce(optional.content_descriptorids, "
        "if(store.content_descriptorids is null and store.basic_info is not null, array(), null))"
    ),
)
"""What any response says about an item."""

IN_CHART = (
    *ABOUT,
    Column("final_price_cents", "bigint", "Price as of collection; null if free or not for sale.", "US cents").of(
        "offer.final_price_in_cents"
    ),
    Column("original_price_cents", "bigint", "Price before the discount, if there is one.", "US cents").of(
        "offer.original_price_in_cents"
    ),
    Column("discount_percent", "bigint", "Discount as of collection, if there is one.", "%").of("offer.discount_pct"),
    Column("discount_ends_at", "timestamp", "When the discount ends (UTC), if there is one and Steam states it.").of(
        _ENDS_AT
    ),
)
"""What a chart in the US says about each item, over ``with_charted_item``."""

_RUNS_ON = ", ".join(
    f"if(optional.platforms.{field}, '{name}', null)"
    for field, name in (("windows", "windows"), ("mac", "mac"), ("steamos_linux", "linux"))
)
IN_FULL = (
    _APP_ID,
    _required("in_store", "boolean", "Whether the US store has it; if not, all else but its name is null.").of(
        "coalesce(store.success = 1, false)"
    ),
    *ABOUT,
    Column("is_coming_soon", "boolean", "Announced and not released; null if Steam hides the item.").of(
        "if(store.success = 1, coalesce(store.is_coming_soon, false), null)"
    ),
    Column("released_at", "timestamp", "When it was or will be released on Steam (UTC); null if unknown.").of(
        moment_of("optional.release.steam_release_date")
    ),
    Column("deck_compatibility", "string", "Steam Deck: unknown, unsupported, playable or verified.").of(
        "if(optional.platforms is null, null, case optional.platforms.steam_deck_compat_category "
        "when 1 then 'unsupported' when 2 then 'playable' when 3 then 'verified' else 'unknown' end)"
    ),
    Column("platforms", "array<string>", "Of windows, mac and linux, those it runs on.").of(
        f"if(optional.platforms is null, null, array_compact(array({_RUNS_ON})))"
    ),
    Column("languages", "array<string>", "Steam's names of the languages it supports; null if Steam sent none.").of(
        f"transform(filter(optional.supported_languages, one -> one.supported), one -> {language_of('one.elanguage')})"
    ),
    Column("review_count", "bigint", "Reviews that the store's score counts.", "reviews").of(
        "optional.reviews.summary_filtered.review_count"
    ),
    Column("positive_percent", "bigint", "Positive ones of them, rounded by Steam.", "%", bounds=(0, 100)).of(
        "optional.reviews.summary_filtered.percent_positive"
    ),
)
"""What the store says about an item that is requested by itself, with FURTHER_DETAILS."""

OFFER = (
    _APP_ID,
    _required("country", "string", "Two-letter code of the store's country.").of("country"),
    _required("offer_kind", "string", "package, or bundle: several packages at once.").of(
        "if(offer.bundleid is null, 'package', 'bundle')"
    ),
    _required("offer_id", "bigint", "Steam's number of the package or bundle; 0 if it states none.").of(
        "coalesce(offer.bundleid, offer.packageid, '0')"
    ),
    Column("offer_name", "string", "Its name.").of("nullif(offer.purchase_option_name, '')"),
    _required("is_best", "boolean", "Whether it is the offer that the store shows with the app.").of(
        "offer.packageid <=> store.best_purchase_option.packageid "
        "and offer.bundleid <=> store.best_purchase_option.bundleid"
    ),
    Column("final_price", "bigint", "Price; null if it has none.", HUNDREDTHS).of("offer.final_price_in_cents"),
    Column("original_price", "bigint", "Price before the discount, if there is one.", HUNDREDTHS).of(
        "offer.original_price_in_cents"
    ),
    Column("lowest_recent_price", "bigint", "Lowest of the last 30 days, where Steam states it.", HUNDREDTHS).of(
        "offer.lowest_recent_price_in_cents"
    ),
    Column("currency", "string", "ISO 4217 code of the prices; null if there is none or its sign is unknown.").of(
        currency_of("offer.formatted_final_price", "country")
    ),
    Column("discount_percent", "bigint", "Discount, if there is one.", "%").of("offer.discount_pct"),
    Column("discount_ends_at", "timestamp", "When the first of its discounts ends (UTC), if Steam states it.").of(
        _ENDS_AT
    ),
)
"""What an item can be bought as, with prices in the currency of the country's store."""

TAG = (
    _APP_ID,
    _required("tag_id", "bigint", "Steam's number of the tag.").of("element.tagid"),
    Column("tag", "string", "English name; null if Steam's list does not have it.").of("tag"),
    Column("weight", "bigint", "How often players gave it, in Steam's own measure.", "votes").of("element.weight"),
)
"""A tag that players gave an item, with its name, ``tag``."""
