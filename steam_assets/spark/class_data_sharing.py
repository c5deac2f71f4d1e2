"""Create Spark's CDS archive: a JVM does the work of a small run once and then writes its archive.

Belongs here: running it, and the workload itself (the script for spark-submit). Does not belong here: where the archive
is stored (java/class_data_sharing.py).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from steam_assets.java.class_data_sharing import NoArchive, recorded
from steam_assets.java.jvm import light
from steam_assets.lake.catalogs import CATALOGS
from steam_assets.settings import Settings
from steam_assets.spark.light_driver import DRIVER_DEFAULTS
from steam_assets.spark.session import log_in, on_s3, prepare_process, spark_archive, spark_config

DEADLINE_SECONDS = 300.0


def archive_spark(folder: Path, settings: Settings) -> Path:
    """The CDS archive of the Spark of ``settings``; if there is none, a Spark runs in ``folder`` to write it.

    Raises NoArchive.
    """
    archive = spark_archive(settings)
    if archive.exists():
        return archive
    prepare_process()
    with recorded(archive) as option:
        # The deployment's jars, but not its tables, whatever the environment sets.
        config = spark_config(Settings.model_construct(home=folder), s3=on_s3(settings))
        config[DRIVER_DEFAULTS] = shlex.join([option, *light()])
        # With spark-submit the JVM has exited, and written its archive, when the command returns.
        command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit")]
        for key, value in config.items():
            command += ["--conf", f"{key}={value}"]
        done = subprocess.run(
            [*command, Path(__file__).as_uri(), str(folder)], capture_output=True, text=True, timeout=DEADLINE_SECONDS
        )
        if done.returncode:
            raise NoArchive(f"Spark failed while writing its archive: {done.stderr[-2000:]}")
    return archive


def work(home: Path) -> None:
    """Read, clean and write like a small run, with the same parts of Spark and Iceberg."""
    lines = home / "lines.jsonl.gz"
    log_in({})
    spark = SparkSession.builder.getOrCreate()
    numbers = spark.range(100).selectExpr("id", "cast(id as string) name", "timestamp_seconds(id) at")
    numbers.selectExpr("to_json(struct(*)) value").write.text(str(lines), compression="gzip")
    read = (
        spark.read.option("__globPaths__", "false")
        .text(str(lines))
        .selectExpr("from_json(value, 'id bigint, name string, at timestamp') row")
    )
    catalog = CATALOGS["clean"].catalog
    table = f"{catalog}.training.numbers"
    (home / "clean").mkdir(parents=True, exist_ok=True)
    namespace = f"create namespace if not exists {catalog}.training"
    spark.sql(namespace)  # pyright: ignore[reportUnknownMemberType] - pyspark types its args in part
    (
        read.select("row.*")
        .selectExpr("*", "row_number() over (partition by id order by at) place", "to_date(at) day")
        .where("place = 1")
        .writeTo(table)
        .partitionedBy("day")
        .create()
    )
    spark.table(table).where("day is not null").writeTo(table).overwritePartitions()
    spark.table(table).groupBy("day").agg({"id": "count", "name": "max"}).orderBy("day").collect()
    spark.table(f"{table}.snapshots").toPandas()
    spark.stop()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
