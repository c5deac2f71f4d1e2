"""The clean tables of reviews: one row per review, and one per count of votes.

Belongs here: their columns and how they are read from envelopes. Does not belong here: requests, paging (reviews.py).

A reviewer's id becomes SHA-256(key, SHA-256(key:id)), which cannot be computed without the deployment's key, nor
extended. In quarantine, reviewers' ids, names and URLs are removed; raw still holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steam_assets.sources.json_body import WINDOW_START, exploded, moment_of, shaped
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Column, Sensitivity, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FIRST_PAGE = "first_page"
PAGE = "page"
WEEK_FILTERED = "summary_week_filtered"
LIFETIME_ALL = "summary_lifetime_all"
LIFETIME_FILTERED = "summary_lifetime_filtered"

FRESH_HEADER = "fresh-reviews"
"""Header of a page's envelope: how many of its reviews are new compared with earlier pages, if not all are."""

REVIEW = (
    "recommendationid string, author struct<steamid: string, playtime_at_review: double, playtime_forever: double>, "
    "language string, review string, timestamp_created bigint, timestamp_updated bigint, voted_up boolean, "
    "votes_up double, votes_funny double, weighted_vote_score string, comment_count double, steam_purchase boolean, "
    "received_for_free boolean, written_during_early_access boolean, developer_response string, "
    "primarily_steam_deck boolean, refunded boolean"
)
COUNTS = (
    "struct<num_reviews: string, total_reviews: string, total_positive: string, total_negative: string, "
    "review_score: string, review_score_desc: string>"
)
PERSONAL = r'"(steamid|personaname|profile_url|avatar)"\s*+:\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,}\s]++)'


def reviews(raw: DataFrame) -> DataFrame:
    """One row per review, from responses in either format."""
    from pyspark.sql import functions as F

    entries = exploded(
        raw.where(F.col("problem").isNotNull() | F.col("request").isin(FIRST_PAGE, PAGE)),
        shape="response struct<reviews: array<{item}>>, reviews array<{item}>",
        array="coalesce({whole}.response.reviews, {whole}.reviews)",
        item=REVIEW,
        keep={"absent_is_zero": "{whole}.response is not null"},
    )
    if "hash_key" not in entries.columns:
        entries = entries.withColumn("hash_key", F.lit(None).cast("string"))
    rows = shaped(entries, REVIEWS)
    return rows.withColumn("item", F.regexp_replace("item", PERSONAL, '"$1":"withheld"'))


