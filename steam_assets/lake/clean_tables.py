"""Clean tables in Iceberg: their names, their schema, and the audited overwrite of partitions.

Belongs here: everything that knows an Iceberg table exists. Does not belong here: what a row means (sources/), how rows
are judged (cleaning.py), the copy in the backup catalog (clean_backup.py).

A write goes to a branch of the table first. Only if the caller's audit of it passes is ``main`` moved to that branch,
in one atomic commit: a reader sees the old rows of the partitions or the new ones, never rows that failed the audit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.lake.commit_conflicts import conflicts_named, is_conflict, until_committed
from steam_assets.lake.spark_session import CLEAN, CLEAN_BACKUP
from steam_assets.process_identity import ProcessIdentity, left_by_the_dead
from steam_assets.sources.source import Column, Table

NAMESPACE, BACKUP_NAMESPACE = "steam", "steam_backup"
"""Two names, as a Glue catalog has one level: the clean tables and their backup must not meet in one database."""

ORIGIN = (
    Column("partition_key", "string", "First day of the period (UTC) this row belongs to.", "YYYY-MM-DD", False),
    Column("fetched_at", "timestamp", "When the source answered.", "UTC", False),
    Column("source_sha256", "string", "SHA-256 of the answer this row was read from; raw has it.", "", False),
    Column("changes", "array<string>", "What cleaning altered in this row, and why; empty if nothing.", "", False),
)
"""Columns every clean table ends with, so that any row can be traced to the bytes it came from."""

QUARANTINE = (
    Column("problem", "string", "Why the item is unusable.", "", False),
    Column("item", "string", "The item as the source sent it.", ""),
    Column("partition_key", "string", "First day of the period (UTC) the item was fetched for.", "YYYY-MM-DD", False),
    Column("fetched_at", "timestamp", "When the source answered.", "UTC"),
    Column("source_sha256", "string", "SHA-256 of the answer it stood in.", ""),
)

AUDIT = "audit_"
"""The beginning of a branch's name, before its writer's mark."""

AUDIT_DAYS = 3
"""How long a write may be audited. A branch of a machine that died is dropped after that, when snapshots are expired;
one of a process that died on this machine at the next write."""

PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # The default of 4 is not enough where several runs write a table; each try takes a fraction of a second.
    "commit.retry.num-retries": "20",
    # Rows arrive grouped by partition already; hashing them again would cost a shuffle a commit.
    "write.distribution-mode": "none",
}

FANOUT_KEYS = 16
"""Up to so many partitions a task keeps a file open for each; above, it sorts its rows by partition, as a hundred open
Parquet writers need more memory than a laptop's driver has (400 of them ended a 1 GB one)."""


class ChangedMeanwhile(Exception):
    """Another writer committed to a partition that was about to be deleted."""


