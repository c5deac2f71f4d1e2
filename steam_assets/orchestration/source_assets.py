"""The asset factory: each source has raw and raw backup, and clean and clean backup for each of its tables.

Belongs here: what is the same for all sources. Does not belong here: a branch for one source; differences are fields of
``Source``.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pyspark.sql import DataFrame

from steam_assets.clock import Clock
from steam_assets.lake.backup import back_up
from steam_assets.lake.columns import ENVELOPE, ORIGIN
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import BackupRecord, PartitionRecord, RawRecord
from steam_assets.orchestration.checks import clean_checks, raw_checks
from steam_assets.orchestration.column_schema import column_schema, with_schema
from steam_assets.orchestration.failures import permanent, permanent_if_damaged
from steam_assets.orchestration.ingest_ops import land_op, publish_op
from steam_assets.orchestration.io_managers import clean_metadata, require_clean, require_raw, show_partitions
from steam_assets.orchestration.partitions import Partitions
from steam_assets.orchestration.resources import tried_again_if_lost
from steam_assets.orchestration.run_partitions import run_partitions
from steam_assets.orchestration.schedules import freshness_policy
from steam_assets.orchestration.shown_lineage import clean_lineage
from steam_assets.orchestration.submitted_cleaning import Submission
from steam_assets.sources.source import Source, Table
from steam_assets.spark.cleaning import Classified, classify_partitions

RANGE = dg.BackfillPolicy.single_run()
"""A backfill of any number of partitions is one run with one Spark job and one commit."""
RAW_RANGE = dg.BackfillPolicy.multi_run(max_partitions_per_run=10_000)
"""A backfill of raw is one run, too, but one of its own: what depends on a partition that failed must not keep the
others from being cleaned, and Dagster joins assets into one run if they have the same policy."""


def source_assets(
    source: Source, sources: Mapping[str, Source], partitions: Partitions, *, submitted: bool = False
) -> list[dg.AssetsDefinition]:
    """All assets of a source. ``sources`` is used to find the sources that it takes its apps from.

    ``submitted``: cleaning runs as a separate job, started by the resource ``submission``.
    """
    raw = [_raw(source, sources, partitions), _raw_backup(source, partitions)]
    clean = _clean(source, partitions, submitted=submitted)
    return [*raw, clean, *(_clean_backup(source, table, partitions) for table in source.tables)]


def source_checks(source: Source) -> list[dg.AssetChecksDefinition]:
    clean = [clean_checks(source, table, clean_key(source, table)) for table in source.tables]
    keys = [clean_key(source, table) for table in source.tables]
    return [raw_checks(source, raw_key(source)), *clean, *dg.build_column_schema_change_checks(assets=keys)]


def raw_key(source: Source) -> dg.AssetKey:
    return dg.AssetKey([source.name, "raw"])


def clean_key(source: Source, table: Table) -> dg.AssetKey:
    return dg.AssetKey([source.name, table.asset])


def tables_by_key(sources: Sequence[Source]) -> dict[dg.AssetKey, tuple[Source, Table]]:
    return {clean_key(source, table): (source, table) for source in sources for table in source.tables}


def _raw(source: Source, sources: Mapping[str, Source], partitions: Partitions) -> dg.AssetsDefinition:
    charts = [sources[name] for name in source.apps_from]
    publish, land = publish_op(source, charts), land_op(source)

    @dg.graph_asset(
        key=raw_key(source),
        ins={chart.name: _chart_in(chart, source) for chart in charts},
        group_name=source.name,
        description=f"{source.description}\n\nThe responses as received, through Kafka: one row per envelope.",
        metadata={"dagster/column_schema": column_schema(ENVELOPE)},
        partitions_def=partitions,
        backfill_policy=RAW_RANGE,
        tags={"stage": "raw", "cadence": source.cadence.value},
    )
    def raw(**charts: object) -> object:
        return land(publish(**charts))

    return raw


def _chart_in(chart: Source, source: Source) -> dg.AssetIn:
    """The dependency on the chart of the same partition, or on the newest one of another cadence."""
    mapping = None if chart.cadence is source.cadence else dg.LastPartitionMapping()
    return dg.AssetIn(clean_key(chart, chart.tables[0]), dagster_type=dg.Nothing, partition_mapping=mapping)


def _raw_backup(source: Source, partitions: Partitions) -> dg.AssetsDefinition:
    key = dg.AssetKey([source.name, "raw_backup"])

    @dg.asset(
        key=key,
        deps=[raw_key(source)],
        check_specs=[dg.AssetCheckSpec("verified", asset=key, description="Row count and content digest read back.")],
        group_name=source.name,
        description="A copy of the raw partition in the backup root, verified by reading it back.",
        partitions_def=partitions,
        backfill_policy=RANGE,
        tags={"stage": "raw-backup", "cadence": source.cadence.value},
    )
    def raw_backup(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> Iterator[dg.MaterializeResult]:
        keys = run_partitions(context, source.cadence)
        require_raw(lake, source, keys)
        records, problems = back_up(lake.raw_twins(source), keys, clock.now())
        aside = lake.set_aside_twins(source)
        there = aside.primary.records(RawRecord)
        problems += back_up(aside, [k for k in keys if k in there], clock.now())[1]
        show_partitions(context, key, {k: _backed_up(record) for k, record in records.items()})
        yield dg.MaterializeResult(check_results=[_verified(key, problems)])
        if problems:
            raise permanent("; ".join(problems))

    return raw_backup


def _clean(source: Source, partitions: Partitions, *, submitted: bool) -> dg.AssetsDefinition:
    """The source's clean tables, computed together, or the selected ones: small partitions take one Spark job."""
    specs = {table.asset: _clean_spec(source, table) for table in source.tables}
    name = f"{source.name}__clean"

    def selected(context: dg.AssetExecutionContext) -> list[Table]:
        return [table for table in source.tables if clean_key(source, table) in context.selected_asset_keys]

    @dg.multi_asset(
        name=name,
        ins={"raw": dg.AssetIn(raw_key(source))},
        outs={
            asset: dg.AssetOut.from_spec(spec, io_manager_key="iceberg_io", is_required=False)
            for asset, spec in specs.items()
        },
        partitions_def=partitions,
        backfill_policy=RANGE,
        can_subset=True,
    )
    def clean(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        spark: dg.ResourceParam[LazyPySparkResource],
        raw: DataFrame,
    ) -> Iterator[dg.Output[Classified]]:
        tables = selected(context)
        records = require_raw(lake, source, run_partitions(context, source.cadence))
        with tried_again_if_lost(spark), permanent_if_damaged([lake.raw(source)], records):
            classified = classify_partitions(tables, raw, records)
        for table in tables:
            yield dg.Output(classified[table.name], table.asset)

    @dg.multi_asset(
        name=name,
        specs=[spec.replace_attributes(deps=[raw_key(source)], skippable=True) for spec in specs.values()],
        partitions_def=partitions,
        backfill_policy=RANGE,
        can_subset=True,
    )
    def clean_elsewhere(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], submission: dg.ResourceParam[Submission]
    ) -> Iterator[dg.MaterializeResult]:
        tables, keys = selected(context), run_partitions(context, source.cadence)
        raw = require_raw(lake, source, keys)
        submission.run(context, [source.name, ",".join(table.name for table in tables), *keys])
        for table in tables:
            records = require_clean(lake, source, table, keys)
            if stale := [r.partition_key for r in records.values() if r.raw_digest != raw[r.partition_key].digest]:
                raise permanent(f"the job did not update {', '.join(stale)} of {table.name}; see the job's log")
            shown = with_schema(
                {key: clean_metadata(record) for key, record in records.items()}, (*table.columns, *ORIGIN)
            )
            shown[keys[-1]] |= clean_lineage(source, table)
            show_partitions(context, clean_key(source, table), shown)
            yield dg.MaterializeResult(asset_key=clean_key(source, table))

    return clean_elsewhere if submitted else clean


