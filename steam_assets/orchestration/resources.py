"""Resources shared by runs. None of them uses the network or starts a JVM before an op needs it.

Belongs here: thin Dagster wrappers of plain objects. Does not belong here: what the objects do.
"""

from __future__ import annotations

from dagster_pyspark import LazyPySparkResource
from dagster_pyspark.resources import spark_session_from_config

from steam_assets.settings import Settings
from steam_assets.spark.session import log_in, prepare_process, spark_config


def spark_resource(settings: Settings) -> LazyPySparkResource:
    """dagster-pyspark's lazy session, configured on first use, as resolving the jars needs a disk or a network."""

    class SparkSessions(LazyPySparkResource):
        def _init_session(self) -> None:
            if self._spark_session is None:
                if not settings.spark_remote:
                    prepare_process()
                config = spark_config(settings) | self.spark_config
                log_in(config)
                self._spark_session = spark_session_from_config(config)

    return SparkSessions(spark_config={})
