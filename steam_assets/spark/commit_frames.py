"""Commit classified rows of any number: Spark writes them, counts them meanwhile, and repeats nothing in Python.

Belongs here: counting while writing, the second look for the quarantine. Does not belong here: classification
(cleaning.py), the branch (clean_tables.py), partitions that fit into memory (commit_rows.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from steam_assets.failpoints import failpoint
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.ledger.records import CleanRecord
from steam_assets.spark.clean_tables import overwrite, put
from steam_assets.spark.item_counts import STATES, Commit, Counts, CountsDiffer, keys_in_quarantine
from steam_assets.spark.pictures import audit_pictures, audited_columns

SPOILED = "spoiled"
PLACE_IN_BITMAP = "pmod(xxhash64(source_sha256), 32768)"
"""SQL: a response's position in a 32,768-bit bitmap of the responses that may hold an item to quarantine."""


def commit_frame(
    spark: SparkSession, target: IcebergTable, quarantine: IcebergTable, classified: DataFrame, commit: Commit
) -> list[CleanRecord]:
    """Write the partitions of ``commit``: quarantine first, then clean rows with their records, in one commit.

    Raises CountsDiffer if Spark counted other numbers of items than were landed, or AuditFailed if the rows are not a
    complete snapshot. Both leave the visible clean table unchanged.
    """
    table, keys = commit.table, commit.keys
    tries: list[Observation] = []
    records: dict[str, CleanRecord] = {}

    def write() -> DataFrame:
        tries.append(Observation())
        return classified.observe(tries[-1], *_counters(commit)).where("state = 'clean'")

    def audit(snapshot: int) -> Mapping[str, CleanRecord]:
        observed = tries[-1].get
        counts = {key: {state: observed[f"{key} {state}"] for state in STATES} for key in keys}
        commit.compare(counts, observed["all"])
        audit_pictures(table, keys, counts, target.arrow(keys, audited_columns(table), snapshot))
        _write_quarantine(spark, quarantine, classified, counts, observed[SPOILED])
        failpoint("clean:after_quarantine")
        contents = target.content(keys, snapshot)
        records.update({key: commit.record(key, counts[key], contents[key], snapshot) for key in keys})
        return records

    overwrite(spark, target, write, keys, audit)
    failpoint("clean:after_commit")
    return [records[key] for key in keys]


def _counters(commit: Commit) -> list[SparkColumn]:
    # As SQL: built from functions, each column takes twenty calls into the JVM, and a range has many columns.
    return [
        F.expr(f"count_if(partition_key = '{key}' AND state = '{state}') AS `{key} {state}`")
        for key in commit.keys
        for state in STATES
    ] + [
        F.count(F.lit(1)).alias("all"),
        F.bitmap_construct_agg(F.when(F.col("problem").isNotNull(), F.expr(PLACE_IN_BITMAP))).alias(SPOILED),
    ]


def _write_quarantine(
    spark: SparkSession, target: IcebergTable, classified: DataFrame, counts: Counts, spoiled: bytes
) -> None:
    if touched := keys_in_quarantine(counts, target.partition_rows()):
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
