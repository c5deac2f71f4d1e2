"""The Spark cluster of compose.cluster.yaml, started with its own commands, accepts a session by settings alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from by_hand import Stack

from steam_assets.java.jvm import light
from steam_assets_tests.deployment import SHORT_LIVED
from steam_assets_tests.waiting import START_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.nightly]

SESSION = """
from pyspark.sql import SparkSession
from steam_assets.lake.catalogs import open_catalog
from steam_assets.spark.session import spark_config
from steam_assets.settings import Settings

settings = Settings()
spark = SparkSession.builder.config(map=spark_config(settings)).getOrCreate()
table = "clean.steam.by_hand"
spark.range(0, 1000, 1, 4).createOrReplaceTempView("numbers")
open_catalog(settings, "clean")
spark.sql(f"CREATE TABLE {table} USING iceberg AS SELECT id FROM numbers")
print(spark.sparkContext.master, spark.table(table).count())
spark.stop()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    quick = {"STEAM_SPARK_CONFIG": json.dumps(SHORT_LIVED), "SPARK_DAEMON_JAVA_OPTS": " ".join(light())}
    stack = Stack(tmp_path_factory.mktemp("cluster"), ("compose.yaml", "compose.cluster.yaml"), quick)
    (stack.folder / "steam").mkdir()
    try:
        stack.start("spark-master")
        stack.start("spark-worker")
        yield stack
    finally:
        stack.stop()


def test_a_session_of_the_code_location_writes_a_table_on_the_cluster(cluster: Stack):
    done = subprocess.run(
        [sys.executable, "-c", SESSION],
        env=cluster.environment("code-location"),
        cwd=cluster.folder,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [f"spark://127.0.0.1:{cluster.port('spark-master', 7077)}", "1000"]
    assert list((cluster.folder / "steam" / "clean" / "warehouse").rglob("*.parquet"))
