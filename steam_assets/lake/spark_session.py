"""The settings a Spark session needs to read raw files and to reach the four Iceberg catalogs.

Belongs here: the mapping from Settings to Spark configuration, and a session for commands and notebooks. Does not
belong here: the session of a Dagster run (the resource in orchestration/ has it by dagster-pyspark).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from steam_assets.embedded.class_archive import archive_of, archive_options
from steam_assets.embedded.jars import spark_jars
from steam_assets.embedded.jvm import find_java
from steam_assets.lake.catalogs import ICEBERG, spark_properties
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import Settings

LOGGING = Path(__file__).with_name("spark_logging.properties")
_PROGRAM = "spark"


def spark_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """Spark configuration of a session that knows the four catalogs. All times are UTC.

    It can read and write S3 where a root is there, or where ``s3`` says that something else is.
    ``settings.spark_config`` is laid over it last, so that a cluster can change anything.
    """
    return session_config(settings) | _process(settings, s3) | settings.spark_config


def session_config(settings: Settings) -> dict[str, str]:
    """The part of it that a session alone needs, also one of a Spark that was started by somebody else."""
    config = {"spark.sql.session.timeZone": "UTC", "spark.sql.sources.partitionOverwriteMode": "dynamic"}
    for root in ROOT_NAMES:
        config |= spark_properties(settings, root)
    return config


def server_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """What a Spark must be started with: jars, Iceberg's extensions, S3."""
    jars = spark_jars(s3=s3 or _on_s3(settings), postgresql=settings.iceberg_catalog == "jdbc")
    config = {
        "spark.app.name": "steam-assets",
        "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
        "spark.jars": ",".join(map(str, jars)),
    }
    return config | {f"spark.hadoop.{key}": value for key, value in s3a_config(settings).items()}


def prepare_process() -> None:
    """Point Spark, before its first session in this process, at this Python for its workers and at a Java that serves.

    MissingJava if there is none. What the environment already says is kept.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if "JAVA_HOME" not in os.environ:
        os.environ["JAVA_HOME"] = str(find_java().resolve().parent.parent)


def open_session(settings: Settings, *, s3: bool = False) -> SparkSession:
    """The session of this process, started with ``settings`` if there is none yet; ``s3`` as of ``spark_config``."""
    if not settings.spark_remote:
        prepare_process()
    builder = SparkSession.builder
    for key, value in spark_config(settings, s3=s3).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def spark_archive() -> Path:
    """Where the archive of the classes of this machine's Spark rests, if one was made."""
    return archive_of(_PROGRAM, _own_jars())


def _own_jars() -> list[Path]:
    return sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))


def _process(settings: Settings, s3: bool) -> dict[str, str]:
    if settings.spark_remote:
        return {"spark.remote": settings.spark_remote}
    options = ["-Duser.timezone=UTC", f"-Dlog4j2.configurationFile={LOGGING.as_uri()}"]
    options += archive_options(_PROGRAM, _own_jars())
    return server_config(settings, s3=s3) | {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Nobody reads plans in full without a UI, or where in Python a column was made: a tenth of a small run.
        "spark.sql.ui.explainMode": "simple",
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # Five sources have more generated classes than the hundred that Spark keeps.
        "spark.sql.codegen.cache.maxEntries": "1000",
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
        "spark.driver.extraJavaOptions": " ".join(options),
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }


def _on_s3(settings: Settings) -> bool:
    return any(settings.root(name).startswith("s3://") for name in ROOT_NAMES)


def s3a_config(settings: Settings) -> dict[str, str]:
    """Hadoop's configuration of ``s3a://``, without ``spark.hadoop.``. Credentials are found by the AWS SDK itself."""
    config = {
        # Iceberg's tables in Glue are at s3://, and its orphan files are listed by Hadoop.
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint.region": settings.aws_region,
        "fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
    }
    if not settings.s3_endpoint_url:
        return config
    return config | {
        "fs.s3a.endpoint": settings.s3_endpoint_url,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": str(settings.s3_endpoint_url.startswith("https:")).lower(),
    }
