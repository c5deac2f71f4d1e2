"""A complete deployment for a test: its own roots, the run's broker, Spark and simulator, and an ephemeral instance.

Belongs here: the starting point of end-to-end, fault and orchestration tests. Does not belong here: assertions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, cast
from uuid import uuid4

import dagster as dg  # noqa: TID251 - tests of runs make runs
from botocore.client import Config
from pydantic import RootModel
from pyspark.sql import DataFrame, SparkSession

from steam_assets.aws_client import aws_client
from steam_assets.clock import Clock
from steam_assets.extraction.hosts import served_by
from steam_assets.java.jvm import light
from steam_assets.lake.catalogs import CATALOGS, open_catalog
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake, Twins
from steam_assets.ledger.partition_status import PartitionStatus, SourceLedger
from steam_assets.ledger.records import CleanRecord
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher
from steam_assets.orchestration.stages import AFTER_RAW, Stage
from steam_assets.settings import RootName, Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source
from steam_assets.spark.clean_tables import read_table
from steam_assets.spark.commit_rows import WITHOUT_GENERATED_CODE
from steam_assets.spark.continued_session import RESET
from steam_assets.spark.session import s3a_config, session_config

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
BUCKETS = {
    "raw_root": "steam-raw-storage",
    "raw_backup_root": "steam-raw-store-backup",
    "clean_root": "steam-clean-storage",
    "clean_backup_root": "steam-clean-storage-backup",
}
SHORT_LIVED: dict[str, str] = dict.fromkeys(
    ("spark.driver.defaultJavaOptions", "spark.executor.defaultJavaOptions"), " ".join(light())
)
"""For the Spark of tests."""
INTERPRETED = WITHOUT_GENERATED_CODE
"""For the session that tests share: compiling a plan costs more than running it once on a few rows."""
COMPILED = RESET
"""The default, as users run it, for tests of each source's and each insight's rows."""


@dataclass(frozen=True)
class GivenSpark:
    """Replaces dagster-pyspark's resource with an existing session."""

    spark_session: SparkSession


class NoSpark:
    """Replaces the session in tests that need none, so that they do not wait for it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError("this test uses Spark and is not marked so: @pytest.mark.spark")


ANY_NAME = "josé 東京 Iı/[v2] {a,b} C#/what? 100%20 *star* 'q' \"d\" +&=;,@~!^ $x \\b :c `t` %"
"""A valid folder name with characters that are special in Spark, Hadoop, Iceberg, SQLite, shells, URLs or markup."""


def session_for(spark: SparkSession, settings: Settings, config: Mapping[str, str] = INTERPRETED) -> SparkSession:
    """A session of the same JVM with the catalogs of ``settings`` and this configuration."""
    session = spark.newSession()
    configure(session, session_config(settings) | s3a_config(settings) | dict(config))
    return session


def configure(session: SparkSession, config: Mapping[str, str]) -> None:
    """Set a running session's configuration."""
    for key, value in config.items():
        session.conf.set(key, value)


