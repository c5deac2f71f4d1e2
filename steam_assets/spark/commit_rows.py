"""Commit classified rows of small partitions: Spark computes those of several tables in one job, Python writes them.

Belongs here: which partitions are small, collecting their rows, writing them. Does not belong here: classification
(cleaning.py), partitions that do not fit into memory (commit_frames.py).

For a small partition Spark spends little time on work and much on preparation: a plan for each write, generated code
for each plan, a branch for each table. Here all tables share one plan, run without generated code, and their files
become visible when everything about their rows is known, so no branch is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial, reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.failpoints import failpoint
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions, retry_on_contention
from steam_assets.lake.lost_manifests import rebuild_manifests
from steam_assets.lake.parquet_files import DamagedData
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.spark.full_snapshots import audit_full_snapshots
from steam_assets.spark.item_counts import STATES, Commit, Counts, PartitionsRefused, keys_in_quarantine

SMALL_BYTES = 1 << 20
"""Raw partitions up to this compressed size are small: a few thousand items, which one core parses within a second."""

WITHOUT_GENERATED_CODE = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Compiling generated classes takes a new JVM seconds and saves small partitions only milliseconds."""


def are_small(records: Mapping[str, RawRecord], limit: int = SMALL_BYTES) -> bool:
    """Whether raw partitions have at most ``limit`` bytes together."""
    return sum(batch.size for record in records.values() for batch in record.batches) <= limit


def collected(frames: Mapping[str, DataFrame]) -> dict[str, pa.Table]:
    """The rows of several frames of one session, by name, computed by one Spark job."""
    named = [
        frame.select(F.lit(name).alias("frame"), *(F.col(column).alias(f"{name}:{column}") for column in frame.columns))
        for name, frame in frames.items()
    ]
    whole = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), named)
    with interpreted(whole.sparkSession):
        rows = whole.toArrow()
    return {name: _of_frame(rows, name) for name in frames}


def _of_frame(rows: pa.Table, name: str) -> pa.Table:
    own = [column for column in rows.column_names if column.startswith(f"{name}:")]
    found = rows.filter(pc.field("frame") == name).select(own)
    return found.rename_columns([column.removeprefix(f"{name}:") for column in own])


@contextmanager
def interpreted(session: SparkSession) -> Generator[None]:
    """Within this context the session compiles no code for its queries. Not for use by threads of one session."""
    before = {name: session.conf.get(name) for name in WITHOUT_GENERATED_CODE}
    for name, value in WITHOUT_GENERATED_CODE.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            session.conf.set(name, str(value))


def commit_rows(target: IcebergTable, quarantine: IcebergTable, rows: pa.Table, commit: Commit) -> list[CleanRecord]:
    """Do the same as ``commit_frame`` with rows in memory."""
    keys, table = commit.keys, commit.table
    counts = _counted(rows, keys)
    clean = rows.filter(pc.field("state") == "clean")
    if refused := audit_full_snapshots(table, keys, counts, clean) | commit.compare(counts, rows.num_rows):
        raise PartitionsRefused(refused)
    if touched := keys_in_quarantine(counts, rows_by_key(quarantine)):
        replace_rows(quarantine, rows.filter(pc.field("state") == "quarantined"), dict.fromkeys(touched))
    failpoint("clean:after_quarantine")
    records = replace_rows(target, clean, {key: partial(commit.record, key, counts[key]) for key in keys})
    failpoint("clean:after_commit")
    return [records[key] for key in keys]


def rows_by_key(quarantine: IcebergTable) -> dict[str, int]:
    """Rows of each partition of a quarantine, which has no backup: without its manifests that cannot be read, if any.

    The items that these named come back when their partitions are cleaned again.
    """
    try:
        return quarantine.partition_rows()
    except DamagedData:
        rebuild_manifests(quarantine, {})
        return quarantine.partition_rows()


def _counted(rows: pa.Table, keys: list[str]) -> Counts:
    counts: dict[str, dict[str, int]] = {key: dict.fromkeys(STATES, 0) for key in keys}
    for group in rows.group_by(["partition_key", "state"]).aggregate([([], "count_all")]).to_pylist():
        if group["partition_key"] in counts:
            counts[group["partition_key"]][group["state"]] = group["count_all"]
    return counts


def replace_rows(
    table: IcebergTable, rows: pa.Table, made: Mapping[str, Callable[[Stored, int], CleanRecord] | None]
) -> dict[str, CleanRecord]:
    """Replace the rows of the partitions in ``made``, with the records it builds from their files and snapshot id."""
    table.create()
    held = table.pinned()
    written = {key: held.write(_batches(rows.filter(pc.field("partition_key") == key)), "rows") for key in made}
    files = [file for one in written.values() for file in one.files]

    def change() -> dict[str, CleanRecord]:
        noted: dict[str, CleanRecord] = {}

        def note(key: str, make: Callable[[Stored, int], CleanRecord], snapshot: int) -> CleanRecord:
            return noted.setdefault(key, make(written[key].stored, snapshot))

        notes = {key: partial(note, key, make) if make else None for key, make in made.items()}
        table.pinned().commit(notes, remove=of_partitions(list(made)), add=files)
        return noted

    return retry_on_contention(change)


def _batches(rows: pa.Table) -> list[pa.RecordBatch]:
    return [batch for batch in rows.to_batches() if batch.num_rows]
