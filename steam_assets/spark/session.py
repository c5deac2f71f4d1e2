"""The Spark configuration for reading and writing the four Iceberg catalogs.

Belongs here: the mapping from Settings to Spark configuration, and a session for commands and notebooks. Does not
belong here: the session of a Dagster run (a resource in orchestration/ provides it via dagster-pyspark).
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pyspark
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from steam_assets.java.class_data_sharing import archive_of, archive_options
from steam_assets.java.jars import JARS_DIR_VARIABLE, UnavailableJar, spark_jars
from steam_assets.java.jvm import (
    JVM_OPTIONS,
    collector,
    find_java,
    java_environment,
    name_of_nameless_user,
    native_options,
)
from steam_assets.lake.catalogs import ICEBERG, spark_properties
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.processes.temporary_folders import process_scratch, temporary_folder
from steam_assets.settings import Settings
from steam_assets.spark.light_driver import DRIVER_DEFAULTS, SMALL_HEAP

LOGGING = Path(__file__).with_name("logging.properties")
_PROGRAM = "spark"

GENERATED_CODE = "-XX:-DontCompileHugeMethods"
"""Spark makes one method of all projections of a row. If it exceeds 8,000 bytes, Java only interprets it by default."""

GROWS_LATE = "-XX:GCTimeRatio=19"
"""With this and a small heap to begin with, the parallel collector needs no more memory than Java's default one, and
cleaning takes a tenth less CPU time."""


def spark_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """Spark configuration of a session with the four catalogs. All times are UTC.

    It can read and write S3 if a root is on S3, or if ``s3`` is set. ``settings.spark_config`` takes precedence, so
    that a cluster can override anything.
    """
    given = settings.spark_config
    if settings.spark_remote:
        # The driver is already running, so its options can no longer change.
        given = {name: value for name, value in given.items() if not name.startswith("spark.driver.")}
    return session_config(settings) | _process(settings, s3) | given


def session_config(settings: Settings) -> dict[str, str]:
    """The part that applies to a session, even of an already running Spark."""
    config = {"spark.sql.session.timeZone": "UTC", "spark.sql.sources.partitionOverwriteMode": "dynamic"}
    for root in ROOT_NAMES:
        config |= spark_properties(settings, root)
    return config


def server_config(settings: Settings, *, s3: bool = False) -> dict[str, str]:
    """The part that Spark must be started with: jars, Iceberg's extensions, S3.

    Raises UnavailableJar if it cannot ship a jar.
    """
    return _extensions(settings) | {"spark.jars": ",".join(_shipped(jar) for jar in _jars(settings, s3))}


def _jars(settings: Settings, s3: bool = False) -> list[Path]:
    return spark_jars(s3=s3 or on_s3(settings), postgresql=settings.iceberg_catalog == "jdbc")


def _extensions(settings: Settings) -> dict[str, str]:
    config = {
        "spark.app.name": "steam-assets",
        "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
        # A root on a disk is a bare path, whatever default file system a cluster's Hadoop configuration sets.
        "spark.hadoop.fs.defaultFS": "file:///",
    }
    return config | {f"spark.hadoop.{key}": value for key, value in s3a_config(settings).items()}


def prepare_process() -> None:
    """Before this process's first session, point Spark to this Python for its workers and to a supported Java.

    Raises MissingJava if there is none. Keeps JAVA_HOME if it is supported.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["JAVA_HOME"] = str(find_java().parent.parent)
    os.environ.update(java_environment())
    if name := name_of_nameless_user():
        os.environ.setdefault("SPARK_USER", name)


def log_in(config: Mapping[str, str]) -> None:
    """Before the first session of ``config``, give Hadoop a user name if the system has none for this user id.

    Hadoop's own login only looks it up in the system, and fails without one.
    """
    name = name_of_nameless_user()
    # Spark has no public way to the JVM before there is a session.
    context = cast(Any, SparkContext)
    if not name or "spark.remote" in config or context._gateway is not None:
        return
    context._ensure_initialized(conf=SparkConf().setAll(list(config.items())))
    users = context._jvm.org.apache.hadoop.security.UserGroupInformation
    users.setLoginUser(users.createRemoteUser(name))