@dataclass
class Deployment:
    """``settings`` in a separate folder, with the clock stopped at ``NOW`` until it is moved."""

    settings: Settings
    session: SparkSession
    simulator: Simulator
    sources: Sequence[Source] = SOURCES
    clock: Clock = field(default_factory=lambda: Clock(NOW))

    @cached_property
    def launcher(self) -> Launcher:
        """Launches runs on one instance, as on one machine; it is deleted with the deployment."""
        overrides = {"clock": self.clock, "spark": GivenSpark(self.session)}
        defs = build_defs(settings=self.settings, sources=self.sources, resource_overrides=overrides)
        return Launcher(defs, dg.DagsterInstance.ephemeral())

    @property
    def lake(self) -> Lake:
        return Lake(self.settings)

    def at(self, moment: datetime) -> None:
        """Set the deployment's and the sources' clock to ``moment``."""
        self.clock.move_to(moment)
        self.simulator.set_now(moment)

    def run(
        self, source: Source, key: str, *, stages: Sequence[Stage] = tuple(Stage), apps: Sequence[int] = ()
    ) -> list[str]:
        """Run all or some stages of one partition in one run; return the failed checks. RunFailed if it fails."""
        return self.launcher.partition(source, stages, key, apps=apps).failed_checks

    def run_range(self, source: Source, first: str, last: str, stages: Sequence[Stage] = AFTER_RAW) -> None:
        self.launcher.range(source, stages, (first, last))

    def digests(self, root: RootName) -> dict[str, str]:
        """Content digests and records of all partitions of a root, by ``table/partition_key``.

        Landing times are left out, because a batch landed again is the same batch.
        """
        catalog, namespace = open_catalog(self.settings, root), CATALOGS[root].namespace
        found: dict[str, str] = {}
        for _, name in catalog.list_tables(namespace):
            table = IcebergTable(catalog, namespace, name, (), "", "")
            records = table.records(RootModel[dict[str, Any]])
            for key, stored in table.stored(sorted({*records, *table.partition_rows()})).items():
                told = json.loads(records[key].model_dump_json(), object_hook=_timeless) if key in records else None
                found[f"{name}/{key}"] = f"{stored.content.digest} {told}"
        return found

    def lose(self, root: RootName, source: Source, key: str) -> None:
        """Delete the raw partition and its record, as an accident or an operator might."""
        table = self.lake.raw(source) if root == "raw" else self.lake.raw_backup(source)
        table.commit({key: None}, remove=of_partitions([key]))

    def status(self, source: Source, key: str) -> PartitionStatus:
        return SourceLedger.of(self.lake, source).status(key)

    def rows(self, source: Source, table: int = 0) -> DataFrame:
        return read_table(self.session, self.lake.clean(source.tables[table]))

    def clean_twins(self, source: Source, table: int = 0) -> Twins[CleanRecord]:
        return self.lake.clean_twins(source, source.tables[table])

    def commits(self, table: IcebergTable) -> int:
        """The number of a table's snapshots that added rows."""
        return self.session.table(f"{table.identifier}.snapshots").where("summary['added-records'] > 0").count()

    def quarantined(self, source: Source, table: int = 0) -> DataFrame:
        return read_table(self.session, self.lake.quarantine(source.tables[table]))


def _timeless(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "landed_at"}


def deployment_in(
    folder: Path, spark: SparkSession | None, simulator: Simulator, kafka_address: str, **changes: Any
) -> Deployment:
    """A deployment with its roots in ``folder``, unless ``changes`` of the settings say otherwise.

    Without ``spark`` only its raw stages run.
    """
    own = Settings(
        home=folder,
        kafka_bootstrap_servers=kafka_address,
        kafka_topic_prefix=f"test-{uuid4().hex[:12]}",
        spark_config=SHORT_LIVED,
        **changes,
    )
    settings = served_by(own, simulator.url, 500.0)
    session = session_for(spark, settings) if spark else cast(SparkSession, NoSpark())
    made = Deployment(settings, session, simulator)
    made.at(NOW)
    return made


def on_s3(endpoint: str) -> dict[str, Any]:
    """Settings of four new buckets on an S3 server and a matching catalog: Glue if the server is moto.

    STEAM_TEST_ICEBERG_CATALOG names another catalog; its other settings come from the environment, as in production.
    """
    elsewhere = "STEAM_TEST_S3_ENDPOINT" in os.environ
    catalog = os.environ.get("STEAM_TEST_ICEBERG_CATALOG", "sqlite" if elsewhere else "glue")
    region = os.environ.get("AWS_REGION", "us-east-1")
    s3 = aws_client("s3", endpoint_url=endpoint, region_name=region, config=Config(s3={"addressing_style": "path"}))
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    roots = {root: f"{bucket}-{uuid4().hex[:8]}" for root, bucket in BUCKETS.items()}
    for bucket in roots.values():
        s3.create_bucket(Bucket=bucket, **where)
    glue = {} if elsewhere else {"glue_endpoint_url": endpoint}
    if not elsewhere:
        # A separate catalog for each deployment, because moto has only one.
        databases = aws_client("glue", endpoint_url=endpoint, region_name=region)
        for database in databases.get_databases()["DatabaseList"]:
            databases.delete_database(Name=database["Name"])
    named = {root: f"s3://{bucket}" for root, bucket in roots.items()}
    return named | glue | {"s3_endpoint_url": endpoint, "aws_region": region, "iceberg_catalog": catalog}
