"""The insight assets: one per insight, computed by Spark from clean tables and replaced partition by partition.

Belongs here: connecting an insight to partitions, Spark and metadata for the Dagster UI. Does not belong here: formulas
(insights/), when to refresh.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pyspark.sql import DataFrame, SparkSession

from steam_assets.clock import Clock
from steam_assets.insights import INSIGHTS
from steam_assets.insights.freshness import freshness_rows
from steam_assets.insights.insight import ALL, Insight
from steam_assets.insights.lineage import declared_lineage
from steam_assets.insights.table import (
    InsightInvalid,
    Replaced,
    are_small,
    freshness_frame,
    insight_table,
    read_inputs,
    replace,
    replace_small,
)
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.column_schema import column_schema, with_schema
from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.insight_previews import insight_previews
from steam_assets.orchestration.io_managers import show_partitions
from steam_assets.orchestration.partitions import Partitions
from steam_assets.orchestration.resources import tried_again_if_lost
from steam_assets.orchestration.shown_lineage import shown_lineage
from steam_assets.orchestration.source_assets import RANGE, clean_key
from steam_assets.orchestration.table_checks import table_check_results, table_check_specs
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source, Table
from steam_assets.spark.commit_rows import interpreted


def insight_assets(
    sources: Sequence[Source], partitions: Mapping[Cadence, Partitions], insights: Sequence[Insight] = INSIGHTS
) -> list[dg.AssetsDefinition]:
    """One asset per insight whose clean tables these sources have."""
    return [
        _insight_asset(insight, sources, partitions[insight.cadence] if insight.cadence else None)
        for insight in served_insights(sources, insights)
    ]


def served_insights(sources: Sequence[Source], insights: Sequence[Insight] = INSIGHTS) -> list[Insight]:
    """The insights whose clean tables these sources have."""
    there = {table.name for source in sources for table in source.tables}
    return [insight for insight in insights if {needed.table for needed in insight.inputs} <= there]


def insight_key(insight: Insight) -> dg.AssetKey:
    return dg.AssetKey(["insights", insight.name])


def _insight_asset(insight: Insight, sources: Sequence[Source], partitions: Partitions | None) -> dg.AssetsDefinition:
    inputs = {table.name for table in _inputs(insight, sources)}

    @dg.asset(
        key=insight_key(insight),
        deps=[clean_key(source, table) for source in sources for table in source.tables if table.name in inputs],
        check_specs=table_check_specs(insight_key(insight)),
        group_name="insights",
        description=insight.description,
        metadata={
            "dagster/column_schema": column_schema(insight.schema),
            "method": insight.method,
            "error": insight.error,
        },
        partitions_def=partitions,
        backfill_policy=RANGE if partitions else None,
        tags={"stage": "insight", "cadence": insight.cadence.value if insight.cadence else "none"},
    )
    def computed(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        spark: dg.ResourceParam[LazyPySparkResource],
        clock: dg.ResourceParam[Clock],
    ) -> dg.MaterializeResult:
        keys = sorted(context.partition_keys) if partitions else [ALL]
        try:
            with tried_again_if_lost(spark):
                session = spark.spark_session
                with computing(session, lake, [insight], sources):
                    done = compute_partitions(session, insight, sources, lake, clock, keys)
                    shown = insight_metadata(lake, insight, sources, done)
        except InsightInvalid as error:
            raise permanent(str(error)) from error
        results = insight_check_results(lake, insight, keys)
        if not partitions:
            return dg.MaterializeResult(metadata=shown[ALL], check_results=results)
        show_partitions(context, insight_key(insight), shown)
        return dg.MaterializeResult(check_results=results)

    return computed


def compute_partitions(
    spark: SparkSession, insight: Insight, sources: Sequence[Source], lake: Lake, clock: Clock, keys: Sequence[str]
) -> Replaced:
    """Compute the insight's partitions ``keys`` and replace them in one commit; raises as ``replace`` does."""
    rows = _rows(spark, insight, sources, lake, clock, keys)
    if are_small(lake, _inputs(insight, sources)):
        return replace_small(lake, insight, rows, keys)
    return replace(spark, lake, insight, rows, keys)


def _inputs(insight: Insight, sources: Sequence[Source]) -> list[Table]:
    needed = {i.table for i in insight.inputs}
    return [table for source in sources for table in source.tables if table.name in needed]


@contextmanager
def computing(
    spark: SparkSession, lake: Lake, insights: Sequence[Insight], sources: Sequence[Source]
) -> Iterator[None]:
    """Compute these insights in this context: without generated code if all their inputs are small."""
    tables = {table.name: table for insight in insights for table in _inputs(insight, sources)}
    with interpreted(spark) if are_small(lake, tables.values()) else nullcontext():
        yield


def insight_check_results(lake: Lake, insight: Insight, keys: Sequence[str]) -> list[dg.AssetCheckResult]:
    """The results of the insight's checks for partitions that were just computed."""
    return table_check_results(insight_table(lake, insight), insight_key(insight), keys)


def _rows(
    spark: SparkSession, insight: Insight, sources: Sequence[Source], lake: Lake, clock: Clock, keys: Sequence[str]
) -> DataFrame:
    if insight.compute is None:
        return freshness_frame(spark, insight, freshness_rows(lake, sources, clock.now()))
    tables = [table for source in sources for table in source.tables]
    return insight.compute(read_inputs(spark, lake, insight, keys, tables), keys)


def insight_metadata(
    lake: Lake, insight: Insight, sources: Sequence[Source], done: Replaced
) -> Mapping[str, Mapping[str, dg.MetadataValue]]:
    """Metadata by partition: the row count; for the newest also a preview, the plot over partitions and the lineage."""
    shown = {
        key: {
            "dagster/partition_row_count": dg.MetadataValue.int(rows),
            "snapshot_id": dg.MetadataValue.text(str(done.snapshot_id)),
        }
        for key, rows in done.rows.items()
    }
    newest = max(shown)
    shown[newest] |= insight_previews(lake, insight, newest)
    assets = {table.name: clean_key(source, table) for source in sources for table in source.tables}
    shown[newest] |= shown_lineage(declared_lineage(insight), insight.schema, assets)
    return with_schema(shown, insight.schema)
