"""Steam's StoreItem: what the store says about an app, as charts and store facts carry it.

Belongs here: its fields, the numbers and signs that Steam uses in them, and how its optional fields are parsed. Does
not belong here: the columns that are read from it (store_columns.py), requests.

Optional fields are parsed separately, so that a change in one loses no row: the field is left out, with a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
CHARTED_ITEM = f"struct<{ABOUT_FIELDS}, best_purchase_option: struct<{OFFER.format(number='bigint')}>>"
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

TAGGED = "id string, tags array<struct<tagid: string, weight: string>>"
"""DDL of the fields of an item that say how players tagged it."""

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
"""The optional fields of every item."""

FURTHER_DETAILS = ("release", "platforms", "reviews", "supported_languages")
"""Those that an item has only if it is requested by itself."""


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


def with_item(entries: DataFrame, item: str, *more: str) -> DataFrame:
    """``entries`` with ``store``, the item, and ``with_optional`` of its details and of ``more``.

    ``item`` is SQL; ``more`` are SQL of further fields within it.
    """
    found = entries.selectExpr("*", f"{item} AS store")
    return with_optional(found, *(f"store.{field}" for field in (*DETAILS, *more)))


def with_charted_item(entries: DataFrame) -> DataFrame:
    """``with_item`` of a chart's entries, whose ``item`` is a CHARTED_ITEM, and ``offer``, its best offer."""
    found = with_item(entries, "entry.item", "best_purchase_option.active_discounts")
    return found.selectExpr("*", "store.best_purchase_option AS offer")


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
    return f"coalesce(get(array({listed}), {number}), 'language ' || {number})"
