"""All sources through real Kafka, Spark and backups; only Steam and Similarweb are simulated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.ledger.content import Content
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import History, Source
from steam_assets_tests.deployment import NOW, Deployment, deployment_in, on_s3
from steam_assets_tests.nightly import rest_nightly

ON_S3 = [source_named(name) for name in ("top_sellers", "reviews")]
"""With one and with several clean tables. On S3 the storage differs, not the source."""
KEYS = {Cadence.DAILY: "2026-11-17", Cadence.WEEKLY: "2026-11-10", Cadence.MONTHLY: "2026-10-01"}

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow, pytest.mark.nightly]


@pytest.fixture(scope="module", params=rest_nightly(["disk", "s3"]))
def collected(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    spark: SparkSession,
    simulator: Simulator,
    broker: EmbeddedBroker,
) -> Iterator[Deployment]:
    """A deployment, shared by these tests, with one partition of each source in all stages; on each kind of storage."""
    roots = on_s3(request.getfixturevalue("s3_server")) if request.param == "s3" else {}
    made = deployment_in(tmp_path_factory.mktemp(request.param), spark, simulator, broker.address, **roots)
    run_all(made)
    yield made
    simulator.clear_now()


def sources_of(deployment: Deployment) -> Sequence[Source]:
    return ON_S3 if deployment.settings.raw_root else SOURCES


def run_all(deployment: Deployment, *, again: bool = False) -> None:
    """Run each source's partition, a live one during its day; ``again`` is after that day, when no sample is taken."""
    for source in sources_of(deployment):
        key = KEYS[source.cadence]
        live = source.history is History.LIVE and not again
        deployment.at(source.cadence.window(key).start + timedelta(hours=21) if live else NOW)
        deployment.run(source, key)


def contents(deployment: Deployment, *, backup: bool) -> dict[str, Content]:
    """The partition's rows in each raw and clean table, or in the backups."""
    found: dict[str, Content] = {}
    for source in sources_of(deployment):
        for twins in deployment.lake.twins(source):
            key, table = KEYS[source.cadence], twins.backup if backup else twins.primary
            found[twins.label] = table.stored([key])[key].content
    return found


def test_every_item_fetched_is_published_landed_and_clean_and_backed_up(collected: Deployment) -> None:
    """Counts add up exactly for every table of every source; a second run fetches nothing and changes nothing."""
    for source in sources_of(collected):
        status = collected.status(source, KEYS[source.cadence])
        assert status.up_to_date, status
        for part in status.tables:
            assert part.record is not None
            states = part.record.clean + part.record.quarantined + part.record.duplicates
            assert status.published(part.table) == status.landed(part.table) == part.record.items == states
        assert status.tables[0].record is not None and status.tables[0].record.clean > 0, source.name

    raw, asked = collected.digests("raw"), len(collected.simulator.requests)
    before = contents(collected, backup=False)
    assert before == contents(collected, backup=True)

    run_all(collected, again=True)

    assert len(collected.simulator.requests) == asked
    assert collected.digests("raw") == raw
    assert contents(collected, backup=False) == before == contents(collected, backup=True)
    assert all(before[f"{source.name}/raw"].rows for source in sources_of(collected))


def test_clean_rows_match_the_responses(collected: Deployment) -> None:
    """The clean table has the chart that was served, rank by rank, in its original alphabet."""
    source = source_named("top_sellers")
    served = collected.simulator.requests
    assert any(r.path.startswith("/IStoreTopSellersService/") for r in served)
    rows = collected.rows(source).orderBy("rank").collect()
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["name"] for row in rows)
    assert len({row["source_sha256"] for row in rows}) == 1


def test_reviews_keep_every_alphabet_and_no_reviewer(collected: Deployment) -> None:
    """Text in other alphabets is unchanged; the reviewer's ID is replaced by a keyed pseudonym."""
    reviews = source_named("reviews")
    rows = collected.rows(reviews)
    for alphabet in (r"\p{IsCyrillic}", r"\p{IsHan}", r"\p{IsArabic}"):
        assert rows.where(F.col("text").rlike(alphabet)).count() > 0, alphabet
    authors = [row["author_key"] for row in rows.select("author_key").distinct().collect()]
    assert [key for key in authors if not re.fullmatch("[0-9a-f]{64}", key or "")] == []


def test_weekly_range_of_clean_and_backup_is_one_commit(collected: Deployment) -> None:
    """Catching up several weeks adds one snapshot to the table, not one per week."""
    source = source_named("top_sellers")
    table = collected.lake.clean(source.tables[0])
    before = collected.commits(table)
    collected.at(NOW)
    for key in ("2026-10-27", "2026-11-03"):
        collected.run(source, key, stages=(Stage.RAW,))
    collected.run_range(source, "2026-10-27", "2026-11-10")
    assert collected.commits(table) == before + 1
    assert set(table.partition_rows()) == {"2026-10-27", "2026-11-03", "2026-11-10"}
