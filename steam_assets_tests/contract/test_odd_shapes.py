"""Shapes of other years and producers: plain ones are parsed, odd ones are kept with a note, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from answered import envelopes, raw_frame
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from test_counts_agree import GOOD, NEWS_ITEM, PLACE, REVIEW, WEEK, others_of

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.readers import flag, fraction, whole, whole_of
from steam_assets.sources.source import Table
from steam_assets.spark.cleaning import classify
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark

COUNTS = [(s.name, t, c.name) for s in SOURCES for t in s.tables for c in t.columns if c.unit and c.type == "bigint"]
BELOW_ZERO = (2**32 - 1, 2**32 - 3, "4294967295", 2**64 - 1, "18446744073709551615", -1, "-1", -(2**63), 4294967295.0)


def table_of(source_name: str, table_name: str) -> Table:
    return next(table for table in source_named(source_name).tables if table.name == table_name)


def classified(spark: SparkSession, source_name: str, table_name: str, made: list[Envelope]) -> list[Row]:
    """The rows of one table with their states; their number equals the items counted on arrival."""
    assert made, "the response was rejected"
    table = table_of(source_name, table_name)
    rows = classify(table, raw_frame(spark, made)).collect()
    assert len(rows) == sum(envelope.items.get(table_name, 0) for envelope in made)
    return rows


def of_body(spark: SparkSession, source_name: str, table_name: str, body: object, key: str = "") -> list[Row]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = envelopes(source_named(source_name), key or GOOD[source_name][0], sent)
    return classified(spark, source_name, table_name, made[:1])


def reviews_of(spark: SparkSession, *changed: dict[str, Any], old: bool = False) -> list[Row]:
    """Clean reviews, each differing from a valid one in some fields; None removes a field."""
    listed = []
    for number, change in enumerate(changed):
        review = REVIEW | {"recommendationid": str(100 + number), "votes_funny": 0} | change
        listed.append({name: value for name, value in review.items() if value is not None})
    page = {"query_summary": {"num_reviews": len(listed)}, "reviews": listed, "cursor": "c"}
    rows = of_body(spark, "reviews", "reviews", page | {"success": 1} if old else {"response": page})
    return sorted(rows, key=lambda row: row["recommendation_id"])


def test_numbers_and_booleans_are_read_alike_in_python_and_in_spark(spark: SparkSession) -> None:
    """For any JSON value, both return the same integer or none."""
    plain: list[Any] = [
        1909,
        1909.0,
        "1909",
        "1909.0",
        "1909.",
        "1.909e3",
        "+5",
        " 7 ",
        "5\n",
        -1,
        "-0.0",
        1e15,
        2**63 - 1,
    ]
    beyond: list[Any] = [
        *BELOW_ZERO,
        2**63,
        2**64,
        2**64 + 1,
        10**30,
        1e19,
        1e30,
        -1e30,
        1e308,
        "9" * 400,
        -(2**63) - 1,
    ]
    other: list[Any] = [
        None,
        True,
        False,
        1.5,
        "1.5",
        "",
        " ",
        "x",
        "5d",
        "0x5",
        "NaN",
        "Infinity",
        "1 2",
        "١",
        [],
        {},
        [5],
    ]
    values = [*plain, *beyond, *other]
    frame = spark.createDataFrame(
        [(json.dumps({"v": value}), n) for n, value in enumerate(values)], "body string, n int"
    )
    read = frame.select("n", F.from_json("body", "v string")["v"].alias("v")).selectExpr(
        "n", f"{whole('v')} AS whole", f"{fraction('v')} AS fraction", f"{flag('v')} AS flag"
    )
    rows = {row["n"]: row for row in read.collect()}
    differing = [
        (value, whole_of(value), rows[n]["whole"])
        for n, value in enumerate(values)
        if whole_of(value) != rows[n]["whole"]
    ]
    assert differing == []
    assert all(rows[n]["whole"] is not None for n in range(len(plain)))
    assert {rows[values.index(text)]["fraction"] for text in ("NaN", "Infinity", "x", "")} == {None}
    assert [rows[n]["flag"] for n, value in enumerate(values) if isinstance(value, bool)] == [True, False]


def test_numbers_of_reviews_are_read_in_any_notation(spark: SparkSession) -> None:
    """Texts, fractions of zero, numbers for texts and a missing author are accepted without note or quarantine."""
    rows = reviews_of(
        spark,
        {"timestamp_created": str(WEEK), "timestamp_updated": float(WEEK), "votes_up": "7"},
        {"author": {"steamid": "76561190000000006", "playtime_forever": 1909.0, "playtime_at_review": "1909.0"}},
        {"recommendationid": 102, "author": {"steamid": 76561190000000007}},
        {"author": None, "weighted_vote_score": "0", "voted_up": 1, "refunded": "false", "steam_purchase": "1"},
    )
    assert [(row["state"], row["problem"], row["changes"]) for row in rows] == [("clean", None, [])] * 4
    assert (rows[0]["votes_up"], rows[1]["playtime_forever_minutes"], rows[1]["playtime_at_review_minutes"]) == (
        7,
        1909,
        1909,
    )
    assert (rows[3]["weighted_vote_score"], rows[3]["voted_up"], rows[3]["refunded"], rows[3]["steam_purchase"]) == (
        *(0.0, True, False),
        True,
    )


def test_an_invalid_number_is_quarantined_with_the_fields_name(spark: SparkSession) -> None:
    """The reason names the field, and the item has the original text."""
    bad: list[dict[str, Any]] = [
        {"votes_up": "many"},
        {"timestamp_created": 1.5},
        {"voted_up": "perhaps"},
        {"comment_count": []},
    ]
    rows = reviews_of(spark, *bad, {})
    assert [row["state"] for row in rows] == ["quarantined"] * 4 + ["clean"]
    for change, row in zip(bad, rows, strict=False):
        ((field, value),) = change.items()
        assert f"`{field}`" in row["problem"]
        assert str(value) in row["item"]


def test_a_review_is_judged_alike_on_a_plain_page_and_on_one_with_odd_numbers(spark: SparkSession) -> None:
    """A page is parsed at once, or item by item if a value has another type; no field of a review is our own reason."""
    plain: list[dict[str, Any]] = [{"votes_up": 7}, {"votes_up": 1e308}, {"unreadable": "x", "as_sent": "y"}]
    alone = reviews_of(spark, *plain)
    beside = reviews_of(spark, *plain, {"votes_up": "7", "voted_up": 1})
    assert [row["state"] for row in beside] == ["clean", "quarantined", "clean", "clean"]
    for one, other in zip(alone, beside, strict=False):
        assert (one["state"], one["problem"]) == (other["state"], other["problem"])
        if one["state"] == "clean":
            assert one.asDict() | {"source_sha256": None} == other.asDict() | {"source_sha256": None}


def test_omitted_fields_are_false_or_zero_now_and_unknown_in_the_older_format(
    spark: SparkSession,
) -> None:
    """Today a review without `voted_up` is negative; in the older form its vote is unknown."""
    absent: dict[str, Any] = dict.fromkeys(("voted_up", "votes_up", "steam_purchase", "refunded"))
    (new,) = reviews_of(spark, absent)
    (old,) = reviews_of(spark, absent, old=True)
    assert (new["state"], *(new[name] for name in absent)) == ("clean", False, 0, False, False)
    assert (old["state"], old["votes_up"], old["refunded"]) == ("quarantined", None, None)


def test_a_score_out_of_bounds_by_rounding_is_set_to_the_bound(spark: SparkSession) -> None:
    """It gets a note; a score further out of bounds is quarantined by its field name."""
    near = {1.0000000000000002: 1.0, "1.00000011920928955": 1.0, -1e-9: 0.0}
    far = (1.1, -0.01, "x")
    rows = reviews_of(spark, *({"weighted_vote_score": score} for score in (*near, *far)))
    assert [(row["state"], row["weighted_vote_score"]) for row in rows[:3]] == [
        ("clean", kept) for kept in near.values()
    ]
    assert all(len(row["changes"]) == 1 and "weighted_vote_score" in row["changes"][0] for row in rows[:3])
    assert [row["state"] for row in rows[3:]] == ["quarantined"] * len(far)
    assert all("weighted_vote_score" in row["problem"] for row in rows[3:])


def _with_its_peak_above(rank: dict[str, Any]) -> dict[str, Any]:
    rank["peak_in_game"] = 13
    return rank


PATHS: dict[tuple[str, str], Callable[[Any], tuple[Any, str]]] = {
    ("most_played", "players_now"): lambda body: (
        _with_its_peak_above(body["response"]["ranks"][0]),
        "concurrent_in_game",
    ),
    ("most_played", "players_peak"): lambda body: (body["response"]["ranks"][0], "peak_in_game"),
    ("top_sellers", "consecutive_weeks"): lambda body: (body["response"]["ranks"][0], "consecutive_weeks"),
    ("country_sellers", "consecutive_weeks"): lambda body: (body["response"]["ranks"][0], "consecutive_weeks"),
    ("player_samples", "players_now"): lambda body: (
        _with_its_peak_above(body["response"]["ranks"][0]),
        "concurrent_in_game",
    ),
    ("player_samples", "players_peak"): lambda body: (body["response"]["ranks"][0], "peak_in_game"),
    ("store_tags", "weight"): lambda body: (body["response"]["store_items"][0]["tags"][0], "weight"),
    ("reviews", "votes_up"): lambda body: (body["response"]["reviews"][0], "votes_up"),
    ("reviews", "votes_funny"): lambda body: (body["response"]["reviews"][0], "votes_funny"),
    ("reviews", "comment_count"): lambda body: (body["response"]["reviews"][0], "comment_count"),
    ("reviews", "playtime_at_review_minutes"): lambda body: (
        body["response"]["reviews"][0]["author"],
        "playtime_at_review",
    ),
    ("reviews", "playtime_forever_minutes"): lambda body: (
        body["response"]["reviews"][0]["author"],
        "playtime_forever",
    ),
    ("visits", "visits"): lambda body: (body["EstimatedMonthlyVisits"], "2023-09-01"),
    ("engagement", "visits"): lambda body: (body["Engagments"], "Visits"),
}
ELSEWHERE = {
    *{("most_played", name) for name in ("final_price_cents", "original_price_cents", "discount_percent")},
    *{("top_sellers", name) for name in ("final_price_cents", "original_price_cents", "discount_percent")},
    *{("country_sellers", name) for name in ("final_price", "original_price", "discount_percent")},
    *{("store_prices", f"{name}_price") for name in ("final", "original", "lowest_recent")},
    *{("store_prices", "discount_percent"), ("store_facts", "review_count"), ("store_facts", "positive_percent")},
    *{("review_summary", name) for name in ("total_reviews", "total_positive", "total_negative", "reviews_listed")},
}
"""Counts that the test below does not set: prices, and parts of a sum that are covered by a rule."""


def test_every_count_of_every_source_is_in_the_test_below() -> None:
    assert {(table.name, column) for _, table, column in COUNTS} == PATHS.keys() | ELSEWHERE


@pytest.mark.parametrize("table_name", rest_nightly(sorted({table for table, _ in PATHS}), kept=3))
def test_a_negative_count_loses_no_row_in_any_source(spark: SparkSession, table_name: str) -> None:
    """The row is kept, the count is null or zero, and a note has the original value, in any notation.

    Fractions are rounded in the same way; a fraction of zero needs no note.
    """
    source_name = next(s for s, table, _ in COUNTS if table.name == table_name)
    key, good = GOOD[source_name]
    sent = [(column, value) for of, column in PATHS if of == table_name for value in (*BELOW_ZERO, "12.0", 12.4)]
    made: list[Envelope] = []
    for place, (column, value) in enumerate(sent):
        body = json.loads(json.dumps(good).replace("4294967295", "0"))
        parent, field = PATHS[table_name, column](body)
        parent[field] = value
        others = others_of(source_named(source_name))
        (first, *_) = envelopes(source_named(source_name), key, json.dumps(body).encode(), others=others)
        made.append(first.model_copy(update={"sequence": place, "app_id": place + 1}))
    table = table_of(source_name, table_name)
    rows = classify(table, raw_frame(spark, made)).where("size(changes) > 0 or problem is not null").collect()
    changed = {row["sequence"]: row for row in rows}
    assert len(changed) == len(rows)
    for place, (column, value) in enumerate(sent):
        if value == "12.0":
            assert place not in changed
            continue
        row = changed[place]
        nullable = next(c.nullable for c in table.columns if c.name == column)
        left = {"players_peak": 5}.get(column, None if nullable else 0)
        assert (row["problem"], row[column]) == (None, 12 if value == 12.4 else left)
        assert all(f"`{column}`" in note for note in row["changes"])


def test_a_peak_below_the_current_players_is_raised_to_them(spark: SparkSession) -> None:
    """A peak slightly below is kept with a note; one below half breaks the rule."""
    peaks = [(100, 100), (100, 99), (100, 50), (100, 49), (100, 0), (0, 0)]
    ranks = [
        PLACE | {"rank": n, "appid": n, "concurrent_in_game": now, "peak_in_game": peak}
        for n, (now, peak) in enumerate(peaks, 1)
    ]
    rows = of_body(spark, "most_played", "most_played", {"response": {"last_update": WEEK, "ranks": ranks}})
    found = {row["rank"]: (row["state"], row["players_peak"], len(row["changes"])) for row in rows}
    assert found == {
        1: ("clean", 100, 0),
        2: ("clean", 100, 1),
        3: ("clean", 100, 1),
        4: ("quarantined", 49, 0),
        5: ("quarantined", 0, 0),
        6: ("clean", 0, 0),
    }


def test_news_dates_and_numbers_written_as_texts_are_read(spark: SparkSession) -> None:
    """Both parsers count them in that week, and they are clean."""
    dates = [str(WEEK + 1), float(WEEK + 2), f"{WEEK + 3}.0", f" {WEEK + 4} ", str(WEEK - 1), "x", None, 2**64 - 1]
    items = [
        NEWS_ITEM | {"gid": str(n), "date": date, "feed_type": "1", "appid": 730.0} for n, date in enumerate(dates)
    ]
    rows = of_body(spark, "news", "news", {"appnews": {"appid": "730", "newsitems": items}})
    states = {row["gid"]: (row["state"], row["feed_type"], row["filed_app_id"]) for row in rows}
    assert states == {
        **{str(n): ("clean", 1, 730) for n in range(4)},
        **{str(n): ("quarantined", 1, 730) for n in (5, 6)},
    }


def test_null_shares_give_no_rows_and_a_share_above_one_by_rounding_is_one(spark: SparkSession) -> None:
    key, good = GOOD["monthly_visits"]
    body = good | {
        "SiteName": "store.steampowered.com",
        "AiTrafficDetails": {"Traffic": {"Split": []}},
        "TopKeywords": [],
        "TrafficSources": {"Social": None, "Direct": 1.0000000000000002, "Mail": "0.25", "Search": 1.5},
        "TopCountryShares": [
            {"Country": 840, "Value": None},
            {"Country": "156", "CountryCode": "CN", "Value": "1.0000000000000002"},
        ],
        "Engagments": good["Engagments"] | {"Year": 2023, "Month": 9.0, "BounceRate": 1.0000000000000002},
    }
    ways = {row["traffic_source"]: row for row in of_body(spark, "monthly_visits", "traffic_sources", body, key)}
    assert {name: (row["state"], row["share"]) for name, row in ways.items()} == {
        "Direct": ("clean", 1.0),
        "Mail": ("clean", 0.25),
        "Search": ("quarantined", 1.5),
    }
    assert [len(ways[name]["changes"]) for name in ("Direct", "Mail")] == [1, 0]
    (country,) = of_body(spark, "monthly_visits", "top_countries", body, key)
    assert (country["state"], country["country"], country["share"]) == ("clean", 156, 1.0)
    (engaged,) = of_body(spark, "monthly_visits", "engagement", body, key)
    assert (engaged["state"], engaged["bounce_rate"], engaged["visits"]) == ("clean", 1.0, 150_000_000)


def test_months_as_a_list_are_read(spark: SparkSession) -> None:
    months = [
        {"date": "2023-08-01", "visits": 4},
        {"date": "2023-09-01T00:00:00", "visits": "5.0", "percentageChange": None},
    ]
    (row,) = of_body(spark, "monthly_visits", "visits", {"EstimatedMonthlyVisits": months})
    assert (row["state"], row["visits"]) == ("clean", 5)