def summaries(raw: DataFrame) -> DataFrame:
    """One row per count: the week's, from the first page of its reviews, and the three fetched separately."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window as Over

    # The header may be another producer's.
    fresh, listed = f"try_cast(headers['{FRESH_HEADER}'] as bigint)", "items['reviews']"
    answers = raw.withColumns(
        {
            "body": F.when(F.col("request") == PAGE, "{}").otherwise(F.col("body")),
            "listed": F.when(
                F.col("request").isin(FIRST_PAGE, PAGE),
                F.expr(f"if({fresh} between 0 and {listed}, {fresh}, {listed})"),
            ),
        }
    )
    entries = exploded(
        answers,
        shape=f"response struct<query_summary: {COUNTS}>, query_summary {COUNTS}",
        array="array(coalesce({whole}.response.query_summary, {whole}.query_summary))",
        carry=("listed",),
    )
    of_app = Over.partitionBy("partition_key", "batch_id", "app_id")
    entries = entries.withColumn("listed", F.sum("listed").over(of_app)).where(F.col("request") != PAGE)
    return shaped(entries, SUMMARIES)


COUNTED = ("votes_up", "votes_funny", "comment_count")
FLAGS = (
    *("voted_up", "steam_purchase", "received_for_free", "written_during_early_access"),
    *("primarily_steam_deck", "refunded"),
)
_ZEROS = dict.fromkeys(COUNTED, "0D") | dict.fromkeys(FLAGS, "false")


def _or_zero(column: Column) -> Column:
    """The column of a field that the current service omits if it is 0 or false.

    In an import, or in a response in the older format, a missing field is unknown.
    """
    zero = _ZEROS[column.name]
    return column.of(f"coalesce({column.value}, if(notes is null and absent_is_zero, {zero}, null))")


WEEK_START = Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False).of(
    "to_date(partition_key)"
)
APP_ID = Column("app_id", "bigint", "The reviewed app.", nullable=False).of("app_id")

REVIEWS = Table(
    name="reviews",
    description="Reviews written in the week, in every language, as of collection.",
    columns=(
        WEEK_START,
        APP_ID,
        Column("recommendation_id", "string", "Steam's review id.", nullable=False, sensitivity=Sensitivity.PERSON).of(
            "entry.recommendationid"
        ),
        Column(
            "author_key",
            "string",
            "Keyed hash of the reviewer's id; null without a key.",
            sensitivity=Sensitivity.PERSON,
        ).of("sha2(hash_key || sha2(hash_key || ':' || entry.author.steamid, 256), 256)"),
        Column("language", "string", "Steam's name of the review's language."),
        Column("text", "string", "The review as Steam sent it, markup included.", sensitivity=Sensitivity.TEXT).of(
            "entry.review"
        ),
        Column("created_at", "timestamp", "When it was written (UTC).", nullable=False).of(
            moment_of("entry.timestamp_created")
        ),
        Column("updated_at", "timestamp", "When it was last edited (UTC).", nullable=False).of(
            moment_of("entry.timestamp_updated")
        ),
        _or_zero(Column("voted_up", "boolean", "Recommends the app.", nullable=False)),
        _or_zero(Column("votes_up", "bigint", "Readers who found it helpful.", "votes")),
        _or_zero(Column("votes_funny", "bigint", "Readers who found it funny.", "votes")),
        Column(
            "weighted_vote_score", "double", "Steam's helpfulness score, 0 to 1; 0 or 0.5 without votes.", bounds=(0, 1)
        ),
        _or_zero(Column("comment_count", "bigint", "Comments on it.", "comments")),
        _or_zero(Column("steam_purchase", "boolean", "The app was bought on Steam.")),
        _or_zero(Column("received_for_free", "boolean", "The reviewer states that they received the app for free.")),
        _or_zero(Column("written_during_early_access", "boolean", "Written while the app was in early access.")),
        Column("playtime_at_review_minutes", "bigint", "Time played when it was written.", "minutes").of(
            "entry.author.playtime_at_review"
        ),
        Column("playtime_forever_minutes", "bigint", "Time played when it was fetched.", "minutes").of(
            "entry.author.playtime_forever"
        ),
        Column(
            "edited_after_week",
            "boolean",
            "Edited after the week's end, so it may differ from that week's version.",
            nullable=False,
        ).of(f"entry.timestamp_updated >= {WINDOW_START} + 604800"),
        Column("developer_response", "string", "The developer's response, if any.", sensitivity=Sensitivity.TEXT),
        _or_zero(Column("primarily_steam_deck", "boolean", "Played mostly on a Steam Deck.")),
        _or_zero(Column("refunded", "boolean", "The purchase was refunded.")),
    ),
    key=("recommendation_id",),
    items=reviews,
    pseudonymous=True,
    rules={
        "app_id_positive": "app_id > 0",
        "recommendation_id_is_a_number": "recommendation_id rlike '^[0-9]{1,20}$'",
        "written_in_the_week": "created_at >= week_start and created_at < week_start + interval 7 days",
        "not_edited_before_written": "updated_at >= created_at",
        # Clocks differ, but not by a day.
        "not_edited_after_collection": "updated_at <= fetched_at + interval 1 day",
    },
)

TOTAL = f"if({whole('entry.num_reviews')} > 0, entry.total_reviews, coalesce(entry.total_reviews, '0'))"
"""SQL: Steam omits zeros; only a response that lists reviews but does not count them is invalid."""

SUMMARIES = Table(
    name="review_summary",
    description="How players voted on the week's top sellers, counted by Steam over all reviews, not over a sample.",
    columns=(
        WEEK_START,
        APP_ID,
        Column("scope", "string", "week: written in the week; lifetime: written up to its end.", nullable=False).of(
            "if(request like '%lifetime%', 'lifetime', 'week')"
        ),
        Column(
            "off_topic_included",
            "boolean",
            "Whether reviews that Steam marks as off-topic are counted.",
            nullable=False,
        ).of("request not like '%filtered'"),
        Column("total_reviews", "bigint", "All reviews.", "reviews", nullable=False).of(TOTAL),
        Column("total_positive", "bigint", "Those that recommend the app.", "reviews", nullable=False).of(
            "coalesce(entry.total_positive, '0')"
        ),
        Column("total_negative", "bigint", "Those that do not.", "reviews", nullable=False).of(
            "coalesce(entry.total_negative, '0')"
        ),
        Column("review_score", "int", "Steam's grade, 0 (too few reviews) to 9."),
        Column("review_score_desc", "string", "The grade in Steam's words."),
        Column(
            "reviews_listed",
            "bigint",
            "Distinct reviews fetched; only in the row of all the week's reviews.",
            "reviews",
        ).of(f"if(request = '{FIRST_PAGE}', listed, null)"),
        Column(
            "complete",
            "boolean",
            "Whether all the week's reviews were fetched, not cut short by the page budget or Steam; same row only.",
        ).of(f"if(request = '{FIRST_PAGE}', listed >= {whole(TOTAL)} - 2, null)"),
    ),
    key=("app_id", "scope", "off_topic_included"),
    items=summaries,
    rules={
        "app_id_positive": "app_id > 0",
        "parts_make_the_whole": "total_positive + total_negative = total_reviews",
        "score_from_0_to_9": "review_score between 0 and 9",
    },
    asset="clean_summary",
)