def open_session(settings: Settings, *, s3: bool = False) -> SparkSession:
    """The session of this process, started with ``settings`` if there is none yet; ``s3`` as in ``spark_config``."""
    if not settings.spark_remote:
        prepare_process()
    config = spark_config(settings, s3=s3)
    log_in(config)
    return SparkSession.builder.config(map={**config}).getOrCreate()


@contextmanager
def properties_file(config: Mapping[str, str]) -> Generator[str]:
    """A file of ``config`` for spark-submit, for its owner alone: a password must not be in the process list."""
    with temporary_folder("steam-spark-") as folder:
        escaped = {key: value.replace("\\", "\\\\").replace("\n", "\\n") for key, value in config.items()}
        file = folder / "spark.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in escaped.items()))
        yield str(file)


def spark_archive(settings: Settings) -> Path:
    """The path of the CDS archive of this machine's Spark, which need not exist."""
    return archive_of(_PROGRAM, _class_path(_jars(settings)))


def _class_path(more: Sequence[Path]) -> list[Path]:
    return [*more, *sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))]


def _shipped(jar: Path) -> str:
    """A jar's path for Spark to ship to other machines. In that list, glob characters would make it a pattern."""
    if found := sorted(set(",*?[]{}\\").intersection(str(jar))):
        raise UnavailableJar(
            f"Spark cannot send {jar} to a cluster because of {' '.join(found)} in its path; set {JARS_DIR_VARIABLE} "
            "to a folder without such characters that has the jars (steam-assets jars fills one)"
        )
    return jar.as_uri()


def _process(settings: Settings, s3: bool) -> dict[str, str]:
    if settings.spark_remote:
        return {"spark.remote": settings.spark_remote}
    everywhere = ["-Duser.timezone=UTC", *JVM_OPTIONS, GENERATED_CODE]
    options = [*everywhere, *native_options(settings.home.absolute() / "native")]
    options.append(f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
    if settings.spark_master.startswith("local"):
        # The driver is all of Spark: jars on its class path need not be shipped, and the CDS archive can include them.
        jars = _jars(settings, s3)
        options += archive_options(_PROGRAM, _class_path(jars))
        started = _extensions(settings) | {
            "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
            DRIVER_DEFAULTS: shlex.join(
                [SMALL_HEAP, GROWS_LATE, *collector("Parallel", *settings.spark_config.values())]
            ),
        }
    else:
        started = server_config(settings, s3=s3)
    return started | {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Without a UI nobody reads full plans or the call sites of columns, which cost a tenth of a small run.
        "spark.sql.ui.explainMode": "simple",
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # Five sources need more generated classes than the hundred that Spark caches.
        "spark.sql.codegen.cache.maxEntries": "1000",
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
        "spark.driver.extraJavaOptions": shlex.join(options),
        "spark.executor.extraJavaOptions": shlex.join(everywhere),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        **_on_this_machine(settings),
    }


def _on_this_machine(settings: Settings) -> dict[str, str]:
    """Spark's spill folder, which the next process removes if this one is killed. A cluster has its own."""
    return {"spark.local.dir": str(process_scratch())} if settings.spark_master.startswith("local") else {}


def on_s3(settings: Settings) -> bool:
    """Whether Spark needs to read or write S3."""
    return any(settings.root(name).startswith("s3://") for name in ROOT_NAMES)


def s3a_config(settings: Settings) -> dict[str, str]:
    """Hadoop's configuration of ``s3a://``, without the prefix ``spark.hadoop.``. The AWS SDK finds the credentials."""
    config = {
        # Iceberg tables in Glue are at s3://, and Hadoop lists their orphan files.
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
