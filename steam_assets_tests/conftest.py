"""What all tests share: one Spark session, one broker, one simulator a run, and the folder of recorded responses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.embedded.broker import EmbeddedBroker, free_port
from steam_assets.embedded.simulator import Simulator
from steam_assets.lake.spark_session import open_session
from steam_assets.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Real recorded responses; they lie beside the checkout and are not part of it."""
    folder = Path(os.environ.get("STEAM_TEST_RECORDED", REPOSITORY.parent / "shared" / "recorded"))
    if not folder.is_dir():
        pytest.skip(f"no recorded responses at {folder}; set STEAM_TEST_RECORDED to their folder")
    return folder


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one Spark session of the run, as the product configures it; ``deployment`` lays other roots over it."""
    settings = Settings(home=tmp_path_factory.mktemp("spark"), spark_master="local[2]")
    session = open_session(settings)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """The one simulator of the run: a small market. A test that sets its clock or faults undoes it."""
    with Simulator(seed=7, apps=12, reviews_per_app_week=30) as running:
        yield running


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """The one Kafka broker of the run; reach it by ``Settings(kafka_bootstrap_servers=broker.address)``."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), free_port()) as running:
        yield running
