"""Files of the old pipeline pass through the same cleaning and backups as live data."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from steam_assets.ingestion.history.importing import ImportLine, import_folder
from steam_assets.ledger.records import RawRecord
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import Source
from steam_assets.spark.cleaning import clean
from steam_assets_tests.deployment import NOW, Deployment

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.kafka, pytest.mark.nightly]

FILES = {
    "daily_data/most_played/2023-09-24_MostPlayed_Consumed.csv": (
        "Rank,Game Name,Free to Play,Current Players,Peek Today,Collection Date\n"
        "1,Counter-Strike: Global Offensive,1,807015,1361281,2023-09-24\n"
    ),
    "weekly_data/top_sellers/2023-09-24_weekly_top_sellers.csv": (
        "Rank,Game Name,Free to Play\n1,CounterStrike Global Offensive,1\n2,Steam Deck,0\n3,Starfield,maybe\n"
    ),
    "weekly_data/top_sellers/2023-09-24_weekly_top_sellers_appIds.csv": "App ID\n730\n1675200\n1716740\n",
    "weekly_data/reviews/2023-09-24_weekly_reviews.csv": (
        'App ID,Review,Voted Up\n730,Fun,pos\n730,"two\n\nlines",neg\n570,good,pos\n'
    ),
    "weekly_data/news/2023-09-24_news_0.json": json.dumps(
        {
            "appnews": {
                "appid": 730,
                "newsitems": [
                    {"gid": "521", "title": "Now", "contents": "<b>x</b>", "date": 1695302016, "appid": 730},
                    {"gid": "522", "title": "Before", "contents": "y", "date": 1694800000, "appid": 730},
                ],
            }
        }
    ),
    "monthly_data/2023-09-24_monthly_visitor_data.json": json.dumps(
        {
            "SiteName": "store.steampowered.com",
            "Engagments": {"Year": "2023", "Month": "8", "Visits": "1.6E8"},
            "EstimatedMonthlyVisits": {"2023-07-01": 188136085, "2023-08-01": 168273664},
        }
    ),
}


def keys_of(lines: list[ImportLine], source: Source) -> list[str]:
    return sorted({line.partition_key for line in lines if line.source == source.name and line.partition_key})


def test_every_item_of_old_files_becomes_a_clean_or_a_quarantined_row(deployment: Deployment, tmp_path: Path) -> None:
    """Rows of a file = clean + quarantined + duplicates.

    Values missing from the file are null or marked, never made up.
    """
    folder = tmp_path / "old"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    lines = import_folder(deployment.lake, folder, NOW)
    for source in SOURCES:
        keys = keys_of(lines, source)
        for first, last in source.cadence.ranges(keys):
            deployment.run_range(source, first, last)
        assert all(deployment.status(source, key).up_to_date for key in keys)

    charts = deployment.rows(source_named("top_sellers")).orderBy("rank").collect()
    assert [(row["rank"], row["app_id"], row["name"]) for row in charts] == [
        (1, 730, "CounterStrike Global Offensive"),
        (2, 1675200, "Steam Deck"),
    ]
    assert {row["partition_key"] for row in charts} == {"2023-09-12"}
    assert [row["is_free"] for row in charts] == [True, False]
    for row in charts:
        unknown = ("movement", "first_top100", "last_week_rank", "is_early_access", "final_price_cents", "item_type")
        assert [row[name] for name in unknown] == [None] * len(unknown)
        assert any("punctuation" in change for change in row["changes"])
        assert any("place" in change for change in row["changes"])
    (maybe,) = deployment.quarantined(source_named("top_sellers")).collect()
    assert "maybe" in maybe["item"]

    (player,) = deployment.quarantined(source_named("most_played")).collect()
    assert (player["problem"], player["partition_key"]) == ("no `app_id`", "2023-09-24")
    assert deployment.rows(source_named("most_played")).count() == 0

    reviews = deployment.quarantined(source_named("reviews")).collect()
    assert {row["problem"] for row in reviews} == {"no `recommendation_id`"}
    assert {row["partition_key"] for row in reviews} == {"2023-09-19"}
    assert len(reviews) == 3

    news = deployment.rows(source_named("news")).collect()
    assert {(row["gid"], row["partition_key"], row["text"]) for row in news} == {
        ("521", "2023-09-19", "x"),
        ("522", "2023-09-12", "y"),
    }
    assert all(any("ten newest" in change for change in row["changes"]) for row in news)
    visits = deployment.rows(source_named("monthly_visits"))
    assert {(r["partition_key"], r["visits"]) for r in visits.collect()} == {
        ("2023-07-01", 188136085),
        ("2023-08-01", 168273664),
    }


@pytest.mark.nightly
def test_recorded_old_files_reconcile_through_cleaning(deployment: Deployment, tmp_path: Path, recorded: Path) -> None:
    """Every row of every recorded old file is clean, quarantined or counted as a duplicate."""
    folder = tmp_path / "old"
    for path in recorded.glob("*/seed*/*"):
        copy = folder / path.relative_to(recorded)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    lines = import_folder(deployment.lake, folder, NOW)
    rows: dict[tuple[str | None, str | None], int] = defaultdict(int)
    for line in lines:
        rows[line.source, line.partition_key] += line.rows
    for source in SOURCES:
        keys = keys_of(lines, source)
        assert {*deployment.lake.raw(source).records(RawRecord)} == {*keys}
        if keys:
            clean(deployment.session, deployment.lake, source, source.tables, keys, NOW)
        for key in keys:
            tables = deployment.status(source, key).tables
            states = [(p.record.clean, p.record.quarantined, p.record.duplicates) for p in tables if p.record]
            assert sum(map(sum, states)) == rows[source.name, key], (source.name, key)
    chart = deployment.rows(source_named("top_sellers"))
    sizes = {row["partition_key"]: row["count"] for row in chart.groupBy("partition_key").count().collect()}
    assert sizes == {"2023-07-25": 100, "2023-09-12": 100, "2023-10-17": 100}
    assert chart.where(F.col("changes")[0].isNull()).count() == 0
