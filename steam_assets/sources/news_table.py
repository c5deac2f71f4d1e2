"""The clean table of news: one row per article and app it was found under.

Belongs here: its columns and how they are read from envelopes. Does not belong here: requests and paging (news.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steam_assets.sources.json_body import WINDOW_START, exploded, moment_of, shaped
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Column, Sensitivity, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

    from steam_assets.sources.markup import Strings


READ = "text string, cut boolean, links array<string>, images array<string>"


def items(raw: DataFrame) -> DataFrame:
    """One row per item of the week."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window as Over

    from steam_assets.sources.markup import CUT, NO_WEB_ADDRESS, plain_texts, web_addresses

    entries = exploded(
        raw,
        shape="appnews struct<appid: string, newsitems: array<{item}>>",
        array="{whole}.appnews.newsitems",
        item="gid string, title string, url string, is_external_url boolean, author string, contents string, "
        "feedlabel string, date bigint, feedname string, feed_type bigint, appid bigint, tags array<string>",
        keep={"asked_app_id": f"coalesce(app_id, {whole('{whole}.appnews.appid')})"},
    ).where(f"entry.date is null or (entry.date >= {WINDOW_START} and entry.date < {WINDOW_START} + 604800)")
    texts, addresses = _arrow_udf(plain_texts, READ), _arrow_udf(web_addresses, "string")
    readable = entries.withColumns({"plain": texts("entry.contents"), "address": addresses("entry.url")})
    notes = f"if(plain.cut, '{CUT}', null), if(entry.url is not null and address is null, '{NO_WEB_ADDRESS}', null)"
    rows = shaped(readable, NEWS, changes=notes)
    of_article = Over.partitionBy("partition_key", "gid")
    candidate = F.when(F.col("problem").isNull(), F.struct(F.expr("not (app_id <=> filed_app_id)"), "app_id"))
    return rows.withColumn(
        "is_primary", F.coalesce(F.min(candidate).over(of_article)["app_id"] == F.col("app_id"), F.lit(False))
    )


def _arrow_udf(
    read: Callable[[Strings], pa.Array[pa.Scalar[pa.DataType]]], returns: str
) -> Callable[[str], SparkColumn]:
    from pyspark.sql import functions as F

    # Spark takes the kind of UDF from the function's annotations; its types do not know that yet.
    return F.arrow_udf(read, returns)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType, reportUnknownVariableType]


NEWS = Table(
    name="news",
    description="News about the week's top sellers: one row per article and app it was found under.",
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False).of(
            "to_date(partition_key)"
        ),
        Column("app_id", "bigint", "The app it was fetched for.", nullable=False).of("asked_app_id"),
        Column("gid", "string", "Steam's article id.", nullable=False),
        Column("title", "string", "Headline.", nullable=False),
        Column("url", "string", "URL, percent-encoded; null if it is not a web address.").of("address"),
        Column("is_external_url", "boolean", "As sent by Steam; true also for Steam's own announcements."),
        Column("author", "string", "Author as named by the feed, if any.", sensitivity=Sensitivity.PERSON).of(
            "nullif(entry.author, '')"
        ),
        Column(
            "text",
            "string",
            "The full text without markup (docs/reference/markup.md).",
            sensitivity=Sensitivity.TEXT,
        ).of("plain.text"),
        Column("links", "array<string>", "Absolute URLs that the text links to, in order, without duplicates.").of(
            "plain.links"
        ),
        Column("images", "array<string>", "Absolute URLs of the text's images, in order, without duplicates.").of(
            "plain.images"
        ),
        Column("feed_name", "string", "The feed's name; `steam_community_announcements` is the makers' own.").of(
            "entry.feedname"
        ),
        Column("feed_label", "string", "The feed's display name.").of("entry.feedlabel"),
        Column("feed_type", "bigint", "1 for a community announcement, 0 for another feed."),
        Column("published_at", "timestamp", "When it was published (UTC).", nullable=False).of(moment_of("entry.date")),
        Column("filed_app_id", "bigint", "The app Steam files the article under; may differ from app_id.").of(
            "entry.appid"
        ),
        Column("tags", "array<string>", "Steam's tags, such as patchnotes.", nullable=False).of(
            "coalesce(entry.tags, array())"
        ),
        Column(
            "is_primary",
            "boolean",
            "True in one row per article: its own app's, else the lowest app_id's.",
            nullable=False,
        ).of("false"),
    ),
    key=("app_id", "gid"),
    items=items,
    rules={"app_id_positive": "app_id > 0", "gid_is_a_number": "gid rlike '^[0-9]{1,20}$'"},
)
