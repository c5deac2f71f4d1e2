"""Checks of raw and clean partitions, computed from the counts in the manifest and the ledger.

Belongs here: rules on counts that hold for every table. Does not belong here: the backups' ``verified`` check, which
their assets report themselves.
"""

from collections.abc import Iterator

import dagster as dg

from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.orchestration.run_status import partitions_named
from steam_assets.orchestration.table_checks import table_check_results, table_check_specs
from steam_assets.sources.source import Source, Table


def raw_checks(source: Source, key: dg.AssetKey) -> dg.AssetChecksDefinition:
    """``no_dead_letters``: every message within the offsets of the partition's batches was a valid envelope.

    The Dagster UI can execute it alone, without a partition; then it checks all.
    """

    @dg.asset_check(
        name="no_dead_letters",
        asset=key,
        description="No message was rejected on landing; rejected ones are set aside, and in the dead-letter topic.",
    )
    def no_dead_letters(context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        records, run = lake.raw(source).records(RawRecord), context.op_execution_context
        keys = run.partition_keys if partitions_named(run.run.tags) else sorted(records)
        spoiled = [k for k in keys if k in records and any(batch.dead_letters for batch in records[k].batches)]
        return _result(key, "no_dead_letters", spoiled)

    return no_dead_letters


def clean_checks(source: Source, table: Table, key: dg.AssetKey) -> dg.AssetChecksDefinition:
    """``reconciled``: every landed item is clean, quarantined or a duplicate.

    ``quarantine_within_limit``: the share of quarantined items is at most the source's limit. And those that clean
    tables and insights have in common (table_checks.py).
    """

    @dg.multi_asset_check(
        name=f"{source.name}_{table.name}_counts",
        specs=[
            dg.AssetCheckSpec(
                "reconciled", asset=key, blocking=True, description="landed = clean + quarantined + duplicates"
            ),
            dg.AssetCheckSpec(
                "quarantine_within_limit",
                asset=key,
                description=f"At most {source.quarantine_limit:.1%} of a partition's items are in quarantine.",
            ),
            *table_check_specs(key),
        ],
    )
    def counts(context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]) -> Iterator[dg.AssetCheckResult]:
        records = {k: lake.clean(table).record(CleanRecord, k) for k in context.op_execution_context.partition_keys}
        gaps = [k for k, record in records.items() if record is None or not _reconciles(lake, source, record)]
        yield _result(key, "reconciled", gaps)
        over = [k for k, r in records.items() if r and r.items and r.quarantined / r.items > source.quarantine_limit]
        yield _result(key, "quarantine_within_limit", over)
        yield from table_check_results(lake.clean(table), key, context.op_execution_context.partition_keys)

    return counts


def _reconciles(lake: Lake, source: Source, record: CleanRecord) -> bool:
    raw = lake.raw(source).record(RawRecord, record.partition_key)
    if raw is None or raw.digest != record.raw_digest:
        return False
    landed = raw.items.get(record.table, 0)
    return landed == record.items == record.clean + record.quarantined + record.duplicates


def _result(key: dg.AssetKey, name: str, failing: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not failing,
        metadata={"failing_partitions": dg.MetadataValue.json(failing)},
    )
