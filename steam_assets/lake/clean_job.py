"""One cleaning run, the same in a Dagster run, by spark-submit, on EMR Serverless, and from a shell.

    spark-submit clean_job.py SOURCE TABLE PARTITION_KEY...

Belongs here: from raw partitions to committed rows and their records, and the command that does it alone. Does not
belong here: how rows are judged (cleaning.py), who starts the command (orchestration/submitted_cleaning.py).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from datetime import datetime

from dagster_pipes import PipesContext, open_dagster_pipes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.clock import Clock
from steam_assets.lake.clean_tables import read_table
from steam_assets.lake.cleaning import Provenance, classify, commit
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import CleanRecord, RawRecord
from steam_assets.lake.reviewer_key import reviewer_key, with_reviewer_key
from steam_assets.lake.spark_session import log_in, open_session, session_config
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import Source, Table

PIPES_VARIABLE = "DAGSTER_PIPES_CONTEXT"
SUBMITTED_VARIABLE = "PYSPARK_GATEWAY_PORT"


class MissingRaw(Exception):
    """A partition cannot be cleaned as its raw data is not there."""


def raw_frame(spark: SparkSession, lake: Lake, source: Source, keys: Sequence[str]) -> DataFrame:
    """The envelopes of raw partitions, with the reviewers' hash key and ``source_sha256`` as each row's origin."""
    envelopes = read_table(spark, lake.raw(source), keys).withColumn("source_sha256", F.col("sha256"))
    return with_reviewer_key(envelopes, reviewer_key(lake.settings))


def commit_classified(
    spark: SparkSession,
    lake: Lake,
    table: Table,
    classified: DataFrame,
    records: Mapping[str, RawRecord],
    now: datetime,
) -> list[CleanRecord]:
    """Commit judged items of the partitions that ``records`` name, with their own records. Errors as of ``commit``."""
    provenance = {key: Provenance.of(table, record) for key, record in records.items()}
    return commit(spark, lake.clean(table), lake.quarantine(table), table, classified, provenance, now)


def clean(
    spark: SparkSession, lake: Lake, source: Source, table: Table, keys: Sequence[str], now: datetime
) -> list[CleanRecord]:
    """Clean partitions of one table, in one commit; their records. MissingRaw, CountsDiffer."""
    landed = lake.raw(source).records(RawRecord)
    if missing := sorted(set(keys) - landed.keys()):
        raise MissingRaw(f"{source.name}/raw has no partition {', '.join(missing)}; materialize it first")
    classified = classify(table, raw_frame(spark, lake, source, keys))
    return commit_classified(spark, lake, table, classified, {key: landed[key] for key in sorted(keys)}, now)


def main(arguments: Sequence[str] | None = None) -> list[CleanRecord]:
    """The command: ``arguments`` are those of the process by default, settings come from the environment."""
    asked = _parser().parse_args(arguments)
    source = source_named(asked.source)
    table = next((t for t in source.tables if t.name == asked.table), None)
    if table is None:
        raise SystemExit(f"{source.name} has no table {asked.table!r}: {', '.join(t.name for t in source.tables)}")
    settings = Settings()
    spark = _session(settings)
    try:
        records = clean(spark, Lake(settings), source, table, asked.keys, Clock.from_settings(settings).now())
    finally:
        spark.stop()
    if PIPES_VARIABLE in os.environ:
        with open_dagster_pipes() as pipes:
            _tell(pipes, records)
    return records


def _session(settings: Settings) -> SparkSession:
    """Of spark-submit, which has given it all but the catalogs and what a secret holds; else one started here."""
    if SUBMITTED_VARIABLE in os.environ:
        config = {**session_config(settings), **settings.spark_config}
        log_in(config)
        return SparkSession.builder.config(map={**config}).getOrCreate()
    return open_session(settings)


def _tell(pipes: PipesContext, records: Sequence[CleanRecord]) -> None:
    for record in records:
        pipes.log.info(
            f"{record.table} {record.partition_key}: {record.items} items, {record.clean} clean, "
            f"{record.quarantined} quarantined, {record.duplicates} duplicates"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clean_job", description="Clean raw partitions of one table.")
    parser.add_argument("source", choices=[source.name for source in SOURCES])
    parser.add_argument("table")
    parser.add_argument("keys", nargs="+", metavar="PARTITION_KEY")
    return parser


if __name__ == "__main__":
    main()
