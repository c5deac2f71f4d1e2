"""IO managers: how raw partitions and clean partitions are read, and clean partitions are committed.

Belongs here: mapping an asset's partition keys to the lake. Does not belong here: formats and counts (lake/).

``raw_io`` reads raw partitions as a DataFrame of envelopes; ``land`` commits them, each as soon as it is landed.
``iceberg_io`` commits classified items as Iceberg partitions, in one atomic overwrite, and reads partitions as a
DataFrame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pyspark.sql import DataFrame

from steam_assets.clock import Clock
from steam_assets.lake.columns import ORIGIN
from steam_assets.lake.iceberg_table import IcebergTable, M
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.orchestration.column_schema import with_schema
from steam_assets.orchestration.failures import SHOWN_FAILURES, permanent, permanent_if_damaged, summary
from steam_assets.orchestration.previews import clean_previews
from steam_assets.orchestration.resources import tried_again_if_lost
from steam_assets.orchestration.shown_lineage import clean_lineage
from steam_assets.sources.source import Source, Table
from steam_assets.spark.clean_tables import read_table
from steam_assets.spark.cleaning import Classified, commit_classified, raw_frame
from steam_assets.spark.column_lineage import column_lineage
from steam_assets.spark.item_counts import PartitionsRefused


class RawIOManager(dg.IOManager):
    """Reads raw partitions, and shows their counts. An output is the keys of the partitions that ``land`` committed."""

    def __init__(self, lake: Lake, spark: LazyPySparkResource, sources: Mapping[str, Source]) -> None:
        self._lake, self._spark, self._sources = lake, spark, sources

    def handle_output(self, context: dg.OutputContext, obj: Sequence[str]) -> None:
        source = self._sources[context.asset_key.path[0]]
        show_partitions(
            dg.AssetExecutionContext.get(),
            context.asset_key,
            {key: raw_metadata(record) for key, record in require_raw(self._lake, source, obj).items()},
        )

    def load_input(self, context: dg.InputContext) -> DataFrame:
        source, keys = self._sources[context.asset_key.path[0]], list(context.asset_partition_keys)
        require_cleanable(self._lake, source, keys)
        with tried_again_if_lost(self._spark):
            return raw_frame(self._spark.spark_session, self._lake, source, keys)


class IcebergIOManager(dg.IOManager):
    """Commits classified items (``cleaning.classify``) of a table's partitions, and reads its rows."""

    def __init__(
        self, lake: Lake, spark: LazyPySparkResource, clock: Clock, tables: Mapping[dg.AssetKey, tuple[Source, Table]]
    ) -> None:
        self._lake, self._spark, self._clock, self._tables = lake, spark, clock, tables

    def handle_output(  # pyright: ignore[reportIncompatibleMethodOverride] - Dagster also takes a generator
        self, context: dg.OutputContext, obj: Classified
    ) -> Iterator[dg.AssetMaterialization]:
        source, table = self._tables[context.asset_key]
        raw = require_raw(self._lake, source, sorted(context.asset_partition_keys))
        with tried_again_if_lost(self._spark):
            session = self._spark.spark_session
            try:
                with permanent_if_damaged([self._lake.raw(source), self._lake.clean(table)], raw):
                    records = commit_classified(session, self._lake, source, table, obj, raw, self._clock.now())
            except PartitionsRefused as error:
                yield from _committed(context, error.committed)
                raise permanent(summary(error.reasons, len(raw))) from None
        lineage = column_lineage(obj, [source.name]) if isinstance(obj, DataFrame) else None
        shown = clean_previews(self._lake.clean(table), sorted(raw)) | clean_lineage(source, table, lineage)
        newest = max(raw)
        show_partitions(
            dg.AssetExecutionContext.get(),
            context.asset_key,
            with_schema(
                {r.partition_key: clean_metadata(r) | (shown if r.partition_key == newest else {}) for r in records},
                (*table.columns, *ORIGIN),
            ),
        )

    def load_input(self, context: dg.InputContext) -> DataFrame:
        source, table = self._tables[context.asset_key]
        keys = list(context.asset_partition_keys)
        require_clean(self._lake, source, table, keys)
        with tried_again_if_lost(self._spark):
            return read_table(self._spark.spark_session, self._lake.clean(table), keys)


