"""From raw envelopes to clean rows: classify every item, count every item, commit once.

Belongs here: what all sources have in common. Does not belong here: what an item is (a source's ``Table.items``).

Each item ends in exactly one of three states: ``clean``, ``quarantined`` or ``duplicate``. Spark counts them while it
writes, and the counts are compared with those taken at fetch time before anything becomes visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F

from steam_assets.failpoints import failpoint
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import Batch, CleanRecord, RawRecord
from steam_assets.sources.source import Source, Table
from steam_assets.spark.clean_tables import overwrite, put, read_table
from steam_assets.spark.pictures import audit_pictures
from steam_assets.spark.reviewer_key import fingerprint, key_for, reviewer_key, with_reviewer_key

STATES = ("clean", "quarantined", "duplicate")

SPOILED = "spoiled"
PLACE_IN_BITMAP = "pmod(xxhash64(source_sha256), 32768)"
"""SQL: a response's position in a 32,768-bit bitmap of the responses that may hold an item to quarantine."""


class MissingRaw(Exception):
    """A partition cannot be cleaned because its raw data is missing."""


class CountsDiffer(Exception):
    """Items were lost or added between the response and the table; nothing was committed."""


@dataclass(frozen=True)
class Provenance:
    """A raw partition's digest, and the number of items of one clean table in it, from the ledger.

    For snapshot tables, ``older`` of them are in older snapshots, which the newest one replaces completely, last at
    ``replaced_at`` (UTC).
    """

    digest: str
    items: int
    older: int = 0
    replaced_at: datetime | None = None

    @classmethod
    def of(cls, table: Table, record: RawRecord) -> Provenance:
        items = record.items.get(table.name, 0)
        if not table.picture or not record.included:
            return cls(record.digest, items)
        newest, *older = sorted(record.included, key=partial(_recency, table), reverse=True)
        replaced = max((batch.fetched_at for batch in older if batch.fetched_at), default=None)
        return cls(record.digest, items, items - newest.items.get(table.name, 0), replaced)


def _recency(table: Table, batch: Batch) -> tuple[bool, datetime, str]:
    return batch.items.get(table.name, 0) > 0, batch.fetched_at or batch.landed_at, batch.batch_id


def newest_picture(table: Table, raw: DataFrame) -> DataFrame:
    """The envelopes of each partition's newest batch with items of the table, the same one as in ``Provenance``."""
    recency = F.struct(F.coalesce(F.col("items")[table.name], F.lit(0)) > 0, "fetched_at", "batch_id")
    newest = F.max(recency).over(Window.partitionBy("partition_key"))
    return raw.withColumn("newest", newest["batch_id"]).where("batch_id = newest").drop("newest")


def classify(table: Table, raw: DataFrame) -> DataFrame:
    """Every item of ``raw`` with its ``state`` and, where it is quarantined, its ``problem``.

    Columns: the table's own, ``changes``, ``item``, ``problem``, ``state`` and the envelope's origin. Among items with
    the same natural key the one from the newest response is clean, the others are duplicates.
    """
    items = table.items(newest_picture(table, raw) if table.picture else raw)
    if "changes" not in items.columns:
        items = items.withColumn("changes", F.array().cast("array<string>"))
    classified = items.withColumn("problem", F.coalesce("problem", *_broken_rules(table)))
    newest_first = Window.partitionBy("partition_key", "problem", *table.key).orderBy(
        F.col("fetched_at").desc(), F.col("sequence").desc()
    )
    place = F.row_number().over(newest_first)
    state = F.when(F.col("problem").isNotNull(), "quarantined").when(place > 1, "duplicate").otherwise("clean")
    # Pages of one batch may overlap; only items from another batch count as replaced.
    earlier = F.lead(F.struct("fetched_at", "batch_id")).over(newest_first)
    replaced = F.when(
        (F.col("state") == "clean") & (earlier["batch_id"] != F.col("batch_id")),
        F.array(F.concat(F.lit("replaces the answer of "), earlier["fetched_at"].cast("string"), F.lit(" UTC"))),
    ).otherwise(F.array().cast("array<string>"))
    return classified.withColumn("state", state).withColumn("changes", F.concat("changes", replaced))


