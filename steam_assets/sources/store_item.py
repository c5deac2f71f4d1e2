"""Steam's StoreItem: what the store says about an app, as charts and store facts carry it.

Belongs here: its fields, and the columns read from them. Does not belong here: requests, tables of one source.

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


def details_of(item: str) -> list[str]:
    """SQL of the optional fields of an item, without its offer's."""
    return [f"{item}.{name}" for name in ("basic_info", "categories", "content_descriptorids")]


def about_values(item: str) -> dict[str, str]:
    """SQL of ABOUT_COLUMNS, over ``with_optional`` of the item's details; ``item`` is SQL of it."""
    return {
        "name": f"nullif({item}.name, '')",
        "item_type": f"case {item}.type when 0 then 'game' when 2 then 'mod' when 4 then 'dlc' when 6 then 'software' "
        f"when 10 then 'hardware' else 'type ' || {item}.type end",
        "is_free": f"if({item}.success = 1, coalesce({item}.is_free, false), if(notes is null, null, {item}.is_free))",
        "is_early_access": f"if({item}.success = 1, coalesce({item}.is_early_access, false), null)",
        "developers": _names("developers"),
        "publishers": _names("publishers"),
        "franchises": _names("franchises"),
        "category_ids": f"if(optional.categories is null, null, filter(concat({_LISTED_IDS}), id -> id is not null))",
        "content_descriptor_ids": "coalesce(optional.content_descriptorids, "
        f"if({item}.content_descriptorids is null and {item}.basic_info is not null, array(), null))",
    }


ABOUT_COLUMNS = (
    Column("name", "string", "Name in the store as of collection; null if Steam sent none."),
    Column("item_type", "string", "game, mod, dlc, software, hardware, or `type N` for Steam's other numbers."),
    Column("is_free", "boolean", "Free to play as of collection; null if Steam hides the item from the store."),
    Column("is_early_access", "boolean", "In early access as of collection; null if Steam hides the item."),
    Column("developers", "array<string>", "Developers; null if Steam sent no details."),
    Column("publishers", "array<string>", "Publishers; null if Steam sent no details."),
    Column("franchises", "array<string>", "Franchises; null if Steam sent no details."),
    Column("category_ids", "array<int>", "Steam's categories: players (1 multi, 2 single), controller, features."),
    Column(
        "content_descriptor_ids",
        "array<int>",
        "1 nudity or sexual content, 2 violence or gore, 3 adults only, 4 frequent nudity or sexual content, 5 mature.",
    ),
)
STORE_COLUMNS = (
    *ABOUT_COLUMNS,
    Column("final_price_cents", "bigint", "Price as of collection; null if free or not for sale.", "US cents"),
    Column("original_price_cents", "bigint", "Price before the discount, if there is one.", "US cents"),
    Column("discount_percent", "bigint", "Discount as of collection, if there is one.", "%"),
    Column("discount_ends_at", "timestamp", "When the discount ends (UTC), if there is one and Steam states it."),
)
_OFFER = "entry.item.best_purchase_option"
STORE_VALUES = {
    **about_values("entry.item"),
    "final_price_cents": f"{_OFFER}.final_price_in_cents",
    "original_price_cents": f"{_OFFER}.original_price_in_cents",
    "discount_percent": f"{_OFFER}.discount_pct",
    "discount_ends_at": ENDS_AT,
}
"""SQL of STORE_COLUMNS over ``with_store_item``."""


def with_store_item(entries: DataFrame) -> DataFrame:
    """A chart's entries, whose ``item`` is a STORE_ITEM, with what STORE_VALUES reads; ``left_out`` is a note."""
    return with_optional(entries, *details_of("entry.item"), f"{_OFFER}.active_discounts")


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
