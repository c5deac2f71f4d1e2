"""Steam's StoreItem: what the store says about an app, as charts and store facts carry it.

Belongs here: its fields and numbers, and the columns that several sources read from them. Does not belong here:
requests, columns of one source.

Steam omits unset fields: what an item in the store lacks is false, zero or empty; of another item, it is unknown.
Optional fields are parsed separately, so that a change in one loses no row: the field is left out, with a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steam_assets.sources.json_body import moment_of
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OFFER = (
    "final_price_in_cents: string, original_price_in_cents: string, formatted_final_price: string, "
    "discount_pct: {number}, active_discounts: string"
)
ABOUT_FIELDS = (
    "success: bigint, name: string, type: bigint, is_free: boolean, is_early_access: boolean, "
    "basic_info: string, categories: string, content_descriptorids: string"
)
STORE_ITEM = f"struct<{ABOUT_FIELDS}, best_purchase_option: struct<{OFFER.format(number='bigint')}>>"
"""DDL of the fields that charts read from an item."""

ITEM = (
    f"id bigint, {ABOUT_FIELDS}, is_coming_soon boolean, release string, platforms string, reviews string, "
    "supported_languages string"
)
"""DDL of the fields of an item by itself, without its tags and offers."""
_BOUGHT_AS = (
    "struct<packageid: string, bundleid: string, purchase_option_name: string, lowest_recent_price_in_cents: string, "
    f"{OFFER.format(number='string')}>"
)
OFFERED = f"id string, purchase_options array<{_BOUGHT_AS}>, best_purchase_option {_BOUGHT_AS}"
"""DDL of the fields of an item that say what it can be bought as."""

_NAMED = "array<struct<name: string>>"
OPTIONAL = {
    "basic_info": f"struct<developers: {_NAMED}, publishers: {_NAMED}, franchises: {_NAMED}>",
    "categories": "struct<supported_player_categoryids: array<int>, controller_categoryids: array<int>, "
    "feature_categoryids: array<int>>",
    "content_descriptorids": "array<int>",
    "active_discounts": "array<struct<discount_end_date: bigint>>",
    "release": "struct<steam_release_date: bigint>",
    "platforms": "struct<windows: boolean, mac: boolean, steamos_linux: boolean, steam_deck_compat_category: int>",
    "reviews": "struct<summary_filtered: struct<review_count: bigint, percent_positive: int>>",
    "supported_languages": "array<struct<elanguage: int, supported: boolean>>",
}
"""DDL of the optional fields, each of which is the text of a JSON value until ``with_optional`` reads it."""

DETAILS = ("basic_info", "categories", "content_descriptorids")
"""The optional fields that charts and store facts ask for."""


def with_optional(entries: DataFrame, *texts: str) -> DataFrame:
    """``entries`` with ``optional``, a struct of optional fields, and ``left_out``, a note on fields of another shape.

    ``texts`` is SQL of each field's text, which ends in its name; a field is null if it is absent or of another shape.
    """
    from pyspark.sql import functions as F

    fields = {text.rpartition(".")[2]: text for text in texts}
    # All in one call: each call of Spark's parser is compiled, which takes longer than parsing a hundred items.
    sent = [f"""'"{name}":' || if(left({text}, 1) in ('{{', '['), {text}, 'null')""" for name, text in fields.items()]
    ddl = ", ".join(f"{name}: {OPTIONAL[name]}" for name in fields)
    body = f"'{{' || concat_ws(',', {', '.join(sent)}) || '}}'"
    read = f"from_json({body}, 'struct<{ddl}, odd: string>', map('columnNameOfCorruptRecord', 'odd'))"
    lost = [f"if({text} is not null and optional.{name} is null, '`{name}`', null)" for name, text in fields.items()]
    with_names = entries.withColumn("optional", F.expr(read)).withColumn(
        "lost", F.expr(f"concat_ws(', ', {', '.join(lost)})")
    )
    parts = ", ".join(f"if({text} is not null, '`{name}`', null)" for name, text in fields.items())
    part = f"'part of ' || concat_ws(' or ', {parts})"
    note = f"case when lost <> '' then lost when optional.odd is not null then {part} end"
    return with_names.withColumn("left_out", F.expr(f"{note} || ' left out: it has another shape'"))


def with_details(entries: DataFrame, item: str, *more: str) -> DataFrame:
    """``with_optional`` of what every item may have, and of ``more``; ``item`` is SQL of it."""
    return with_optional(entries, *(f"{item}.{name}" for name in (*DETAILS, *more)))


_NONE = "if(optional.odd is null, array(), null)"
"""SQL: an absent list is empty, unless it may have been left out."""


def _names(kind: str) -> str:
    names = f"transform(optional.basic_info.{kind}, one -> nullif(trim(one.name), ''))"
    return f"if(optional.basic_info is null, null, coalesce(filter({names}, name -> name is not null), {_NONE}))"


_LISTED_IDS = ", ".join(
    f"coalesce(optional.categories.{kind}, array())"
    for kind in ("supported_player_categoryids", "controller_categoryids", "feature_categoryids")
)

ENDS_AT = f"array_min(transform(optional.active_discounts, one -> {moment_of('one.discount_end_date')}))"
"""SQL: when the first of an offer's discounts ends; null if none is known."""


