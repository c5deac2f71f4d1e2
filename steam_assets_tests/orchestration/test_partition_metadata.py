"""The Dagster UI shows each partition's own numbers, whether it ran alone or in a range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from steam_assets.insights import INSIGHTS
from steam_assets.insights.table import insight_table
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.insight_assets import insight_key
from steam_assets.orchestration.launch import Launcher
from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.orchestration.stages import AFTER_RAW, Stage
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, GivenSpark, deployment_in
from steam_assets_tests.nightly import rest_nightly

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]

REVIEWS = source_named("reviews")
APPS_OF = {"2026-10-27": (730,), "2026-11-03": (730, 570), "2026-11-10": (730, 570, 440)}
"""The apps fetched for each week of a range, so that no two weeks have the same counts."""
ALONE = "2026-10-20"
ROWS = "dagster/partition_row_count"
WEEKLY = [
    insight
    for insight in INSIGHTS
    if insight.cadence is REVIEWS.cadence and {i.table for i in insight.inputs} & {t.name for t in REVIEWS.tables}
]


class Shown:
    """A deployment after runs of a range of weeks and of a single week, and what its UI shows."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.deployment, self.instance = deployment, instance
        overrides = {"clock": deployment.clock, "spark": GivenSpark(deployment.session)}
        defs = build_defs(settings=deployment.settings, resource_overrides=overrides)
        self.launcher = Launcher(defs, instance)
        self.job = defs.resolve_implicit_global_asset_job_def()
        for key, apps in (APPS_OF | {ALONE: (730, 570)}).items():
            self.launcher.partition(REVIEWS, (Stage.RAW,), key, apps=apps)
        self.launcher.range(REVIEWS, AFTER_RAW, (min(APPS_OF), max(APPS_OF)))
        self.launcher.partition(REVIEWS, AFTER_RAW, ALONE)

    def of(self, key: dg.AssetKey, partition: str) -> Mapping[str, Any]:
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
        (newest,) = self.instance.fetch_materializations(wanted, limit=1).records
        assert newest.asset_materialization is not None
        return {name: value.value for name, value in newest.asset_materialization.metadata.items()}


@pytest.fixture(scope="module")
def shown(
    spark: SparkSession, broker: EmbeddedBroker, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    deployment = deployment_in(tmp_path_factory.mktemp("shown"), spark, simulator, broker.address)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shown(deployment, instance)
    simulator.clear_now()


@pytest.mark.parametrize("week", rest_nightly([ALONE, *APPS_OF], kept=2))
def test_every_stage_shows_the_counts_of_its_ledger(shown: Shown, week: str) -> None:
    status = shown.deployment.status(REVIEWS, week)
    record = status.raw
    assert record is not None
    raw, copy = (shown.of(dg.AssetKey(["reviews", name]), week) for name in ("raw", "raw_backup"))
    assert raw["landed"] == status.answers
    assert raw["items"] == record.items
    assert raw["bytes"] == sum(batch.size for batch in record.batches)
    assert copy[ROWS] == record.content.rows == status.answers
    assert raw["content_digest"] == copy["content_digest"] == record.digest
    for table, part in zip(REVIEWS.tables, status.tables, strict=True):
        clean, backup = (
            shown.of(dg.AssetKey(["reviews", name]), week) for name in (table.asset, f"{table.asset}_backup")
        )
        assert part.record is not None and part.backup is not None
        counts = ("items", "quarantined", "duplicates")
        assert [clean[ROWS], *(clean[name] for name in counts)] == [
            part.record.clean,
            *(getattr(part.record, name) for name in counts),
        ]
        assert (backup[ROWS], backup["content_digest"]) == (part.backup.of.content.rows, part.record.content.digest)


def test_the_weeks_of_a_range_differ(shown: Shown) -> None:
    """Otherwise the test above could not tell one week's numbers from another's, or from their sum."""
    rows = [shown.of(dg.AssetKey(["reviews", "clean"]), week)[ROWS] for week in APPS_OF]
    assert len({*rows}) == len(rows) and all(rows)


@pytest.mark.parametrize("by_job", [False, True], ids=["asset", "refresh"])
def test_every_insight_shows_the_rows_of_its_partition(shown: Shown, by_job: bool) -> None:
    """This holds for a materialized range and for a refresh. Only the newest partition has a preview."""
    if by_job:
        shown.launcher.refresh()
    else:
        selection = [insight_key(insight) for insight in WEEKLY]
        tags = {RANGE_START: ALONE, RANGE_END: max(APPS_OF)}
        shown.job.execute_in_process(instance=shown.instance, asset_selection=selection, tags=tags)
    for insight in WEEKLY:
        rows = insight_table(shown.deployment.lake, insight).partition_rows()
        partitions = [ALONE, *APPS_OF]
        events = {key: shown.of(insight_key(insight), key) for key in partitions}
        assert {key: event[ROWS] for key, event in events.items()} == {key: rows.get(key, 0) for key in partitions}
        assert [key for key, event in events.items() if "preview" in event] == [max(partitions)]
