"""All five sources through Kafka, Spark and backups, on real parts; only Steam and Similarweb are simulated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pyspark.sql import functions as F

from steam_assets.lake.clean_backup import content
from steam_assets.lake.clean_tables import clean_table
from steam_assets.lake.open_store import RootName, open_root
from steam_assets.lake.spark_session import CLEAN_BACKUP
from steam_assets.orchestration.launch import Stage
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import History
from steam_assets_tests.deployment import NOW, Deployment

KEYS = {Cadence.DAILY: "2026-11-17", Cadence.WEEKLY: "2026-11-10", Cadence.MONTHLY: "2026-10-01"}

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]
on_disk_and_s3 = pytest.mark.parametrize("deployment", ["disk", "s3"], indirect=True)


def obtain_all(deployment: Deployment) -> None:
    for source in SOURCES:
        key = KEYS[source.cadence]
        live = source.history is History.LIVE
        deployment.at(source.cadence.window(key).start + timedelta(hours=21) if live else NOW)
        deployment.run(source, key)


def tree(deployment: Deployment, root: RootName) -> dict[str, bytes]:
    """Every raw file below a root, by name, without the manifests (they record a moment)."""
    store = open_root(root, deployment.settings)
    return {found.key: store.read(found.key) for found in store.list() if found.key.endswith(".jsonl.gz")}


@on_disk_and_s3
def test_every_item_fetched_is_published_landed_and_clean_and_backed_up(deployment: Deployment) -> None:
    """The sum of each line is exact, for every table of every source; a second run asks nothing and changes nothing."""
    obtain_all(deployment)
    for source in SOURCES:
        status = deployment.status(source, KEYS[source.cadence])
        assert status.up_to_date, status
        for part in status.tables:
            assert part.record is not None
            states = part.record.clean + part.record.quarantined + part.record.duplicates
            assert status.published(part.table) == status.landed(part.table) == part.record.items == states
        assert status.tables[0].record is not None and status.tables[0].record.clean > 0, source.name

    raw, asked = tree(deployment, "raw"), len(deployment.simulator.requests)
    assert raw == tree(deployment, "raw-backup")
    before = {t.name: _content(deployment, s.name, i) for s in SOURCES for i, t in enumerate(s.tables)}

    obtain_all(deployment)

    assert len(deployment.simulator.requests) == asked
    assert tree(deployment, "raw") == raw
    assert {t.name: _content(deployment, s.name, i) for s in SOURCES for i, t in enumerate(s.tables)} == before
    for source in SOURCES:
        for index, table in enumerate(source.tables):
            key = KEYS[source.cadence]
            copy = content(clean_table(deployment.session, table, CLEAN_BACKUP).read([key]), [key])[key]
            assert copy == _content(deployment, source.name, index)


def _content(deployment: Deployment, source_name: str, index: int) -> object:
    source = source_named(source_name)
    key = KEYS[source.cadence]
    return content(deployment.rows(source, index).where(F.col("partition_key") == key), [key])[key]


def test_clean_rows_say_what_the_source_said(deployment: Deployment) -> None:
    """The chart that the clean table holds is the chart that was served, rank by rank, with its own alphabet."""
    source = source_named("top_sellers")
    deployment.run(source, "2026-11-10")
    served = deployment.simulator.requests
    assert any(r.path.startswith("/IStoreTopSellersService/") for r in served)
    rows = deployment.rows(source).orderBy("rank").collect()
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["name"] for row in rows)
    assert len({row["source_sha256"] for row in rows}) == 1


def test_reviews_keep_every_alphabet_and_no_reviewer(deployment: Deployment) -> None:
    """Text in other alphabets is there as it was written; the reviewer's id is not, and its pseudonym is keyed."""
    deployment.run(source_named("top_sellers"), "2026-11-10")
    reviews = source_named("reviews")
    deployment.run(reviews, "2026-11-10")
    rows = deployment.rows(reviews)
    for alphabet in (r"\p{IsCyrillic}", r"\p{IsHan}", r"\p{IsArabic}"):
        assert rows.where(F.col("text").rlike(alphabet)).count() > 0, alphabet
    raw = b"".join(tree(deployment, "raw").values())
    assert raw
    authors = [row["author_key"] for row in rows.select("author_key").distinct().collect()]
    assert all(key and not key.startswith("7656") for key in authors)


@on_disk_and_s3
def test_weekly_range_of_clean_and_backup_is_one_commit(deployment: Deployment) -> None:
    """A catch-up of several weeks adds one snapshot to the table, not one a week."""
    source = source_named("top_sellers")
    for key in ("2026-10-27", "2026-11-03", "2026-11-10"):
        deployment.run(source, key, stages=(Stage.RAW,))
    deployment.run_range(source, "2026-10-27", "2026-11-10")
    table = clean_table(deployment.session, source.tables[0])
    appends = deployment.session.table(f"{table.identifier}.snapshots").where("summary['added-records'] > 0").count()
    assert appends == 1
    assert set(table.partition_rows()) == {"2026-10-27", "2026-11-03", "2026-11-10"}
