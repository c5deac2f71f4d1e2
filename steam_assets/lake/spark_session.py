"""The settings a Spark session needs to read raw files and to reach the two Iceberg catalogs.

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
from steam_assets.scratch import process_scratch
from steam_assets.settings import Settings

LOGGING = Path(__file__).with_name("spark_logging.properties")
CLEAN = "clean"
CLEAN_BACKUP = "clean_backup"
_PROGRAM = "spark"
ICEBERG = "org.apache.iceberg.spark"


def spark_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """Spark configuration of a session that knows the catalogs ``clean`` and ``clean_backup``. All times are UTC.

    It can read and write S3 where a root is there, or where ``s3`` says that something else is.
    ``settings.spark_config`` is laid over it last, so that a cluster can change anything.
    """
    return session_config(settings) | _process(settings, s3) | settings.spark_config


def session_config(settings: Settings) -> dict[str, str]:
    """The part of it that a session alone needs, also one of a Spark that was started by somebody else."""
    config = {"spark.sql.session.timeZone": "UTC", "spark.sql.sources.partitionOverwriteMode": "dynamic"}
    for catalog, root in ((CLEAN, settings.root("clean")), (CLEAN_BACKUP, settings.root("clean-backup"))):
        config |= iceberg_catalog(settings, catalog, root)
    return config


def server_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """What a Spark must be started with: jars, Iceberg's extensions, S3."""
    config = {
        "spark.app.name": "steam-assets",
        "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
        "spark.jars": ",".join(str(jar) for jar in spark_jars(s3=s3 or _on_s3(settings))),
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
        **_on_this_machine(settings),
    }


def _on_this_machine(settings: Settings) -> dict[str, str]:
    """Where Spark spills to: a folder that the next process removes if this one is killed. A cluster has its own."""
    return {"spark.local.dir": str(process_scratch())} if settings.spark_master.startswith("local") else {}


def _on_s3(settings: Settings) -> bool:
    return any(settings.root(name).startswith("s3://") for name in ("raw", "clean", "clean-backup"))


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


def iceberg_catalog(settings: Settings, name: str, root: str) -> dict[str, str]:
    """Spark configuration of one Iceberg catalog on a root."""
    prefix = f"spark.sql.catalog.{name}"
    config = {prefix: f"{ICEBERG}.SparkCatalog", f"{prefix}.type": settings.iceberg_catalog}
    config[f"{prefix}.warehouse"] = warehouse(settings, root)
    if settings.iceberg_catalog_uri:
        config[f"{prefix}.uri"] = settings.iceberg_catalog_uri
    properties = _aws_properties(settings) if settings.iceberg_catalog != "hadoop" and root.startswith("s3://") else {}
    config |= {f"{prefix}.{key}": value for key, value in properties.items()}
    return config | {f"{prefix}.{key}": value for key, value in settings.iceberg_catalog_properties.items()}


def _aws_properties(settings: Settings) -> dict[str, str]:
    properties = {"io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "client.region": settings.aws_region}
    if settings.s3_endpoint_url:
        properties |= {"s3.endpoint": settings.s3_endpoint_url, "s3.path-style-access": "true"}
    if settings.iceberg_catalog == "glue" and settings.glue_endpoint_url:
        properties["glue.endpoint"] = settings.glue_endpoint_url
    return properties


def warehouse(settings: Settings, root: str) -> str:
    """The Iceberg warehouse under a root, as the catalog names it."""
    if not root.startswith("s3://"):
        return f"file://{root}/warehouse"
    scheme = "s3a" if settings.iceberg_catalog == "hadoop" else "s3"
    return f"{scheme}://{root.removeprefix('s3://')}/warehouse"
