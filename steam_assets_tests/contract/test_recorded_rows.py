"""The rows made from real recorded responses."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from answered import envelopes, raw_frame
from pyspark.sql import Row, SparkSession

from steam_assets.sources import source_named
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.review_tables import FLAGS

pytestmark = pytest.mark.spark

WEEK_SECONDS = 604_800
ENDS = datetime.fromtimestamp(1773939600)  # noqa: DTZ006 - as Spark gives a timestamp to Python


def rows(spark: SparkSession, source_name: str, table_name: str, key: str, body: bytes, **more: Any) -> list[Row]:
    source = source_named(source_name)
    table = next(table for table in source.tables if table.name == table_name)
    return table.items(raw_frame(spark, envelopes(source, key, body), **more)).collect()


def test_most_played_of_a_recorded_day(spark: SparkSession, recorded: Path) -> None:
    """All hundred ranks are clean, free games are marked if Steam says so, and prices are in cents."""
    body = next((recorded / "mostplayed").glob("GetGamesByConcurrentPlayers*global*")).read_bytes()
    found = rows(spark, "most_played", "most_played", "2026-03-09", body)
    assert [row["rank"] for row in found if row["problem"] is None] == list(range(1, 101))
    assert (found[0]["app_id"], found[0]["players_now"], found[0]["players_peak"]) == (730, 1384410, 1509177)
    assert found[0]["is_free"] is True
    assert (found[2]["is_free"], found[2]["final_price_cents"]) == (False, 2499)
    assert (found[19]["developers"], found[19]["publishers"]) == (["EA Canada", "EA Romania"], ["Electronic Arts"])
    assert (found[1]["franchises"], found[1]["content_descriptor_ids"]) == (["Dota"], [5])
    assert {1, 9, 22} <= {*found[1]["category_ids"], *found[19]["category_ids"]}
    ends = {row["discount_ends_at"] for row in found if row["discount_percent"]}
    assert sum(row["discount_ends_at"] is not None for row in found) == 13
    assert ENDS in ends and None not in ends
    assert {change for row in found for change in row["changes"]} == set()
    hidden = json.loads(body)
    hidden["response"]["ranks"][0]["item"] = {"success": 15, "visible": False, "name": "Path of Exile", "appid": 730}
    restricted = rows(spark, "most_played", "most_played", "2026-03-09", json.dumps(hidden).encode())
    assert (restricted[0]["is_free"], restricted[0]["developers"], restricted[0]["category_ids"]) == (None, None, None)


def test_an_optional_field_of_any_shape_loses_no_row(spark: SparkSession) -> None:
    """An odd value is dropped with a note that names it. Other values of the item are parsed; absent ones are null."""
    info = {"developers": [{"name": "Ä"}, {"name": " "}, {}], "franchises": []}
    items: list[dict[str, Any]] = [
        {"basic_info": info, "categories": {"feature_categoryids": [22, 23]}, "content_descriptorids": [5]},
        {"basic_info": "gone", "categories": {"feature_categoryids": [22]}, "content_descriptorids": {"5": True}},
        {"categories": 7, "best_purchase_option": {"active_discounts": True}},
        {"basic_info": {"developers": "Ä", "publishers": [{"name": "P"}]}},
        {"basic_info": {}, "best_purchase_option": {"active_discounts": [{"discount_end_date": 1773939600}, {}]}},
        {},
    ]
    ranks = [
        {"rank": n, "appid": n, "item": {"success": 1, "name": "A"} | item, "concurrent_in_game": 9, "peak_in_game": 9}
        for n, item in enumerate(items, 1)
    ]
    body = {"response": {"last_update": 1_773_014_400, "ranks": ranks}}
    found = rows(spark, "most_played", "most_played", "2026-03-09", json.dumps(body).encode())
    assert [row["problem"] for row in found] == [None] * len(items)
    columns = ("developers", "franchises", "category_ids", "content_descriptor_ids", "discount_ends_at")
    assert [tuple(row[name] for name in columns) for row in found] == [
        (["Ä"], [], [22, 23], [5], None),
        (None, None, [22], None, None),
        (None, None, None, None, None),
        (None, None, None, [], None),
        ([], [], None, [], ENDS),
        (None, None, None, None, None),
    ]
    notes = [" ".join(row["changes"]) for row in found]
    for note, named in zip(
        notes,
        ("", "basic_info content_descriptorids", "categories active_discounts", "basic_info", "", ""),
        strict=True,
    ):
        assert re.findall("`(.*?)`", note) == named.split()


def test_the_same_reviews_in_either_format_give_the_same_rows(spark: SparkSession, recorded: Path) -> None:
    """The new form is derived from recorded old ones by the documented mapping, because none was recorded."""
    old = json.loads((recorded / "reviews/goodgames/app_2238310_reviews.json").read_bytes())
    week = int(Cadence.WEEKLY.window("2024-12-03").start.timestamp())
    for review in old["reviews"]:
        # They were written in seventeen weeks.
        after = (review["timestamp_created"] - week) // WEEK_SECONDS * WEEK_SECONDS
        for name in ("timestamp_created", "timestamp_updated"):
            review[name] -= after
    new = {"response": {key: value for key, value in old.items() if key != "success"} | {"total_matching": 45}}
    both = [rows(spark, "reviews", "reviews", "2024-12-03", json.dumps(body).encode()) for body in (old, new)]
    kept = [[{k: v for k, v in row.asDict().items() if k != "source_sha256"} for row in found] for found in both]
    # A field missing from the older response is unknown; the present service omits fields that are false.
    expected = [row | {name: row[name] or False for name in FLAGS} for row in kept[0]]
    assert kept[1] == expected
    assert len(kept[0]) == 45
    assert all(row["problem"] is None for row in kept[0])
    ids = {review["author"]["steamid"] for review in old["reviews"]}
    assert not any(one in str(row) for row in kept[0] for one in ids)
    assert len({row["author_key"] for row in kept[0]}) == len(ids)
    assert {row["text"] for row in kept[0]} == {review["review"] for review in old["reviews"]}
    bare = rows(spark, "reviews", "reviews", "2024-12-03", json.dumps(old).encode(), hash_key=None)
    assert {row["author_key"] for row in bare} == {None}


def test_one_bad_review_does_not_affect_others_and_hides_its_author(spark: SparkSession) -> None:
    """It is quarantined with its text but without the reviewer's ID; an underflowed count is noted."""
    good = {
        "recommendationid": "1",
        "author": {"steamid": "76561198079303540"},
        "review": "a\x00b",
        "timestamp_created": 1733632819,
        "timestamp_updated": 1733632819,
        "voted_up": True,
        "votes_funny": 4294967295,
    }
    bad = good | {"recommendationid": "2", "votes_up": "many"}
    body = {"response": {"query_summary": {"num_reviews": 2}, "reviews": [bad, good], "cursor": "*"}}
    refused, kept = rows(spark, "reviews", "reviews", "2024-12-03", json.dumps(body).encode())
    assert refused["problem"]
    assert '"many"' in refused["item"]
    assert "76561198079303540" not in refused["item"]
    assert (kept["problem"], kept["text"], kept["votes_funny"]) == (None, "a\ufffdb", None)
    assert len(kept["changes"]) == 2


