"""What all tests share: one Spark session, one broker, one simulator a run, and the folder of recorded responses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.embedded.broker import EmbeddedBroker, free_port

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Real recorded responses; they lie beside the checkout and are not part of it."""
    folder = Path(os.environ.get("STEAM_TEST_RECORDED", REPOSITORY.parent / "shared" / "recorded"))
    if not folder.is_dir():
        pytest.skip(f"no recorded responses at {folder}; set STEAM_TEST_RECORDED to their folder")
    return folder


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark session of the run, in UTC."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """The one Kafka broker of the run; reach it by ``Settings(kafka_bootstrap_servers=broker.address)``."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), free_port()) as running:
        yield running
