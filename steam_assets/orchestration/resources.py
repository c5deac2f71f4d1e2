"""The resources of runs and sensors, as the Dagster UI shows them: lake, clock, Spark, and where cleaning runs.

Belongs here: thin Dagster wrappers of plain objects. Does not belong here: what the objects do.

No resource uses the network or starts a JVM before an op needs it. An op's parameter has the plain type
(``lake: dg.ResourceParam[Lake]``), so that it also takes a plain object.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import ClassVar, Generic, Literal, Self, TypeVar, cast

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from dagster_pyspark.resources import spark_session_from_config
from pydantic import Field, PrivateAttr

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.submitted_cleaning import Submission
from steam_assets.settings import Settings
from steam_assets.spark.continued_session import RESET, continued_session
from steam_assets.spark.early_session import has_begun
from steam_assets.spark.session import log_in, prepare_process, spark_config
from steam_assets.spark.warm_spark import START_SECONDS, brief_retries, warm_spark

LOST_SPARK_RETRIES = 2
POLL_SECONDS = 0.2

T = TypeVar("T")


class FixedResource(dg.ConfigurableResource[T], Generic[T]):
    """A plain object with fields that show its configuration; settings determine them, run config cannot.

    Each field's type accepts only its one value. Dagster rejects any other, and ``{env: NAME}``, before a run starts
    (plain_config.py explains why); otherwise a run could use other roots than the sensors and the command line.
    """

    held: ClassVar[tuple[object]] = (None,)
    """In a tuple, because a resource as a class attribute is a Dagster descriptor that returns another object."""

    @classmethod
    def of(cls, held: T, **shown: str) -> Self:
        """The resource that passes ``held`` to ops. ``shown`` has the value of each field; none may be a secret."""
        described = {name: field.description for name, field in cls.model_fields.items()}
        body: dict[str, object] = {
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
            "__annotations__": {name: Literal[value] for name, value in shown.items()},
            "held": (held,),
        }
        fields = {name: Field(default=value, description=described[name]) for name, value in shown.items()}
        made = cast("type[Self]", type(cls)(cls.__name__, (cls,), body | fields))
        return made(**shown)

    def create_resource(self, context: dg.InitResourceContext) -> T:
        return cast("T", self.held[0])


class LakeResource(FixedResource[Lake]):
    """The lake: the tables in its four roots."""

    raw: str = Field(description="Root of the raw tables.")
    raw_backup: str = Field(description="Root of their backups.")
    clean: str = Field(description="Root of the clean tables and insights.")
    clean_backup: str = Field(description="Root of their backups.")
    catalog: str = Field(description="Kind of the Iceberg catalog of each root.")


class ClockResource(FixedResource[Clock]):
    """The clock, which decides what is due and what is late."""

    time: str = Field(description="The system's time, or a fixed one of a demo or a test.")


class SparkResource(FixedResource[LazyPySparkResource]):
    """Spark, started or connected to when a run first needs it."""

    where: str = Field(description="Spark's master, or Spark Connect.")


class CleaningResource(FixedResource[Submission | None]):
    """Where partitions are cleaned."""

    runner: str = Field(description="In the run's process, in a process of its own, or on EMR Serverless.")


def lake_resource(lake: Lake) -> LakeResource:
    """The lake, shown by its roots."""
    settings = lake.settings
    return LakeResource.of(
        lake,
        raw=settings.root("raw"),
        raw_backup=settings.root("raw-backup"),
        clean=settings.root("clean"),
        clean_backup=settings.root("clean-backup"),
        catalog=settings.iceberg_catalog,
    )


class SparkSessions(LazyPySparkResource):
    """dagster-pyspark's lazy session, configured on first use, as resolving the jars needs a disk or a network.

    It is a session of the Spark that ``steam-assets dev`` keeps, if there is one for the settings.
    """

    _settings: Settings = PrivateAttr(default_factory=Settings)
    _warm: str | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> SparkSessions:
        resource = cls(spark_config={})
        resource._settings = settings
        return resource

    def _init_session(self) -> None:
        if self.is_lost:
            self._attach_again()
        elif self._spark_session is None:
            self._warm = None if has_begun() else warm_spark(self._settings)
            self._open()

    def _open(self) -> None:
        given, before = self._settings, dict[str, str]()
        if self._warm:
            session = continued_session(self._settings, self._warm)
            given, before = given.model_copy(update={"spark_remote": f"{self._warm};session_id={session}"}), RESET
        if not given.spark_remote:
            prepare_process()
        config = before | spark_config(given) | self.spark_config
        log_in(config)
        self._spark_session = spark_session_from_config(config)
        if self._warm:
            brief_retries(self._spark_session)

    @property
    def is_lost(self) -> bool:
        """Whether the kept Spark that this process uses has died."""
        return self._warm is not None and warm_spark(self._settings) != self._warm

    def _attach_again(self) -> None:
        # A process that has used Spark Connect cannot start its own Spark, so it waits for the restarted one.
        deadline = time.monotonic() + START_SECONDS
        while (found := warm_spark(self._settings)) is None:
            if time.monotonic() > deadline:
                raise dg.Failure(
                    "the Spark of `steam-assets dev` ended and was not started again; start this run again"
                )
            time.sleep(POLL_SECONDS)
        if self._spark_session is not None:
            with suppress(Exception):
                self._spark_session.stop()
        self._warm, self._spark_session = found, None
        self._open()


@contextmanager
def tried_again_if_lost(spark: object) -> Generator[None]:
    """Raise RetryRequested for any failure caused by the death of the kept Spark; the retry uses the restarted one."""
    try:
        yield
    except Exception as error:
        if not isinstance(spark, SparkSessions) or not spark.is_lost:
            raise
        raise dg.RetryRequested(LOST_SPARK_RETRIES, seconds_to_wait=1) from error
