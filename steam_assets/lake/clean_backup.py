"""The copy of the clean tables in a second Iceberg catalog, and the proof that it is equal.

Belongs here: backup, verification and restore of clean partitions. Does not belong here: raw files (raw_backup.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.crash_points import reached
from steam_assets.lake.clean_tables import IcebergTable, clean_table
from steam_assets.lake.spark_session import CLEAN, CLEAN_BACKUP
from steam_assets.sources.source import Table


class BackupDiffers(Exception):
    """A copy does not hold what it was made from."""


@dataclass(frozen=True)
class Content:
    """What a partition holds: its rows, and a digest that does not depend on their order.

    The digest is the sum of two 60-bit halves of every row's SHA-256, over the row's JSON with its fields by name.
    Null fields are left out: a column that was added later changes no digest of the rows that were there before it.
    """

    rows: int
    digest: str


EMPTY = Content(0, "0-0")


def content(frame: DataFrame, keys: Sequence[str]) -> dict[str, Content]:
    """The content of each partition of ``frame`` (a DataFrame with ``partition_key``); absent ones are ``EMPTY``."""
    row = F.to_json(F.struct(*sorted(frame.columns)))
    hashed = frame.select("partition_key", F.sha2(row, 256).alias("h"))

    def half(start: int) -> Column:
        digits = F.conv(F.substring("h", start, 15), 16, 10).cast("decimal(38,0)")
        return F.sum(digits).cast("string")

    sums = hashed.groupBy("partition_key").agg(F.count(F.lit(1)).alias("n"), half(1).alias("a"), half(17).alias("b"))
    found = {r["partition_key"]: Content(r["n"], f"{r['a']}-{r['b']}") for r in sums.collect()}
    return {key: found.get(key, EMPTY) for key in keys}


def back_up(spark: SparkSession, table: Table, rows: Mapping[str, int]) -> dict[str, Content]:
    """Copy partitions into the backup catalog in one commit, and compare what can be read back there.

    ``rows`` says for each partition's key how many rows the ledger knows of. Raises BackupDiffers, with the backup's
    former rows still there, if the clean table has lost some of them.
    """
    primary, backup, keys = clean_table(spark, table), clean_table(spark, table, CLEAN_BACKUP), list(rows)
    before = content(primary.read(keys), keys)
    wrong = [f"{key}: {before[key].rows} rows, not {told}" for key, told in rows.items() if before[key].rows != told]
    if wrong:
        # A partition that housekeeping half cleared has no rows; copying that would empty its backup.
        raise BackupDiffers(
            f"{primary.identifier} does not hold what was cleaned ({'; '.join(wrong)}); the backup was left as it is. "
            "Restore those partitions, or clean them again"
        )
    copied = _copy(primary, backup, keys, before)
    reached("clean_backup:after_commit")
    return copied


def verify(spark: SparkSession, table: Table, expected: Mapping[str, Content]) -> list[str]:
    """Read the backup's rows back and compare; gives a sentence for each partition that differs.

    Where the rows of one cannot be read at all, that is said of each.
    """
    backup = clean_table(spark, table, CLEAN_BACKUP)
    if not backup.exists():
        return [f"{table.name} has no backup table" for _ in expected]
    try:
        found = content(backup.read(list(expected)), list(expected))
    except (PySparkException, Py4JJavaError) as error:
        return [f"{table.name} {key}: the backup cannot be read ({_reason(error)})" for key in expected]
    return [
        f"{table.name} {key}: the backup holds {found[key].rows} rows ({found[key].digest}), "
        f"not {want.rows} ({want.digest})"
        for key, want in expected.items()
        if found[key] != want
    ]


def restore(
    spark: SparkSession, table: Table, expected: Mapping[str, Content], *, catalog: str = CLEAN
) -> dict[str, Content]:
    """Bring partitions back from the backup into the clean table, in one commit, compared with ``expected``.

    ``catalog`` may be another one that the session knows, for a restore to another place. BackupDiffers, with nothing
    changed, if the backup does not hold what was expected, and if something else arrived.
    """
    problems = verify(spark, table, expected)
    if problems:
        raise BackupDiffers("; ".join(problems))
    target, backup = clean_table(spark, table, catalog), clean_table(spark, table, CLEAN_BACKUP)
    return _copy(backup, target, list(expected), expected)


def _copy(
    origin: IcebergTable, target: IcebergTable, keys: Sequence[str], expected: Mapping[str, Content]
) -> dict[str, Content]:
    target.create()
    if content(target.read(keys), keys) == expected:
        return dict(expected)
    # Not create(): an origin that is gone must end the copy, and not empty the target.
    origin.add_missing_columns()
    target.overwrite(origin.read(keys), keys)
    found = content(target.read(keys), keys)
    if found != expected:
        differing = [key for key in keys if found[key] != expected[key]]
        raise BackupDiffers(f"{target.identifier} differs from {origin.identifier} after the copy: {differing}")
    return found


def _reason(error: Exception) -> str:
    """What Spark says, without the stack of the JVM."""
    lines = [line.strip(" :") for line in str(error).splitlines()]
    return " ".join(line for line in lines[:2] if line)