def about_columns(item: str) -> tuple[Column, ...]:
    """What the store says about an app, over ``with_details``; ``item`` is SQL of the item."""
    listed = f"filter(concat({_LISTED_IDS}), id -> id is not null)"
    return (
        Column("name", "string", "Name in the store as of collection; null if Steam sent none.").of(
            f"nullif({item}.name, '')"
        ),
        Column("item_type", "string", "game, mod, dlc, software, hardware, or `type N` for Steam's other numbers.").of(
            f"case {item}.type when 0 then 'game' when 2 then 'mod' when 4 then 'dlc' when 6 then 'software' "
            f"when 10 then 'hardware' else 'type ' || {item}.type end"
        ),
        Column("is_free", "boolean", "Free to play as of collection; null if Steam hides the item from the store.").of(
            f"if({item}.success = 1, coalesce({item}.is_free, false), if(notes is null, null, {item}.is_free))"
        ),
        Column("is_early_access", "boolean", "In early access as of collection; null if Steam hides the item.").of(
            f"if({item}.success = 1, coalesce({item}.is_early_access, false), null)"
        ),
        Column("developers", "array<string>", "Developers; null if Steam sent no details.").of(_names("developers")),
        Column("publishers", "array<string>", "Publishers; null if Steam sent no details.").of(_names("publishers")),
        Column("franchises", "array<string>", "Franchises; null if Steam sent no details.").of(_names("franchises")),
        Column(
            "category_ids", "array<int>", "Steam's categories: players (1 multi, 2 single), controller, features."
        ).of(f"if(optional.categories is null, null, {listed})"),
        Column(
            "content_descriptor_ids",
            "array<int>",
            "1 nudity or sexual content, 2 violence or gore, 3 adults only, 4 frequent nudity or sexual content, "
            "5 mature.",
        ).of(
            "coalesce(optional.content_descriptorids, "
            f"if({item}.content_descriptorids is null and {item}.basic_info is not null, array(), null))"
        ),
    )


_OFFER = "entry.item.best_purchase_option"
STORE_COLUMNS = (
    *about_columns("entry.item"),
    Column("final_price_cents", "bigint", "Price as of collection; null if free or not for sale.", "US cents").of(
        f"{_OFFER}.final_price_in_cents"
    ),
    Column("original_price_cents", "bigint", "Price before the discount, if there is one.", "US cents").of(
        f"{_OFFER}.original_price_in_cents"
    ),
    Column("discount_percent", "bigint", "Discount as of collection, if there is one.", "%").of(
        f"{_OFFER}.discount_pct"
    ),
    Column("discount_ends_at", "timestamp", "When the discount ends (UTC), if there is one and Steam states it.").of(
        ENDS_AT
    ),
)
"""What a US chart says about each item, over ``with_store_item``."""


def with_store_item(entries: DataFrame) -> DataFrame:
    """A chart's entries, whose ``item`` is a STORE_ITEM, with what STORE_COLUMNS read; ``left_out`` is a note."""
    return with_details(entries, "entry.item", "best_purchase_option.active_discounts")


HUNDREDTHS = "hundredths of currency"
"""The unit of prices in a country's currency."""

CURRENCIES = (
    "$=USD $USD=USD €=EUR £=GBP CDN$=CAD A$=AUD NZ$=NZD R$=BRL ₩=KRW NT$=TWD HK$=HKD S$=SGD Mex$=MXN ARS$=ARS "
    "CLP$=CLP COL$=COP S/=PEN $U=UYU zł=PLN kr=NOK CHF=CHF TL=TRY ₺=TRY ₴=UAH руб=RUB ₸=KZT ₪=ILS ₹=INR ฿=THB ₫=VND "
    "Rp=IDR RM=MYR P=PHP ₱=PHP R=ZAR SR=SAR AED=AED QR=QAR KD=KWD"
)
"""ISO 4217 codes by the text of a store price without its digits. The country distinguishes yen from yuan."""


def currency_of(price: str, country: str) -> str:
    """SQL: the ISO 4217 code of a price as the store writes it, by SQL of its country; null if its sign is unknown."""
    sign = f"regexp_replace({price}, '[0-9.,\\\\s\\u00a0-]', '')"
    known = f"try_element_at(str_to_map('{CURRENCIES}', ' ', '='), {sign})"
    return f"case when {sign} = '¥' then if({country} = 'CN', 'CNY', 'JPY') else {known} end"


def offer_columns(offer: str, country: str) -> tuple[Column, ...]:
    """What an offer costs in a country's store, over ``with_optional`` of its discounts; the arguments are SQL."""
    return (
        Column("final_price", "bigint", "Price; null if it has none.", HUNDREDTHS).of(f"{offer}.final_price_in_cents"),
        Column("original_price", "bigint", "Price before the discount, if there is one.", HUNDREDTHS).of(
            f"{offer}.original_price_in_cents"
        ),
        Column("currency", "string", "ISO 4217 code of the prices; null if there is none or its sign is unknown.").of(
            currency_of(f"{offer}.formatted_final_price", country)
        ),
        Column("discount_percent", "bigint", "Discount, if there is one.", "%").of(f"{offer}.discount_pct"),
        Column("discount_ends_at", "timestamp", "When the first of its discounts ends (UTC), if Steam states it.").of(
            ENDS_AT
        ),
    )


LANGUAGES = (
    *("english", "german", "french", "italian", "koreana", "spanish", "schinese", "tchinese", "russian", "thai"),
    *("japanese", "portuguese", "polish", "danish", "dutch", "finnish", "norwegian", "swedish", "hungarian", "czech"),
    *("romanian", "turkish", "brazilian", "bulgarian", "greek", "arabic", "ukrainian", "latam", "vietnamese"),
    *("sc_schinese", "indonesian"),
)
"""Steam's names of languages, by its numbers."""


def language_of(number: str) -> str:
    """SQL: Steam's name of a language, by SQL of its number; ``language N`` for one that is not known."""
    listed = ", ".join(f"'{language}'" for language in LANGUAGES)
    return f"coalesce(try_element_at(array({listed}), 1 + {number}), 'language ' || {number})"
