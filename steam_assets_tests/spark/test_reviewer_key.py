"""The key for reviewers' pseudonyms is created once, atomically, and readable only by its owner."""

from __future__ import annotations

import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from pyspark.sql import SparkSession

from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, source_named
from steam_assets.spark.cleaning import clean
from steam_assets.spark.reviewer_key import OtherKey, UnusableKey, fingerprint, kept_key, key_for, reviewer_key
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.raw_landing import NOW, batch_id, land_rows

REVIEWS = source_named("reviews")
(PSEUDONYMOUS,) = (table for table in REVIEWS.tables if table.pseudonymous)
FIRST, SECOND, THIRD = "2026-11-03", "2026-11-10", "2026-11-17"
KEY = "k" * 32


def test_concurrent_first_users_get_the_same_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: reviewer_key(settings), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    (kept,) = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_an_empty_key_is_refused_rather_than_used(tmp_path: Path) -> None:
    """With an empty key anybody could identify a reviewer by trying IDs."""
    (tmp_path / "reviewer_hash_key").touch()
    with pytest.raises(UnusableKey, match="STEAM_REVIEWER_HASH_KEY"):
        reviewer_key(Settings(home=tmp_path))


def cleaned(lake: Lake, *keys: str, made_with: str | None) -> None:
    """Records of clean partitions, as written by cleaning with a key of that fingerprint."""
    table = lake.clean(PSEUDONYMOUS)
    table.create()
    for key in keys:
        record = CleanRecord(
            table=PSEUDONYMOUS.name,
            partition_key=key,
            raw_digest="0-0",
            items=0,
            clean=0,
            quarantined=0,
            duplicates=0,
            content=EMPTY,
            snapshot_id=1,
            committed_at=NOW,
            reviewer_key=made_with,
        )
        table.commit({key: record})


def lake_with(home: Path, key: str = "") -> Lake:
    return Lake(Settings(home=home, reviewer_hash_key=SecretStr(key)))


def test_a_lost_key_is_named_and_not_replaced(tmp_path: Path) -> None:
    lake = lake_with(tmp_path)
    made_with = fingerprint(key_for(lake, REVIEWS, [FIRST]))
    cleaned(lake, FIRST, SECOND, made_with=made_with)
    kept_key(lake.settings).unlink()
    with pytest.raises(OtherKey, match=f"gone.* 2 clean partitions of reviews .*{made_with}") as refused:
        key_for(lake, REVIEWS, [THIRD])
    assert f"--from {FIRST} --to {THIRD}" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not kept_key(lake.settings).exists()


@pytest.mark.parametrize("other", ["o" * 32, KEY.upper(), KEY + "k"])
def test_another_key_is_refused_before_cleaning(tmp_path: Path, other: str) -> None:
    cleaned(lake_with(tmp_path), FIRST, made_with=fingerprint(KEY))
    assert key_for(lake_with(tmp_path, KEY), REVIEWS, [SECOND]) == KEY
    with pytest.raises(OtherKey, match="STEAM_REVIEWER_HASH_KEY") as refused:
        key_for(lake_with(tmp_path, other), REVIEWS, [SECOND])
    assert fingerprint(other) in str(refused.value)
    assert other not in str(refused.value)


def test_a_new_key_is_accepted_if_all_pseudonyms_are_replaced(tmp_path: Path) -> None:
    """This also holds if a partition's pseudonyms have no known key."""
    cleaned(lake_with(tmp_path), FIRST, SECOND, made_with=fingerprint(KEY))
    cleaned(lake_with(tmp_path), THIRD, made_with=None)
    other = "o" * 32
    assert key_for(lake_with(tmp_path, other), REVIEWS, [FIRST, SECOND]) == other


def test_sources_without_pseudonyms_accept_any_key(tmp_path: Path) -> None:
    cleaned(lake_with(tmp_path), FIRST, made_with=fingerprint(KEY))
    for source in SOURCES:
        if source is not REVIEWS:
            assert key_for(lake_with(tmp_path, "o" * 32), source, [FIRST]) == "o" * 32


@pytest.mark.spark
def test_a_cleaning_notes_its_key_and_refuses_another(tmp_path: Path, spark: SparkSession) -> None:
    body = '{"success":1,"query_summary":{"num_reviews":0},"reviews":[],"cursor":"*"}'
    lake = lake_with(tmp_path, KEY)
    for number, key in enumerate((FIRST, SECOND), start=1):
        row = {
            "source": REVIEWS.name,
            "partition_key": key,
            "batch_id": batch_id(number),
            "sequence": 0,
            "request": "reviews",
            "app_id": 730,
            "url": "https://example.org/",
            "status": 200,
            "headers": [],
            "fetched_at": NOW,
            "sha256": hashlib.sha256(body.encode()).hexdigest(),
            "body": body,
            "items": [(table.name, 0) for table in REVIEWS.tables],
            "provenance": "live",
        }
        land_rows(lake, REVIEWS, key, [row], number=number)
    session = session_for(spark, lake.settings)
    (record,) = clean(session, lake, REVIEWS, [PSEUDONYMOUS], [FIRST], NOW)
    assert record.reviewer_key == fingerprint(KEY)
    other = lake_with(tmp_path, "o" * 32)
    with pytest.raises(OtherKey):
        clean(session, other, REVIEWS, [PSEUDONYMOUS], [SECOND], NOW)
    assert list(lake.clean(PSEUDONYMOUS).records(CleanRecord)) == [FIRST]
    assert len(clean(session, other, REVIEWS, [PSEUDONYMOUS], [FIRST, SECOND], NOW)) == 2
