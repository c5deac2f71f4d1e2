"""Resources shared by runs. None of them uses the network or starts a JVM before an op needs it.

Belongs here: thin Dagster wrappers of plain objects. Does not belong here: what the objects do.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from dagster_pyspark.resources import spark_session_from_config
from pydantic import PrivateAttr

from steam_assets.settings import Settings
from steam_assets.spark.session import log_in, prepare_process, spark_config
from steam_assets.spark.warm_spark import START_SECONDS, brief_retries, warm_spark

LOST_SPARK_RETRIES = 2
POLL_SECONDS = 0.2


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
            self._warm = warm_spark(self._settings)
            self._open()

    def _open(self) -> None:
        given = self._settings.model_copy(update={"spark_remote": self._warm}) if self._warm else self._settings
        if not given.spark_remote:
            prepare_process()
        config = spark_config(given) | self.spark_config
        log_in(config)
        self._spark_session = spark_session_from_config(config)
        if self._warm:
            brief_retries(self._spark_session)

    @property
    def is_lost(self) -> bool:
        """Whether the kept Spark that this process uses has died."""
        return self._warm is not None and warm_spark(self._settings) != self._warm

    def _attach_again(self) -> None:
        # A process that has used Spark Connect cannot start a Spark of its own: it waits for the one begun anew.
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
    """Raise RetryRequested for whatever fails because the kept Spark died: the next try uses the one begun anew."""
    try:
        yield
    except Exception as error:
        if not isinstance(spark, SparkSessions) or not spark.is_lost:
            raise
        raise dg.RetryRequested(LOST_SPARK_RETRIES, seconds_to_wait=1) from error
