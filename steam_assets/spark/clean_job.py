"""Cleaning as a separate command: for spark-submit, EMR Serverless, and the shell.

    spark-submit clean_job.py SOURCE TABLE[,TABLE...] PARTITION_KEY...

Belongs here: arguments, the session, messages to the waiting run. Does not belong here: the cleaning (cleaning.py),
starting the command (orchestration/submitted_cleaning.py).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from dagster_pipes import (
    PipesContext,
    open_dagster_pipes,  # pyright: ignore[reportUnknownVariableType] - it types its writer in part
)
from pyspark.sql import SparkSession

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, source_named
from steam_assets.spark.cleaning import clean
from steam_assets.spark.session import log_in, open_session, session_config

PIPES_VARIABLE = "DAGSTER_PIPES_CONTEXT"
SUBMITTED_VARIABLE = "PYSPARK_GATEWAY_PORT"


def main(arguments: Sequence[str] | None = None) -> list[CleanRecord]:
    """Run the command; ``arguments`` default to those of the process, settings come from the environment."""
    parsed = _parser().parse_args(arguments)
    source = source_named(parsed.source)
    by_name = {table.name: table for table in source.tables}
    if unknown := [name for name in parsed.tables if name not in by_name]:
        raise SystemExit(f"{source.name} has no table {unknown[0]!r}: {', '.join(by_name)}")
    tables = [by_name[name] for name in parsed.tables]
    settings = Settings()
    spark = _session(settings)
    try:
        records = clean(spark, Lake(settings), source, tables, parsed.keys, Clock.from_settings(settings).now())
    finally:
        spark.stop()
    if PIPES_VARIABLE in os.environ:
        with open_dagster_pipes() as pipes:
            _report(pipes, records)
    return records


def _session(settings: Settings) -> SparkSession:
    """The session of spark-submit, plus the catalogs and secrets that it lacks; otherwise one started here."""
    if SUBMITTED_VARIABLE in os.environ:
        config = {**session_config(settings), **settings.spark_config}
        log_in(config)
        return SparkSession.builder.config(map={**config}).getOrCreate()
    return open_session(settings)


def _report(pipes: PipesContext, records: Sequence[CleanRecord]) -> None:
    for record in records:
        pipes.log.info(
            f"{record.table} {record.partition_key}: {record.items} items, {record.clean} clean, "
            f"{record.quarantined} quarantined, {record.duplicates} duplicates"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clean_job", description="Clean raw partitions of a source.")
    parser.add_argument("source", choices=[source.name for source in SOURCES])
    parser.add_argument("tables", type=lambda names: names.split(","), metavar="TABLE[,TABLE...]")
    parser.add_argument("keys", nargs="+", metavar="PARTITION_KEY")
    return parser


if __name__ == "__main__":
    main()
