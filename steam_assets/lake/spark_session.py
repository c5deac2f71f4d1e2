"""The settings a Spark session needs to read raw files and to reach the two Iceberg catalogs.

Belongs here: the mapping from Settings to Spark configuration, and a session for commands and notebooks. Does not
belong here: the session of a Dagster run (the resource in orchestration/ has it by dagster-pyspark).
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyspark
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from steam_assets.embedded.class_archive import archive_of, archive_options
from steam_assets.embedded.jars import JARS_DIR_VARIABLE, UnavailableJar, spark_jars
from steam_assets.embedded.jvm import JVM_OPTIONS, find_java, java_environment, name_of_nameless_user, native_options
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
    """What a Spark must be started with: jars, Iceberg's extensions, S3. UnavailableJar if it cannot ship a jar."""
    jars = ",".join(_shipped(jar) for jar in spark_jars(s3=s3 or on_s3(settings)))
    return _extensions(settings) | {"spark.jars": jars}


def _extensions(settings: Settings) -> dict[str, str]:
    config = {
        "spark.app.name": "steam-assets",
        "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
        # A root on a disk is a bare path, whatever Hadoop's own files on a cluster say.
        "spark.hadoop.fs.defaultFS": "file:///",
    }
    return config | {f"spark.hadoop.{key}": value for key, value in s3a_config(settings).items()}


def prepare_process() -> None:
    """Point Spark, before its first session in this process, at this Python for its workers and at a Java that serves.

    MissingJava if there is none. A JAVA_HOME that serves is kept.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["JAVA_HOME"] = str(find_java().parent.parent)
    os.environ.update(java_environment())
    if name := name_of_nameless_user():
        os.environ.setdefault("SPARK_USER", name)


def log_in(config: Mapping[str, str]) -> None:
    """Before the first session of ``config``: where the system has no name for this user id, give Hadoop one.

    Hadoop's own login asks the system alone, and fails there.
    """
    name = name_of_nameless_user()
    if not name or "spark.remote" in config or SparkContext._gateway is not None:
        return
    SparkContext._ensure_initialized(conf=SparkConf().setAll(list(config.items())))
    users: Any = SparkContext._jvm
    users = users.org.apache.hadoop.security.UserGroupInformation
    users.setLoginUser(users.createRemoteUser(name))


def open_session(settings: Settings, *, s3: bool = False) -> SparkSession:
    """The session of this process, started with ``settings`` if there is none yet; ``s3`` as of ``spark_config``."""
    if not settings.spark_remote:
        prepare_process()
    config = spark_config(settings, s3=s3)
    log_in(config)
    return SparkSession.builder.config(map={**config}).getOrCreate()


def spark_archive(settings: Settings) -> Path:
    """Where the archive of the classes of this machine's Spark rests, if one was made."""
    return archive_of(_PROGRAM, _class_path(spark_jars(s3=on_s3(settings))))


def _class_path(more: Sequence[Path]) -> list[Path]:
    return [*more, *sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))]


def _shipped(jar: Path) -> str:
    """A jar as Spark is to send it to other machines. In that list, a name with glob characters is a pattern."""
    if found := sorted(set(",*?[]{}\\").intersection(str(jar))):
        raise UnavailableJar(
            f"Spark cannot send {jar} to a cluster because of {' '.join(found)} in its path; set {JARS_DIR_VARIABLE} "
            "to a folder without such characters that has the jars (steam-assets jars fills one)"
        )
    return jar.as_uri()


def _process(settings: Settings, s3: bool) -> dict[str, str]:
    if settings.spark_remote:
        return {"spark.remote": settings.spark_remote}
    everywhere = ["-Duser.timezone=UTC", *JVM_OPTIONS]
    options = [*everywhere, *native_options(settings.home.absolute() / "native")]
    options.append(f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
    if settings.spark_master.startswith("local"):
        # The driver is all of Spark: what it has on its class path need not be shipped, and Java's archive can hold it.
        jars = spark_jars(s3=s3 or on_s3(settings))
        options += archive_options(_PROGRAM, _class_path(jars))
        started = _extensions(settings) | {"spark.driver.extraClassPath": os.pathsep.join(map(str, jars))}
    else:
        started = server_config(settings, s3=s3)
    return started | {
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
        "spark.driver.extraJavaOptions": shlex.join(options),
        "spark.executor.extraJavaOptions": shlex.join(everywhere),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        **_on_this_machine(settings),
    }


def _on_this_machine(settings: Settings) -> dict[str, str]:
    """Where Spark spills to: a folder that the next process removes if this one is killed. A cluster has its own."""
    return {"spark.local.dir": str(process_scratch())} if settings.spark_master.startswith("local") else {}


def on_s3(settings: Settings) -> bool:
    """Whether Spark has to read or write S3."""
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
    """The Iceberg warehouse under a root, as the catalog names it.

    On a disk it is the bare path: Hadoop and pyiceberg both take that as it is, whatever characters it has. Of a
    ``file:`` address Hadoop decodes no percent signs, and pyiceberg drops what follows ``#`` or ``?``.
    """
    if not root.startswith("s3://"):
        return f"{root}/warehouse"
    scheme = "s3a" if settings.iceberg_catalog == "hadoop" else "s3"
    return f"{scheme}://{root.removeprefix('s3://')}/warehouse"