def _committed(context: dg.OutputContext, records: Sequence[CleanRecord]) -> Iterator[dg.AssetMaterialization]:
    """Have Dagster store the materializations of an output that then fails."""
    for record in records:
        made = dg.AssetMaterialization(
            context.asset_key, partition=record.partition_key, metadata=clean_metadata(record)
        )
        # What is logged is stored at the next ``yield``; what is yielded only if nothing fails.
        context.log_event(made)
        yield made


def require_raw(lake: Lake, source: Source, partition_keys: Sequence[str]) -> dict[str, RawRecord]:
    """The ledger's records of raw partitions; a permanent failure that names what to run first if one has none."""
    return _required(lake.raw(source), RawRecord, partition_keys, f"{source.name}/raw", f"{source.name} --stage raw")


def require_cleanable(lake: Lake, source: Source, partition_keys: Sequence[str]) -> None:
    """A permanent failure if a raw partition cannot be cleaned: it does not exist, or all its batches are excluded.

    A clean partition that exists is cleaned nevertheless, so that it loses the rows of the excluded batches.
    """
    for key, record in require_raw(lake, source, partition_keys).items():
        if not record.included and not any(lake.clean(table).record(CleanRecord, key) for table in source.tables):
            why = "; ".join(f"{batch}: {reason}" for batch, reason in record.excluded.items())
            raise permanent(
                f"{source.name}/raw {key}: all batches are excluded ({why}). Fetch it: "
                f"steam-assets run {source.name} --from {key} --to {key}"
            )


def require_clean(lake: Lake, source: Source, table: Table, partition_keys: Sequence[str]) -> dict[str, CleanRecord]:
    """The records of clean partitions; a permanent failure that names what to run first if one has none."""
    asset, command = f"{source.name}/{table.asset}", f"{source.name} --stage clean"
    return _required(lake.clean(table), CleanRecord, partition_keys, asset, command)


def _required(
    table: IcebergTable, model: type[M], partition_keys: Sequence[str], asset: str, command: str
) -> dict[str, M]:
    records = table.pinned().records(model)
    if lacking := sorted(set(partition_keys) - records.keys()):
        first, last = lacking[0], lacking[-1]
        which = f"partition {first}" if first == last else f"partitions {', '.join(lacking[:SHOWN_FAILURES])}"
        more = f" and {len(lacking) - SHOWN_FAILURES} more, to {last}" if len(lacking) > SHOWN_FAILURES else ""
        raise permanent(
            f"{asset} has no {which}{more}. Materialize {'it' if first == last else 'them'} first: "
            f"steam-assets run {command} --from {first} --to {last}"
        )
    return {key: records[key] for key in partition_keys}


def raw_metadata(record: RawRecord) -> dict[str, dg.MetadataValue]:
    """The counts of a raw partition, as metadata for the Dagster UI."""
    batches = record.included
    return {
        "fetched": dg.MetadataValue.int(sum(b.fetched for b in batches)),
        "published": dg.MetadataValue.int(sum(b.published for b in batches)),
        "landed": dg.MetadataValue.int(sum(b.landed for b in batches)),
        "dead_letters": dg.MetadataValue.int(sum(b.dead_letters for b in record.batches)),
        "excluded": dg.MetadataValue.json(record.excluded),
        "bytes": dg.MetadataValue.int(sum(b.size for b in batches)),
        "items": dg.MetadataValue.json(record.items),
        "offsets": dg.MetadataValue.json(
            [r.model_dump() | {"topic": b.receipt.topic} for b in batches if b.receipt for r in b.receipt.ranges]
        ),
        "content_digest": dg.MetadataValue.text(record.digest),
    }


def clean_metadata(record: CleanRecord) -> dict[str, dg.MetadataValue]:
    """The counts of a clean partition, as metadata for the Dagster UI."""
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(record.clean),
        "items": dg.MetadataValue.int(record.items),
        "quarantined": dg.MetadataValue.int(record.quarantined),
        "duplicates": dg.MetadataValue.int(record.duplicates),
        "snapshot_id": dg.MetadataValue.text(str(record.snapshot_id)),
    }


def show_partitions(
    context: dg.AssetExecutionContext, key: dg.AssetKey, shown: Mapping[str, Mapping[str, dg.MetadataValue]]
) -> None:
    """Give each partition's materialization its own metadata; ``shown`` is by partition key.

    Metadata that an asset or an IO manager reports for the whole run would appear, with its totals, on every partition
    of a range.
    """
    for partition_key, metadata in shown.items():
        context.add_asset_metadata(metadata, key, partition_key)