def _broken_rules(table: Table) -> list[SparkColumn]:
    required = {f"{c.name} is missing": f"`{c.name}` IS NOT NULL" for c in table.columns if not c.nullable}
    # A rule over a null is neither true nor false; the column declares whether nulls are allowed, not the rule.
    rules = {f"broken rule: {name}": f"coalesce({condition}, true)" for name, condition in table.rules.items()}
    return [F.when(~F.expr(condition), F.lit(problem)) for problem, condition in (required | rules).items()] or [
        F.lit(None).cast("string")
    ]


def raw_frame(spark: SparkSession, lake: Lake, source: Source, keys: Sequence[str]) -> DataFrame:
    """The envelopes of raw partitions, with the reviewers' hash key and ``source_sha256`` as each row's origin.

    OtherKey if these partitions' pseudonyms would not match those of the others.
    """
    envelopes = read_table(spark, lake.raw(source), keys).withColumn("source_sha256", F.col("sha256"))
    records = lake.raw(source).records(RawRecord)
    if excluded := sorted({name for key in keys if key in records for name in records[key].excluded}):
        envelopes = envelopes.where(~F.col("batch_id").isin(excluded))
    return with_reviewer_key(envelopes, key_for(lake, source, keys))


def commit_classified(
    spark: SparkSession,
    lake: Lake,
    table: Table,
    classified: DataFrame,
    records: Mapping[str, RawRecord],
    now: datetime,
) -> list[CleanRecord]:
    """Commit classified items of the partitions in ``records``. Returns and raises the same as ``commit``."""
    provenance = {key: Provenance.of(table, record) for key, record in records.items()}
    made_with = fingerprint(reviewer_key(lake.settings)) if table.pseudonymous else None
    target, quarantine = lake.clean(table), lake.quarantine(table)
    return commit(spark, target, quarantine, table, classified, provenance, now, made_with)


def clean(
    spark: SparkSession, lake: Lake, source: Source, table: Table, keys: Sequence[str], now: datetime
) -> list[CleanRecord]:
    """Clean partitions of one table in one commit; return their records. Raises MissingRaw, CountsDiffer."""
    landed = lake.raw(source).records(RawRecord)
    if missing := sorted(set(keys) - landed.keys()):
        raise MissingRaw(f"{source.name}/raw has no partition {', '.join(missing)}; materialize it first")
    classified = classify(table, raw_frame(spark, lake, source, keys))
    return commit_classified(spark, lake, table, classified, {key: landed[key] for key in sorted(keys)}, now)


def commit(
    spark: SparkSession,
    target: IcebergTable,
    quarantine: IcebergTable,
    table: Table,
    classified: DataFrame,
    provenance: Mapping[str, Provenance],
    now: datetime,
    made_with: str | None = None,
) -> list[CleanRecord]:
    """Write the partitions in ``provenance``: quarantine first, then clean rows with their records, in one commit.

    ``made_with`` is the fingerprint of the reviewers' key. Raises CountsDiffer if Spark counted other numbers of items
    than were landed, or AuditFailed if the rows are not a complete snapshot. Both leave the visible clean table
    unchanged.
    """
    keys = sorted(provenance)
    classified = _with_replacement_notes(classified, provenance)
    tries: list[Observation] = []
    records: dict[str, CleanRecord] = {}

    def write() -> DataFrame:
        tries.append(Observation())
        return classified.observe(tries[-1], *_counters(keys)).where("state = 'clean'")

    def audit(snapshot: int) -> Mapping[str, CleanRecord]:
        observed = tries[-1].get
        counts = _by_partition(observed, keys)
        _compare(table, counts, provenance)
        audit_pictures(table, target, keys, counts, snapshot)
        _write_quarantine(spark, quarantine, classified, counts, observed[SPOILED])
        failpoint("clean:after_quarantine")
        contents = target.content(keys, snapshot)
        for key in keys:
            records[key] = CleanRecord(
                table=table.name,
                partition_key=key,
                raw_digest=provenance[key].digest,
                items=provenance[key].items,
                clean=counts[key]["clean"],
                quarantined=counts[key]["quarantined"],
                duplicates=counts[key]["duplicate"] + provenance[key].older,
                content=contents[key],
                snapshot_id=snapshot,
                committed_at=now,
                reviewer_key=made_with,
            )
        return records

    overwrite(spark, target, write, keys, audit)
    failpoint("clean:after_commit")
    return [records[key] for key in keys]


