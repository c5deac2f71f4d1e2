"""Insight assets replace whole partitions, reject invalid rows, and show previews in the Dagster UI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import DataFrame, SparkSession

from steam_assets.clock import Clock
from steam_assets.insights import INSIGHTS, insight_named
from steam_assets.insights.table import InsightInvalid, insight_table, replace
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.insight_assets import InsightEngine, insight_key
from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.orchestration.previews import SHOWN_ROWS, clean_previews
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, source_named
from steam_assets.spark.clean_tables import overwrite, read_table
from steam_assets_tests.deployment import GivenSpark, session_for
from steam_assets_tests.insights.synthetic_market import DAYS, GAP, WEEKS, keys_of, market

pytestmark = pytest.mark.spark

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Insights:
    """A deployment whose clean tables hold the synthetic market."""

    lake: Lake
    session: SparkSession
    inputs: dict[str, DataFrame]
    instance: dg.DagsterInstance
    job: dg.JobDefinition

    def materialize(self, name: str, first: str, last: str) -> dict[str, dict[str, Any]]:
        """Materialize a range of partitions in one run; return the metadata of each."""
        result = self.job.execute_in_process(
            instance=self.instance,
            asset_selection=[insight_key(insight_named(name))],
            tags={RANGE_START: first, RANGE_END: last},
        )
        return {
            str(event.partition): {key: value.value for key, value in event.materialization.metadata.items()}
            for event in result.get_asset_materialization_events()
        }

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        """All rows of the insight's table, sorted."""
        return sorted(
            (tuple(row) for row in read_table(self.session, insight_table(self.lake, insight_named(name))).collect()),
            key=str,
        )


@pytest.fixture(scope="module")
def insights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insights]:
    settings = Settings(home=tmp_path_factory.mktemp("insights"), spark_master="local[2]")
    lake = Lake(settings)
    session = session_for(spark, settings)
    inputs = market(session)
    charts = lake.clean(source_named("most_played").tables[0])
    rows, keys = inputs["most_played"].coalesce(1), keys_of(inputs, "most_played")
    overwrite(session, charts, lambda: rows, keys, lambda _: {})
    defs = build_defs(settings=settings, resource_overrides={"clock": Clock(NOW), "spark": GivenSpark(session)})
    with dg.DagsterInstance.ephemeral() as instance:
        yield Insights(lake, session, inputs, instance, defs.resolve_implicit_global_asset_job_def())


def test_every_insight_is_an_asset_that_states_its_method_and_limitations():
    """The Dagster UI shows its key, partitions, columns, method and margin of error."""
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    for insight in INSIGHTS:
        node = graph.get(dg.AssetKey(["insights", insight.name]))
        assert node.metadata["method"] == insight.method
        assert node.metadata["limitations"] == insight.limitations
        assert [c.name for c in node.metadata["dagster/column_schema"].columns] == [c.name for c in insight.schema]
        assert (node.partitions_def is None) == (insight.cadence is None)


def test_a_range_is_one_run_and_running_again_changes_nothing(insights: Insights):
    """A backfill commits all partitions and reports a gap among them as having no rows. A rerun gives the same rows."""
    first, last = DAYS[8].isoformat(), DAYS[12].isoformat()
    shown = insights.materialize("player_trend", first, last)
    rows = insights.rows("player_trend")

    counts = {key: metadata["dagster/partition_row_count"] for key, metadata in shown.items()}
    assert [key for key, count in counts.items() if not count] == [GAP.isoformat()]
    assert sum(counts.values()) == len(rows) > 40
    insights.materialize("player_trend", first, last)
    assert insights.rows("player_trend") == rows


def test_spark_commits_what_is_computed_in_memory_otherwise(insights: Insights):
    """The same rows, whether the inputs count as small or not."""
    insight, keys = insight_named("market_day"), [DAYS[n].isoformat() for n in (25, 26)]
    insights.materialize(insight.name, *keys)
    rows = insights.rows(insight.name)
    table = insight_table(insights.lake, insight)
    snapshot = table.snapshot_id()
    engine = InsightEngine(insights.lake, [(insight, keys)], SOURCES, Clock(NOW), lambda: insights.session, small=0)

    assert engine.compute(insight, keys).rows == dict.fromkeys(keys, 1)
    assert table.snapshot_id() != snapshot
    for row, before in zip(insights.rows(insight.name), rows, strict=True):
        assert row == tuple(pytest.approx(value) if isinstance(value, float) else value for value in before)


def test_only_the_partitions_of_the_run_are_replaced(insights: Insights):
    """Rows of other partitions stay; readers without a JVM see both."""
    first, second = DAYS[20].isoformat(), DAYS[21].isoformat()
    insights.materialize("market_day", first, first)
    before = insights.rows("market_day")
    insights.materialize("market_day", second, second)

    assert set(before) < set(insights.rows("market_day"))
    read = CleanReader(insights.lake.settings).arrow("insight_market_day", [first, second])
    assert read is not None
    assert sorted(row["partition_key"] for row in read.to_pylist()) == [first, second]


def test_rows_that_repeat_a_key_are_not_committed(insights: Insights):
    """The error names the duplicate key, and the table is unchanged."""
    insight, key = insight_named("market_day"), DAYS[22].isoformat()
    insights.materialize("market_day", key, key)
    before = insights.rows("market_day")
    assert insight.compute is not None
    rows = insight.compute({"most_played": insights.inputs["most_played"]}, [key])

    with pytest.raises(InsightInvalid, match="market_day: 1 rows repeat a key"):
        replace(insights.session, insights.lake, insight, rows.union(rows), [key])
    with pytest.raises(InsightInvalid, match="other than"):
        replace(insights.session, insights.lake, insight, rows, [(DAYS[22] + timedelta(1)).isoformat()])
    assert insights.rows("market_day") == before


def test_the_dagster_ui_has_a_preview_and_a_plot(insights: Insights):
    """It shows the first rows, hostile names included, and a line plot by partition.

    A missing table has an empty preview.
    """
    shown = insights.materialize("player_trend", DAYS[30].isoformat(), DAYS[36].isoformat())[DAYS[36].isoformat()]
    records = shown["preview"].records
    assert "</script>ゲーム" in {record.data["name"] for record in records} and len(records) == SHOWN_ROWS
    assert "data:image/svg+xml;base64," in shown["plot"]
    assert f"on {DAYS[36]}" in shown["plot"]
    (change,) = shown["dagster/column_lineage"].deps_by_column["players_peak"]
    assert (change.asset_key, change.column_name) == (dg.AssetKey(["most_played", "clean"]), "players_peak")
    week = WEEKS[-1].isoformat()
    assert insights.materialize("news_markers", week, week)[week]["preview"] == "No rows."


def test_a_clean_table_has_a_preview_and_a_plot(insights: Insights):
    """It shows rows of the newest partition and row counts of the last 60 partitions."""
    charts = insights.lake.clean(source_named("most_played").tables[0])
    shown = clean_previews(charts, [DAYS[3].isoformat(), DAYS[4].isoformat()])
    preview, plot = shown["preview"], shown["plot"].value or ""
    assert isinstance(preview, dg.TableMetadataValue)
    assert {record.data["day"] for record in preview.records} == {str(DAYS[4])} and len(preview.records) == SHOWN_ROWS
    assert f"rows per partition: 12 on {DAYS[0]}, 12 on {DAYS[-1]}, {len(DAYS) - 1} partitions" in str(plot)
