"""The settings a Spark session needs to read raw files and to reach the two Iceberg catalogs.

Belongs here: the mapping from Settings to Spark configuration, and a session for commands and notebooks. Does not
belong here: the session of a Dagster run (the resource in orchestration/ has it by dagster-pyspark).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from steam_assets.embedded.jars import spark_jars
from steam_assets.embedded.jvm import find_java
from steam_assets.settings import Settings

LOGGING = Path(__file__).with_name("spark_logging.properties")
CLEAN = "clean"
CLEAN_BACKUP = "clean_backup"
ICEBERG = "org.apache.iceberg.spark"


def spark_config(settings: Settings) -> dict[str, str]:
    """Spark configuration of a session that knows the catalogs ``clean`` and ``clean_backup``. All times are UTC.

    ``settings.spark_config`` is laid over it last, so that a cluster can change anything.
    """
    config = {
        "spark.app.name": "steam-assets",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
        "spark.sql.sources.partitionOverwriteMode": "dynamic",
    }
    for catalog, root in ((CLEAN, settings.root("clean")), (CLEAN_BACKUP, settings.root("clean-backup"))):
        config |= iceberg_catalog(settings, catalog, root)
    config |= {"spark.remote": settings.spark_remote} if settings.spark_remote else _local(settings)
    return config | settings.spark_config


def prepare_process() -> None:
    """Point Spark, before its first session in this process, at this Python for its workers and at a Java that serves.

    MissingJava if there is none. What the environment already says is kept.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if "JAVA_HOME" not in os.environ:
        os.environ["JAVA_HOME"] = str(find_java().resolve().parent.parent)


def open_session(settings: Settings) -> SparkSession:
    """The session of this process, started with ``settings`` if there is none yet."""
    prepare_process()
    builder = SparkSession.builder
    for key, value in spark_config(settings).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _local(settings: Settings) -> dict[str, str]:
    on_s3 = any(settings.root(name).startswith("s3://") for name in ("raw", "clean", "clean-backup"))
    return {
        "spark.master": settings.spark_master,
        "spark.jars": ",".join(str(jar) for jar in spark_jars(s3=on_s3)),
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dlog4j2.configurationFile={LOGGING.as_uri()}",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }


def iceberg_catalog(settings: Settings, name: str, root: str) -> dict[str, str]:
    """Spark configuration of one Iceberg catalog on a root."""
    prefix = f"spark.sql.catalog.{name}"
    config = {prefix: f"{ICEBERG}.SparkCatalog", f"{prefix}.type": settings.iceberg_catalog}
    config[f"{prefix}.warehouse"] = warehouse(settings, root)
    if settings.iceberg_catalog_uri:
        config[f"{prefix}.uri"] = settings.iceberg_catalog_uri
    if settings.iceberg_catalog == "glue":
        config[f"{prefix}.io-impl"] = "org.apache.iceberg.aws.s3.S3FileIO"
        config[f"{prefix}.client.region"] = settings.aws_region
    return config | {f"{prefix}.{key}": value for key, value in settings.iceberg_catalog_properties.items()}


def warehouse(settings: Settings, root: str) -> str:
    """The Iceberg warehouse under a root, as the catalog names it."""
    if not root.startswith("s3://"):
        return f"file://{root}/warehouse"
    scheme = "s3a" if settings.iceberg_catalog == "hadoop" else "s3"
    return f"{scheme}://{root.removeprefix('s3://')}/warehouse"