def _with_replacement_notes(classified: DataFrame, provenance: Mapping[str, Provenance]) -> DataFrame:
    for key, origin in provenance.items():
        if origin.replaced_at is not None:
            note = F.array(F.lit(f"replaces the picture of {origin.replaced_at:%Y-%m-%d %H:%M:%S} UTC"))
            changes = F.when(F.col("partition_key") == key, F.concat("changes", note)).otherwise(F.col("changes"))
            classified = classified.withColumn("changes", changes)
    return classified


def _counters(keys: Sequence[str]) -> list[SparkColumn]:
    # As SQL: built from functions, each column takes twenty calls into the JVM, and a range has many columns.
    return [
        F.expr(f"count_if(partition_key = '{key}' AND state = '{state}') AS `{key} {state}`")
        for key in keys
        for state in STATES
    ] + [
        F.count(F.lit(1)).alias("all"),
        F.bitmap_construct_agg(F.when(F.col("problem").isNotNull(), F.expr(PLACE_IN_BITMAP))).alias(SPOILED),
    ]


def _by_partition(observed: Mapping[str, int], keys: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = {key: {state: observed[f"{key} {state}"] for state in STATES} for key in keys}
    elsewhere = observed["all"] - sum(sum(states.values()) for states in counts.values())
    if elsewhere:
        raise CountsDiffer(f"{elsewhere} items have another partition's key; the raw files were changed after landing")
    return counts


def _compare(table: Table, counts: Mapping[str, Mapping[str, int]], provenance: Mapping[str, Provenance]) -> None:
    for key, states in counts.items():
        seen = sum(states.values())
        if seen != provenance[key].items - provenance[key].older:
            counted = ", ".join(f"{state} {number}" for state, number in states.items())
            raise CountsDiffer(
                f"{table.name} {key}: {provenance[key].items} items were landed but {seen} were found ({counted}). "
                "Nothing was committed; check the raw partition with `steam-assets verify`."
            )


def _write_quarantine(
    spark: SparkSession,
    target: IcebergTable,
    classified: DataFrame,
    counts: Mapping[str, Mapping[str, int]],
    spoiled: bytes,
) -> None:
    stale = {key for key in target.partition_rows() if key in counts}
    filled = {key for key, states in counts.items() if states["quarantined"]}
    if touched := sorted(stale | filled):
        # Filter by the problem, not the state: then Spark skips the window function, builds the item text for these
        # items only, and parses only responses that may hold one.
        byte = f"conv(hex(substring(X'{bytes(spoiled).hex()}', int({PLACE_IN_BITMAP} div 8 + 1), 1)), 16, 10)"
        may_hold = F.expr(f"shiftright(int({byte}), int({PLACE_IN_BITMAP} % 8)) & 1 = 1")
        items = classified.drop("state").where(may_hold & F.col("problem").isNotNull())
        target.create()
        put(spark, target, items, touched, target.identifier)
        there = target.partition_rows()
        if lacking := [key for key in touched if there.get(key, 0) != counts[key]["quarantined"]]:
            raise CountsDiffer(f"{target.name} {', '.join(lacking)}: the items in quarantine differ from those counted")
