"""Commit any number of classified rows: Spark writes the clean ones, and counts all of them in the same pass.

Belongs here: what is counted and collected while rows are written. Does not belong here: classification (cleaning.py),
the branch (clean_tables.py), partitions that fit into memory (commit_rows.py).

Items for the quarantine are few, unless a source has changed its format. So they come to Python with the counts, in
sketches of bounded size, and Python commits them. Only if they do not fit, a second pass over the raw rows writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from steam_assets.failpoints import failpoint
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.ledger.records import CleanRecord
from steam_assets.spark.clean_tables import overwrite, put
from steam_assets.spark.commit_rows import replace_rows, rows_by_key
from steam_assets.spark.full_snapshots import audit_full_snapshots, audited_columns
from steam_assets.spark.item_counts import STATES, Commit, Counts, CountsDiffer, PartitionsRefused, keys_in_quarantine

SKETCHES = {4 << 10: 8192, 64 << 10: 512}
"""Capacity of each sketch in distinct items, by the longest item text it takes (in bytes): 32 MiB at most."""

_FILLED = 0.75
"""Up to this share of its capacity, a sketch (Apache DataSketches' frequent items) is exact: it has dropped nothing."""

_NUMBER, _ITEMS = "number up to ", "items up to "
_TEXTS = ("problem", "item", "partition_key", "source_sha256")


def commit_frame(
    spark: SparkSession, target: IcebergTable, quarantine: IcebergTable, classified: DataFrame, commit: Commit
) -> list[CleanRecord]:
    """Write the partitions of ``commit``: quarantine first, then clean rows with their records, in one commit.

    Raises PartitionsRefused if Spark counted other numbers of items than were landed, or rows are not a complete
    snapshot; CountsDiffer if it cannot be told of which partition. Both leave the visible clean table unchanged.
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
        differing = commit.compare(counts, observed["all"])
        written = target.arrow(keys, audited_columns(table), snapshot) if table.ranked else None
        if refused := audit_full_snapshots(table, keys, counts, written) | differing:
            raise PartitionsRefused(refused)
        _write_quarantine(spark, quarantine, classified, counts, observed)
        failpoint("clean:after_quarantine")
        stored = target.stored(keys, snapshot)
        records.update({key: commit.record(key, counts[key], stored[key], snapshot) for key in keys})
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
    ] + [F.count(F.lit(1)).alias("all"), *_sketches()]


def _sketches() -> Iterator[SparkColumn]:
    """The items to quarantine, as JSON, and how many there are, by length."""
    row = f"to_json(struct({', '.join(_TEXTS)}, unix_micros(fetched_at) AS fetched_at))"
    shorter = -1
    for longest, room in SKETCHES.items():
        fits = f"problem IS NOT NULL AND octet_length(item) > {shorter} AND octet_length(item) <= {longest}"
        yield F.expr(f"count_if({fits}) AS `{_NUMBER}{longest}`")
        yield F.expr(f"to_json(approx_top_k(if({fits}, {row}, NULL), {room}, {room})) AS `{_ITEMS}{longest}`")
        shorter = longest


def _sketched(observed: Mapping[str, Any], quarantined: int) -> pa.Table | None:
    """The items to quarantine; None if the sketches do not hold all of them."""
    numbers = {longest: observed[f"{_NUMBER}{longest}"] for longest in SKETCHES}
    if sum(numbers.values()) != quarantined or any(n > _FILLED * SKETCHES[longest] for longest, n in numbers.items()):
        return None
    entries = [entry for longest in SKETCHES for entry in json.loads(observed[f"{_ITEMS}{longest}"])]
    # The entry without an item counts the rows that do not belong in this sketch.
    rows = [json.loads(e["item"]) for e in entries if "item" in e for _ in range(e["count"])]
    texts = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in _TEXTS}
    fetched = pa.array([row.get("fetched_at") for row in rows], pa.timestamp("us", tz="UTC"))
    return pa.table(texts | {"fetched_at": fetched})


def _write_quarantine(
    spark: SparkSession, target: IcebergTable, classified: DataFrame, counts: Counts, observed: Mapping[str, Any]
) -> None:
    if not (touched := keys_in_quarantine(counts, rows_by_key(target))):
        return
    rows = _sketched(observed, sum(states["quarantined"] for states in counts.values()))
    if rows is not None:
        replace_rows(target, rows, dict.fromkeys(touched))
    else:
        # Filter by the problem, not the state: then Spark skips the window function.
        target.create()
        put(spark, target, classified.drop("state").where("problem IS NOT NULL"), touched, target.identifier)
    there = target.partition_rows()
    if lacking := [key for key in touched if there.get(key, 0) != counts[key]["quarantined"]]:
        raise CountsDiffer(f"{target.name} {', '.join(lacking)}: the items in quarantine differ from those counted")
