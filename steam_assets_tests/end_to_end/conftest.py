"""A deployment of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.embedded.broker import EmbeddedBroker
from steam_assets.embedded.simulator import Simulator
from steam_assets_tests.deployment import Deployment, deployment_in


@pytest.fixture
def deployment(
    tmp_path: Path, spark: SparkSession, simulator: Simulator, broker: EmbeddedBroker
) -> Iterator[Deployment]:
    yield deployment_in(tmp_path, spark, simulator, broker.address)
    simulator.faults.clear()
    simulator.clear_now()
