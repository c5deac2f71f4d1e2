"""Write clean tables with Spark: write, audit, publish, on a branch that readers see only after its audit has passed.

Belongs here: all use of Iceberg through Spark. Does not belong here: what a row means (sources/), how rows are
classified (spark/cleaning.py), commits without a JVM (iceberg_table.py).

A write goes to a branch of the table. ``main`` moves to that branch only if the caller's audit passes, in one atomic
commit with the ledger's records: a reader sees either the old rows of the partitions or the new ones, never rows that
failed the audit, and never rows without their record.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pydantic import BaseModel
from pyiceberg.exceptions import CommitFailedException
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.lake.iceberg_table import PARTITIONS, IcebergTable, retry_on_contention
from steam_assets.processes.identity import ProcessIdentity, left_by_the_dead

AUDIT = "audit_"
"""Prefix of a branch's name, before its writer's mark."""

AUDIT_DAYS = 3
"""How long an audit may take. After that, snapshot expiry drops a branch left by a machine that died; the next write
drops one left by a dead process of this machine."""

FANOUT_KEYS = 16
"""Up to this many partitions a task keeps one file open for each; above it sorts its rows by partition, because a
hundred open Parquet writers need more memory than a laptop's driver has (400 of them exhausted 1 GB)."""


_REFUSED = re.compile(
    r"\b(CommitFailedException|AlreadyExistsException|TableAlreadyExistsException|ValidationException"
    r"|ConcurrentModificationException|SQLITE_BUSY|SQLITE_LOCKED|SQLITE_CONSTRAINT)\b|database is locked"
)
"""Matches Spark's error text: the JVM's exception class, or the state of the catalog's database."""


def read_table(spark: SparkSession, table: IcebergTable, keys: Sequence[str] | None = None) -> DataFrame:
    """The rows of some partitions, or of all."""
    # Processes continue each other's sessions of Spark Connect, which keeps plans: none may find another's equal plan.
    frame = spark.read.option("read-by", ProcessIdentity.current().mark).table(table.identifier)
    return frame if keys is None else frame.where(F.col("partition_key").isin(list(keys)))


def overwrite(
    spark: SparkSession,
    table: IcebergTable,
    write: Callable[[], DataFrame],
    keys: Sequence[str],
    audit: Callable[[int], Mapping[str, BaseModel]],
) -> int:
    """Replace the rows of ``keys`` with those of ``write()`` in one commit; return the snapshot id.

    ``audit`` runs when the rows are written but not yet visible: it gets their snapshot id, raises if they must not be
    published, and returns the records of the partitions. If another writer commits meanwhile, everything is repeated on
    top of that commit, so ``write`` is called once per attempt. Raises Contention after losing for five minutes.
    """

    def change() -> int:
        table.create()
        seen = table.pinned()
        branch = f"{AUDIT}{ProcessIdentity.current().mark}_{uuid.uuid4().hex[:12]}"
        try:
            with _conflicts_named(table):
                branching = f"ALTER TABLE {table.identifier} CREATE BRANCH {branch} RETAIN {AUDIT_DAYS} DAYS"
                spark.sql(branching)  # pyright: ignore[reportUnknownMemberType] - pyspark types its args in part
                put(spark, table, write(), keys, f"{table.identifier}.branch_{branch}")
            snapshot = table.heads()[branch]
            records = audit(snapshot)
            # The JVM does not sync what it writes, and the catalog's commit must not outlive it in a power loss.
            table.sync(snapshot)
            seen.commit(records, publish=branch)
        except BaseException:
            _drop_branch(table, branch)
            raise
        return snapshot

    snapshot = retry_on_contention(change)
    for name in table.heads():
        # The branch of a killed writer; one of another machine is dropped after AUDIT_DAYS.
        if name.startswith(AUDIT) and left_by_the_dead(name.removeprefix(AUDIT).rpartition("_")[0]):
            _drop_branch(table, name)
    return snapshot


def _drop_branch(table: IcebergTable, branch: str) -> None:
    """Drop a branch if it exists; housekeeping deletes its files."""

    def change() -> None:
        loaded = table.load()
        if loaded is not None and branch in loaded.refs():
            with _conflicts_named(table):
                loaded.manage_snapshots().remove_branch(branch).commit()

    retry_on_contention(change)


def put(spark: SparkSession, table: IcebergTable, frame: DataFrame, keys: Sequence[str], target: str) -> None:
    """Write rows to ``target`` (the table or a branch of it), replacing those of ``keys``."""
    names = [column.name for column in table.columns]
    # Not overwritePartitions(): it keeps a partition's old rows if the new version has none.
    writer = frame.select(*names).writeTo(target)
    writer = writer.option("fanout-enabled", str(len(keys) <= FANOUT_KEYS).lower())
    writer = writer.option(f"snapshot-property.{PARTITIONS}", ",".join(keys))
    writer.overwrite(F.col("partition_key").isin(list(keys)))


@contextmanager
def _conflicts_named(table: IcebergTable) -> Generator[None]:
    """Raise a one-line Contention instead of Spark's error about a rejected commit."""
    try:
        yield
    except CommitFailedException as error:
        raise table.contention() from error
    except (PySparkException, Py4JJavaError) as error:
        if not _REFUSED.search(str(error)):
            raise
        # Without the cause, a JVM stack trace that adds nothing.
        raise table.contention() from None
