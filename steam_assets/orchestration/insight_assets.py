"""The insight assets: one per insight, computed from clean tables and replaced partition by partition.

Belongs here: connecting an insight to partitions, to its engine (DuckDB for small inputs, otherwise Spark) and to
metadata for the Dagster UI. Does not belong here: formulas (insights/), when to refresh.
"""

from collections.abc import Callable, Mapping, Sequence

import dagster as dg
import pyarrow as pa
from dagster_pyspark import LazyPySparkResource
from pyspark.sql import SparkSession

from steam_assets.clock import Clock
from steam_assets.insights import INSIGHTS
from steam_assets.insights.freshness import freshness_rows
from steam_assets.insights.insight import ALL, Insight
from steam_assets.insights.lineage import declared_lineage
from steam_assets.insights.small_inputs import SMALL_BYTES, SmallInputs, are_small, nullable_schema
from steam_assets.insights.table import (
    InsightInvalid,
    Replaced,
    insight_table,
    read_inputs,
    replace,
    replace_small,
)
from steam_assets.lake.lake import Lake
from steam_assets.lake.unreadable_tables import UnreadableTable, naming_damage
from steam_assets.orchestration.column_schema import column_schema, with_schema
from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.insight_previews import insight_previews
from steam_assets.orchestration.io_managers import show_partitions
from steam_assets.orchestration.partitions import Partitions
from steam_assets.orchestration.resources import tried_again_if_lost
from steam_assets.orchestration.run_partitions import run_partitions
from steam_assets.orchestration.shown_lineage import shown_lineage
from steam_assets.orchestration.source_assets import RANGE, clean_key
from steam_assets.orchestration.table_checks import table_check_results, table_check_specs
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source, Table


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
            "limitations": insight.limitations,
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
        keys = run_partitions(context, insight.cadence) if insight.cadence else [ALL]
        try:
            with tried_again_if_lost(spark):
                done = InsightEngine(lake, [(insight, keys)], sources, clock, lambda: spark.spark_session).compute(
                    insight, keys
                )
                shown = insight_metadata(lake, insight, sources, done)
        except (InsightInvalid, UnreadableTable) as error:
            raise permanent(str(error)) from error
        results = insight_check_results(lake, insight, keys)
        if not partitions:
            return dg.MaterializeResult(metadata=shown[ALL], check_results=results)
        show_partitions(context, insight_key(insight), shown)
        return dg.MaterializeResult(check_results=results)

    return computed


class InsightEngine:
    """Computes partitions of insights: in memory if the inputs are small, otherwise by Spark, which starts only then.

    For use by several threads.
    """

    def __init__(
        self,
        lake: Lake,
        chosen: Sequence[tuple[Insight, Sequence[str]]],
        sources: Sequence[Source],
        clock: Clock,
        started_spark: Callable[[], SparkSession],
        small: int = SMALL_BYTES,
    ) -> None:
        self._lake, self._sources, self._clock, self._started_spark = lake, sources, clock, started_spark
        computed = [(insight, keys) for insight, keys in chosen if insight.compute]
        in_memory = [one for one in computed if are_small(lake, _inputs(one[0], sources), small)]
        self._in_memory = {insight.name for insight, _ in in_memory}
        self._inputs = SmallInputs.read(lake, in_memory)
        if len(in_memory) < len(computed):
            # Not thread-safe, and so not left to the first use.
            started_spark()

    def compute(self, insight: Insight, keys: Sequence[str]) -> Replaced:
        """Compute the insight's partitions ``keys`` and replace them in one commit; raises as ``replace`` does."""
        if insight.compute is None:
            return replace_small(self._lake, insight, self._from_the_ledger(insight), keys)
        if insight.name in self._in_memory:
            return replace_small(self._lake, insight, self._inputs.rows(insight, keys), keys)
        session, tables = self._started_spark(), _inputs(insight, self._sources)
        with naming_damage(*(self._lake.clean(table).load for table in tables)):
            inputs = read_inputs(session, self._lake, insight, keys, tables)
            return replace(session, self._lake, insight, insight.compute(inputs, keys), keys)

    def _from_the_ledger(self, insight: Insight) -> pa.Table:
        rows = freshness_rows(self._lake, self._sources, self._clock.now())
        return pa.Table.from_pylist([{"partition_key": ALL} | row for row in rows], nullable_schema(insight.schema))


def _inputs(insight: Insight, sources: Sequence[Source]) -> list[Table]:
    needed = {i.table for i in insight.inputs}
    return [table for source in sources for table in source.tables if table.name in needed]


def insight_check_results(lake: Lake, insight: Insight, keys: Sequence[str]) -> list[dg.AssetCheckResult]:
    """The results of the insight's checks for partitions that were just computed."""
    return table_check_results(insight_table(lake, insight), insight_key(insight), keys)


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
