"""A whole deployment for a test: its own roots, the run's one broker, Spark and simulator, and an ephemeral instance.

Belongs here: what end-to-end, fault and orchestration tests start from. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg  # noqa: TID251 - tests of runs make runs
from pyspark.sql import DataFrame, SparkSession

from steam_assets.embedded.simulator import Simulator
from steam_assets.ingestion.clock import Clock
from steam_assets.lake.clean_tables import clean_table, quarantine_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.partition_status import PartitionStatus, partition_status
from steam_assets.lake.spark_session import spark_config
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import AFTER_RAW, Launcher, Stage
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)


@dataclass(frozen=True)
class GivenSpark:
    """Stands in for dagster-pyspark's resource with a session that is there already."""

    spark_session: SparkSession


def session_for(spark: SparkSession, settings: Settings) -> SparkSession:
    """A session of the same JVM whose catalogs are those of ``settings``."""
    session = spark.newSession()
    for key, value in spark_config(settings).items():
        if key.startswith("spark.sql.catalog."):
            session.conf.set(key, value)
    return session


@dataclass
class Deployment:
    """``settings`` in a folder of its own, with the clock standing at ``NOW`` until it is moved."""

    settings: Settings
    session: SparkSession
    simulator: Simulator
    sources: Sequence[Source] = SOURCES
    clock: Clock = field(default_factory=lambda: Clock(NOW))

    @contextmanager
    def launcher(self) -> Iterator[Launcher]:
        overrides = {"clock": self.clock, "spark": GivenSpark(self.session)}
        defs = build_defs(settings=self.settings, sources=self.sources, resource_overrides=overrides)
        with dg.DagsterInstance.ephemeral() as instance:
            yield Launcher(defs, instance)

    @property
    def lake(self) -> Lake:
        return Lake(self.settings)

    def at(self, moment: datetime) -> None:
        """Let it be ``moment`` for the deployment and for the sources."""
        self.clock.move_to(moment)
        self.simulator.set_now(moment)

    def run(
        self, source: Source, key: str, *, stages: Sequence[Stage] = tuple(Stage), apps: Sequence[int] = ()
    ) -> list[str]:
        """All stages, or some, of one partition, in one run; the failed checks. RunFailed if it fails."""
        with self.launcher() as launcher:
            return launcher.partition(source, stages, key, apps=apps)

    def run_range(self, source: Source, first: str, last: str, stages: Sequence[Stage] = AFTER_RAW) -> None:
        with self.launcher() as launcher:
            launcher.range(source, stages, (first, last))

    def status(self, source: Source, key: str) -> PartitionStatus:
        return partition_status(self.lake, source, key)

    def rows(self, source: Source, table: int = 0) -> DataFrame:
        return clean_table(self.session, source.tables[table]).read()

    def quarantined(self, source: Source, table: int = 0) -> DataFrame:
        return quarantine_table(self.session, source.tables[table]).read()


def deployment_in(
    folder: Path, spark: SparkSession, simulator: Simulator, kafka_address: str, **changes: Any
) -> Deployment:
    """A deployment whose roots are in ``folder``."""
    settings = Settings(
        home=folder,
        kafka_bootstrap_servers=kafka_address,
        kafka_topic_prefix=f"test-{uuid4().hex[:12]}",
        **_urls(simulator.url),
        **changes,
    )
    made = Deployment(settings, session_for(spark, settings), simulator)
    made.at(NOW)
    return made


def _urls(url: str) -> dict[str, Any]:
    rate: dict[str, Any] = {"steam_requests_per_second": 500.0, "similarweb_requests_per_second": 500.0}
    return {"steam_api_url": url, "similarweb_url": url, "similarweb_api_url": url} | rate
