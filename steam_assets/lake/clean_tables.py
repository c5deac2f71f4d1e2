"""Writing clean tables by Spark: on a branch first, which readers see when its audit has passed.

Belongs here: all that Spark is asked for of Iceberg. Does not belong here: what a row means (sources/), how rows are
judged (spark/cleaning.py), commits without a JVM (iceberg_table.py).

A write goes to a branch of the table. Only if the caller's audit of it passes does ``main`` move to that branch, in one
atomic commit with the ledger's records: a reader sees the old rows of the partitions or the new ones, never rows that
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

from steam_assets.lake.iceberg_table import PARTITIONS, IcebergTable, decided_anew
from steam_assets.processes.identity import ProcessIdentity, left_by_the_dead

AUDIT = "audit_"
"""The beginning of a branch's name, before its writer's mark."""

AUDIT_DAYS = 3
"""How long a write may be audited. A branch of a machine that died is dropped after that, when snapshots are expired;
one of a process that died on this machine at the next write."""

FANOUT_KEYS = 16
"""Up to so many partitions a task keeps a file open for each; above, it sorts its rows by partition, as a hundred open
Parquet writers need more memory than a laptop's driver has (400 of them ended a 1 GB one)."""


_REFUSED = re.compile(
    r"\b(CommitFailedException|AlreadyExistsException|TableAlreadyExistsException|ValidationException"
    r"|ConcurrentModificationException|SQLITE_BUSY|SQLITE_LOCKED|SQLITE_CONSTRAINT)\b|database is locked"
)
"""In the text of Spark's error: the class of the JVM's, or the state of the catalog's database."""


def read_table(spark: SparkSession, table: IcebergTable, keys: Sequence[str] | None = None) -> DataFrame:
    """The rows of some partitions, or of all."""
    frame = spark.table(table.identifier)
    return frame if keys is None else frame.where(F.col("partition_key").isin(list(keys)))


def overwrite(
    spark: SparkSession,
    table: IcebergTable,
    write: Callable[[], DataFrame],
    keys: Sequence[str],
    audit: Callable[[int], Mapping[str, BaseModel]],
) -> int:
    """Replace the rows of ``keys`` by those of ``write()`` in one commit; the snapshot's id.

    ``audit`` runs when the rows are written and not yet visible: it gets their snapshot, raises if they must not be
    seen, and gives the records of the partitions. If another writer commits meanwhile, all of it is done again on top,
    which is why ``write`` is called for each try. Contention after five minutes of losing.
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
            seen.commit(audit(snapshot), publish=branch)
        except BaseException:
            _drop_branch(table, branch)
            raise
        return snapshot

    snapshot = decided_anew(change)
    for name in table.heads():
        # The branch of a writer that was killed; one of another machine goes after its days.
        if name.startswith(AUDIT) and left_by_the_dead(name.removeprefix(AUDIT).rpartition("_")[0]):
            _drop_branch(table, name)
    return snapshot


def _drop_branch(table: IcebergTable, branch: str) -> None:
    """Forget a branch, if it is there; its files are swept by housekeeping."""

    def change() -> None:
        loaded = table.load()
        if loaded is not None and branch in loaded.refs():
            with _conflicts_named(table):
                loaded.manage_snapshots().remove_branch(branch).commit()

    decided_anew(change)


def put(spark: SparkSession, table: IcebergTable, frame: DataFrame, keys: Sequence[str], target: str) -> None:
    """Write rows to ``target`` (the table or a branch of it), in the place of those of ``keys``."""
    names = [column.name for column in table.columns]
    # Not overwritePartitions(): that keeps a partition's old rows where the new version of it has none.
    writer = frame.select(*names).writeTo(target)
    writer = writer.option("fanout-enabled", str(len(keys) <= FANOUT_KEYS).lower())
    writer = writer.option(f"snapshot-property.{PARTITIONS}", ",".join(keys))
    writer.overwrite(F.col("partition_key").isin(list(keys)))


@contextmanager
def _conflicts_named(table: IcebergTable) -> Generator[None]:
    """Raise Contention, in one line, in the place of what is said of a refused commit."""
    try:
        yield
    except CommitFailedException as error:
        raise table.contention() from error
    except (PySparkException, Py4JJavaError) as error:
        if not _REFUSED.search(str(error)):
            raise
        # Without its cause, a stack of the JVM: the sentence says it all.
        raise table.contention() from None