@dataclass(frozen=True)
class IcebergTable:
    """One Iceberg table in one catalog, partitioned by ``partition_key``. Methods need the session that knows it."""

    spark: SparkSession
    catalog: str
    name: str
    columns: tuple[Column, ...]
    description: str

    @property
    def namespace(self) -> str:
        return BACKUP_NAMESPACE if self.catalog == CLEAN_BACKUP else NAMESPACE

    @property
    def identifier(self) -> str:
        return f"{self.catalog}.{self.namespace}.{self.name}"

    def exists(self) -> bool:
        return self.spark.catalog.tableExists(self.identifier)

    def create(self) -> None:
        """Make the table if it is not there; an existing one gets the columns it lacks."""
        until_committed(self.identifier, (), self._create)

    def _create(self) -> None:
        if self.exists():
            self.add_missing_columns()
            return
        columns = ", ".join(
            f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT '{_sql_text(column_comment(c))}'"
            for c in self.columns
        )
        properties = ", ".join(f"'{key}'='{value}'" for key, value in PROPERTIES.items())
        self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {self.catalog}.{self.namespace}")
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self.identifier} ({columns}) USING iceberg PARTITIONED BY (partition_key) "
            f"COMMENT '{_sql_text(self.description)}' TBLPROPERTIES ({properties})"
        )

    def add_missing_columns(self) -> None:
        """Widen a table that was made before a column was added; its old rows hold null there."""
        known = set(self.spark.table(self.identifier).columns)
        for column in self.columns:
            if column.name not in known:
                self.spark.sql(f"ALTER TABLE {self.identifier} ADD COLUMN `{column.name}` {column.type}")

    def read(self, keys: Sequence[str] | None = None) -> DataFrame:
        """The rows of some partitions, or of all."""
        frame = self.spark.table(self.identifier)
        return frame if keys is None else frame.where(F.col("partition_key").isin(list(keys)))

    def partition_rows(self) -> dict[str, int]:
        """Rows of each partition, from the table's metadata alone."""
        if not self.exists():
            return {}
        partitions = self.spark.table(f"{self.identifier}.partitions").select("partition.partition_key", "record_count")
        return {row["partition_key"]: row["record_count"] for row in partitions.collect()}

    def overwrite(self, frame: DataFrame, keys: Sequence[str], audit: Callable[[], None] = lambda: None) -> int:
        """Replace the rows of ``keys`` by ``frame`` in one commit, if ``audit`` raises nothing; gives the snapshot id.

        ``audit`` runs when the rows are written and not yet visible. If other partitions were committed meanwhile, the
        write is done again on top of them. CommitConflict if other writers were faster again and again.
        """
        self.create()
        branch = f"{AUDIT}{ProcessIdentity.current().mark}_{uuid.uuid4().hex[:12]}"
        try:
            self._alter(f"CREATE BRANCH IF NOT EXISTS {branch} RETAIN {AUDIT_DAYS} DAYS", keys)
            self._write(frame, keys, f"{self.identifier}.branch_{branch}")
            audit()
            until_committed(self.identifier, keys, lambda: self._publish(branch, frame, keys))
        finally:
            self._alter(f"DROP BRANCH IF EXISTS {branch}", keys)
        refs = self._refs()
        for name in refs:
            # The branch of a writer that was killed; one of another machine goes after its days.
            if name.startswith(AUDIT) and left_by_the_dead(name.removeprefix(AUDIT).rpartition("_")[0]):
                self._alter(f"DROP BRANCH IF EXISTS {name}", keys)
        return refs["main"]

    def _alter(self, change: str, keys: Sequence[str]) -> None:
        until_committed(self.identifier, keys, lambda: self.spark.sql(f"ALTER TABLE {self.identifier} {change}"))

    def _publish(self, branch: str, frame: DataFrame, keys: Sequence[str]) -> None:
        try:
            self._fast_forward(branch)
        except (PySparkException, Py4JJavaError) as error:
            if "ancestor" not in str(error):
                raise
            self._write(frame, keys, self.identifier)

    def _write(self, frame: DataFrame, keys: Sequence[str], target: str) -> None:
        names = [column.name for column in self.columns]
        # Not overwritePartitions(): that keeps a partition's old rows where the new version of it has none.
        writer = frame.select(*names).writeTo(target)
        writer = writer.option("fanout-enabled", str(len(keys) <= FANOUT_KEYS).lower())
        with conflicts_named(self.identifier, keys):
            writer.overwrite(F.col("partition_key").isin(list(keys)))

    def _fast_forward(self, branch: str) -> None:
        table = f"{self.namespace}.{self.name}"
        self.spark.sql(f"CALL {self.catalog}.system.fast_forward('{table}', 'main', '{branch}')")

    def delete(self, keys: Sequence[str], unchanged_since: int) -> None:
        """Remove the rows of some partitions (whole files, one commit).

        ChangedMeanwhile, with nothing deleted, if one of them was written after the snapshot ``unchanged_since``.
        """
        self.add_missing_columns()
        nothing = self.spark.table(self.identifier).limit(0).select(*(column.name for column in self.columns))
        pinned = {"isolation-level": "serializable", "validate-from-snapshot-id": str(unchanged_since)}
        try:
            nothing.writeTo(self.identifier).options(**pinned).overwrite(F.col("partition_key").isin(list(keys)))
        except (PySparkException, Py4JJavaError) as error:
            if "conflicting files" not in str(error) and not is_conflict(error):
                raise
            raise ChangedMeanwhile(
                f"{self.identifier} was written while {', '.join(keys)} was looked at; nothing was deleted, plan again"
            ) from error

    def snapshot_id(self) -> int:
        return self._refs()["main"]

    def _refs(self) -> dict[str, int]:
        refs = self.spark.table(f"{self.identifier}.refs").select("name", "snapshot_id")
        return {row["name"]: int(row["snapshot_id"]) for row in refs.collect()}


def column_comment(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def clean_table(spark: SparkSession, table: Table, catalog: str = CLEAN) -> IcebergTable:
    """The clean table, or with ``CLEAN_BACKUP`` its backup."""
    return IcebergTable(spark, catalog, table.name, (*table.columns, *ORIGIN), table.description)


def quarantine_table(spark: SparkSession, table: Table) -> IcebergTable:
    """Where the unusable items of a clean table go."""
    description = f"Items that could not become rows of {table.name}, with the reason and their own text."
    return IcebergTable(spark, CLEAN, f"{table.name}_quarantine", QUARANTINE, description)


def _sql_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
