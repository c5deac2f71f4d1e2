"""From raw envelopes to clean rows: classify every item, count every item, commit once.

Belongs here: what all sources have in common. Does not belong here: what an item is (a source's ``Table.items``).

Each item ends in exactly one of three states: ``clean``, ``quarantined`` or ``duplicate``. They are counted, and the
counts are compared with those taken at fetch time before anything becomes visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from steam_assets.lake.lake import Lake
from steam_assets.lake.unreadable_tables import naming_damage
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.sources.source import Source, Table
from steam_assets.spark.clean_tables import read_table
from steam_assets.spark.commit_frames import commit_frame
from steam_assets.spark.commit_rows import SMALL_BYTES, are_small, collected, commit_rows
from steam_assets.spark.item_counts import Commit, PartitionsRefused, Provenance
from steam_assets.spark.reviewer_key import fingerprint, key_for, reviewer_key, with_reviewer_key

Classified: TypeAlias = DataFrame | pa.Table
"""Classified items: where Spark will compute them, or rows in memory."""


class MissingRaw(Exception):
    """A partition cannot be cleaned because its raw data is missing."""


def newest_full_snapshot(table: Table, raw: DataFrame) -> DataFrame:
    """The envelopes of each partition's newest batch with items of the table, the same one as in ``Provenance``."""
    recency = F.struct(F.coalesce(F.col("items")[table.name], F.lit(0)) > 0, "fetched_at", "batch_id")
    newest = F.max(recency).over(Window.partitionBy("partition_key"))
    return raw.withColumn("newest", newest["batch_id"]).where("batch_id = newest").drop("newest")


def envelopes_of(table: Table, raw: DataFrame) -> DataFrame:
    """The envelopes that the table's ``items`` are read from.

    Of a full snapshot only the newest batch; no rejected response that counts none of the table's items.
    """
    newest = newest_full_snapshot(table, raw) if table.full_snapshot else raw
    return newest.where(F.col("problem").isNull() | (F.col("items")[table.name] > 0))


def classify(table: Table, raw: DataFrame) -> DataFrame:
    """Every item of ``raw`` with its ``state`` and, where it is quarantined, its ``problem``.

    Columns: the table's own, ``changes``, ``item`` (null unless there is a problem), ``problem``, ``state`` and the
    envelope's origin. Among items with the same natural key the one from the newest response is clean, the others are
    duplicates.
    """
    items = table.items(envelopes_of(table, raw))
    newest_first = Window.partitionBy("partition_key", "problem", *table.key).orderBy(
        F.col("fetched_at").desc(), F.col("sequence").desc()
    )
    # Both in one projection: then Spark passes over the sorted rows once.
    placed = items.select(
        "*",
        F.row_number().over(newest_first).alias("place"),
        F.lead(F.struct("fetched_at", "batch_id")).over(newest_first).alias("earlier"),
    )
    state = F.when(F.col("problem").isNotNull(), "quarantined").when(F.col("place") > 1, "duplicate").otherwise("clean")
    # Pages of one batch may overlap; only items from another batch count as replaced.
    earlier = F.col("earlier")
    replaced = F.when(
        (F.col("state") == "clean") & (earlier["batch_id"] != F.col("batch_id")),
        F.array(F.concat(F.lit("replaces the answer of "), earlier["fetched_at"].cast("string"), F.lit(" UTC"))),
    ).otherwise(F.array().cast("array<string>"))
    rows = placed.withColumn("state", state).withColumn("changes", F.concat("changes", replaced))
    return rows.drop("place", "earlier")


def raw_frame(spark: SparkSession, lake: Lake, source: Source, keys: Sequence[str]) -> DataFrame:
    """The envelopes of raw partitions, with ``source_sha256`` as each row's origin.

    For sources with pseudonyms also with the reviewers' hash key; OtherKey if these partitions' pseudonyms would not
    match those of the others.
    """
    envelopes = read_table(spark, lake.raw(source), keys).withColumn("source_sha256", F.col("sha256"))
    records = lake.raw(source).records(RawRecord)
    if excluded := sorted({name for key in keys if key in records for name in records[key].excluded}):
        envelopes = envelopes.where(~F.col("batch_id").isin(excluded))
    if not any(table.pseudonymous for table in source.tables):
        return envelopes
    return with_reviewer_key(envelopes, key_for(lake, source, keys))