def _clean_spec(source: Source, table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        clean_key(source, table),
        group_name=source.name,
        description=table.description,
        metadata={
            "dagster/column_schema": column_schema((*table.columns, *ORIGIN)),
            "key": ", ".join(table.key),
        },
        freshness_policy=freshness_policy(source.cadence),
        tags={"stage": "clean", "cadence": source.cadence.value},
    )


def _clean_backup(source: Source, table: Table, partitions: Partitions) -> dg.AssetsDefinition:
    key = dg.AssetKey([source.name, f"{table.asset}_backup"])

    @dg.asset(
        key=key,
        deps=[clean_key(source, table)],
        check_specs=[dg.AssetCheckSpec("verified", asset=key, description="Row count and content digest read back.")],
        group_name=source.name,
        description=f"A copy of {clean_key(source, table).to_user_string()} in the backup catalog, read back.",
        partitions_def=partitions,
        backfill_policy=RANGE,
        tags={"stage": "clean-backup", "cadence": source.cadence.value},
    )
    def clean_backup(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> Iterator[dg.MaterializeResult]:
        keys = run_partitions(context, source.cadence)
        require_clean(lake, source, table, keys)
        records, problems = back_up(lake.clean_twins(source, table), keys, clock.now())
        show_partitions(context, key, {k: _backed_up(record) for k, record in records.items()})
        yield dg.MaterializeResult(check_results=[_verified(key, problems)])
        if problems:
            raise permanent("; ".join(problems))

    return clean_backup


def _backed_up(record: BackupRecord[PartitionRecord]) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(record.of.content.rows),
        "content_digest": dg.MetadataValue.text(record.of.content.digest),
    }


def _verified(key: dg.AssetKey, problems: Sequence[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name="verified",
        passed=not problems,
        metadata={"problems": dg.MetadataValue.json(list(problems))},
    )