@pytest.mark.parametrize(
    ("file", "key", "visits", "details"),
    [
        ("seed/old_2023-08-05_similarweb_data.json", "2023-06-01", 172451708, 1),
        ("seed/2023-09-24_monthly_visitor_data.json", "2023-07-01", 188136085, 0),
        ("seed/2023-10-27_monthly_visitor_data.json", "2023-09-01", 155053516, 1),
        ("att.com_2020-01.json", "2020-01-01", 97569418, 1),
    ],
)
def test_visits_belong_to_the_month_in_the_body(
    spark: SparkSession, recorded: Path, file: str, key: str, visits: int, details: int
) -> None:
    """Details are taken only for the newest month; numbers may be texts in scientific notation."""
    # One is for another site and would be rejected.
    content = json.loads((recorded / "similarweb" / file).read_bytes()) | {"SiteName": "store.steampowered.com"}
    body = json.dumps(content).encode()
    (month,) = rows(spark, "monthly_visits", "visits", key, body)
    assert (month["visits"], month["problem"]) == (visits, None)
    assert len(rows(spark, "monthly_visits", "engagement", key, body)) == details


def test_news_have_their_text_links_and_images(spark: SparkSession) -> None:
    """A post's markup becomes three columns: null without a text, empty without markup."""
    texts = [
        (
            '[p]Out now: [url="https://x.y/?a=1&region=eu"]notes[/url][/p][list][*][p]HP +20%[/p][/*][/list]'
            '[img src="{STEAM_CLAN_IMAGE}/1/a.png"][/img][dynamiclink href="https://z.w/"][/dynamiclink]'
        ),
        "Plain",
        None,
    ]
    item = {"title": "Post", "date": 1_794_960_000, "appid": 730, "feedname": "steam_community_announcements"}
    items = [item | {"gid": str(number), "contents": text} for number, text in enumerate(texts)]
    body = {"appnews": {"appid": 730, "newsitems": items, "count": len(items)}}
    found = rows(spark, "news", "news", "2026-11-17", json.dumps(body).encode())
    assert [row["problem"] for row in found] == [None] * len(texts)
    assert [(row["text"], row["links"], row["images"]) for row in sorted(found, key=lambda row: row["gid"])] == [
        (
            "Out now: notes\n\n• HP +20%\n\nhttps://z.w/",
            ["https://x.y/?a=1&region=eu", "https://z.w/"],
            ["https://clan.akamai.steamstatic.com/images/1/a.png"],
        ),
        ("Plain", [], []),
        (None, None, None),
    ]