def classify_partitions(
    tables: Sequence[Table], raw: DataFrame, records: Mapping[str, RawRecord], small: int = SMALL_BYTES
) -> dict[str, Classified]:
    """Every item of the partitions in ``records``, by table, as ``classify`` returns them, with notes of replaced ones.

    Rows in memory if the partitions have at most ``small`` bytes together, computed by one Spark job for all tables.
    """
    if not are_small(records, small):
        return {table.name: _noted(classify(table, raw), table, records) for table in tables}
    # In one task no row needs to move, so there is one stage, without shuffles.
    one_task = raw.coalesce(1)
    return dict(collected({table.name: _noted(classify(table, one_task), table, records) for table in tables}))


def commit_classified(
    spark: SparkSession,
    lake: Lake,
    source: Source,
    table: Table,
    classified: Classified,
    records: Mapping[str, RawRecord],
    now: datetime,
) -> list[CleanRecord]:
    """Commit classified items of the partitions in ``records``: quarantine first, then clean rows and their records.

    ``now`` is aware. Raises PartitionsRefused, when all other partitions are committed, for those that have other
    numbers of items than were landed, or rows that are not a complete snapshot; CountsDiffer, which leaves the visible
    clean table unchanged, if items belong to none of the partitions.
    """
    provenance = {key: Provenance.of(table, record) for key, record in records.items()}
    made_with = fingerprint(reviewer_key(lake.settings)) if table.pseudonymous else None
    commit = Commit(table, provenance, now, made_with)
    target, quarantine = lake.clean(table), lake.quarantine(table)

    def commit_these(found: Classified, these: Commit) -> list[CleanRecord]:
        if isinstance(found, pa.Table):
            return commit_rows(target, quarantine, found, these)
        return commit_frame(spark, target, quarantine, found, these)

    try:
        return commit_these(classified, commit)
    except PartitionsRefused as error:
        others = replace(commit, provenance={k: of for k, of in provenance.items() if k not in error.reasons})
        committed = commit_these(_of_partitions(classified, others.keys), others) if others.keys else []
        reasons = {
            key: f"{why}; it was not committed{_way_out(source, records[key], provenance[key], now)}"
            for key, why in error.reasons.items()
        }
        raise PartitionsRefused(reasons, committed) from None


def _of_partitions(classified: Classified, keys: Sequence[str]) -> Classified:
    if isinstance(classified, pa.Table):
        return pa.concat_tables(classified.filter(pc.field("partition_key") == key) for key in keys)
    return classified.where(F.col("partition_key").isin([*keys]))


def _way_out(source: Source, record: RawRecord, provenance: Provenance, now: datetime) -> str:
    """What to do about a partition whose snapshot is refused: fetch another one, or do without this one."""
    batch = next((one for one in record.included if one.batch_id == provenance.newest), None)
    if batch is None:
        return ""
    key = record.partition_key
    if batch.receipt is not None and not source.history.refusal(source.cadence.window(key), now):
        return f". Fetch it again: steam-assets run {source.name} --from {key} --refetch"
    # Imported, or no longer to be had.
    exclude = f"steam-assets exclude {source.name} --partition {key} --batch {batch.batch_id}"
    return f". To go without it, exclude its batch: {exclude}"


def clean(
    spark: SparkSession,
    lake: Lake,
    source: Source,
    tables: Sequence[Table],
    keys: Sequence[str],
    now: datetime,
    small: int = SMALL_BYTES,
) -> list[CleanRecord]:
    """Clean partitions of tables of one source, each table in one commit; return the records, table by table.

    Raises MissingRaw, UnreadableTable, PartitionsRefused, CountsDiffer. ``now`` is aware; ``small`` as in
    ``classify_partitions``.
    """
    landed = lake.raw(source).records(RawRecord)
    if missing := sorted(set(keys) - landed.keys()):
        raise MissingRaw(f"{source.name}/raw has no partition {', '.join(missing)}; materialize it first")
    records = {key: landed[key] for key in sorted(keys)}
    with naming_damage(lake.raw(source).load, keys=records):
        classified = classify_partitions(tables, raw_frame(spark, lake, source, keys), records, small)
        return [
            record
            for table in tables
            for record in commit_classified(spark, lake, source, table, classified[table.name], records, now)
        ]


def _noted(classified: DataFrame, table: Table, records: Mapping[str, RawRecord]) -> DataFrame:
    """The same rows, with a note in ``changes`` if an older snapshot of the partition was replaced."""
    replaced = {key: Provenance.of(table, record).replaced_at for key, record in records.items()}
    notes = [
        f"WHEN '{key}' THEN array('replaces the snapshot collected at {moment:%Y-%m-%d %H:%M:%S} UTC')"
        for key, moment in replaced.items()
        if moment is not None
    ]
    if not notes:
        return classified
    return classified.withColumn(
        "changes", F.expr(f"concat(changes, CASE partition_key {' '.join(notes)} ELSE array() END)")
    )
