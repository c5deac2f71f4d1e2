"""A separate deployment on disk for each test and, where a test requests it, a second one on S3 (see ``on_s3``).

STEAM_TEST_STORAGE=s3 runs all of them on S3. Only tests marked ``spark`` get Spark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.simulator import Simulator
from steam_assets_tests.deployment import Deployment, deployment_in, on_s3


@pytest.fixture
def deployment(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    simulator: Simulator,
    broker: EmbeddedBroker,
) -> Iterator[Deployment]:
    storage = getattr(request, "param", os.environ.get("STEAM_TEST_STORAGE", "disk"))
    roots = on_s3(request.getfixturevalue("s3_server")) if storage == "s3" else {}
    spark = request.getfixturevalue("spark") if request.node.get_closest_marker("spark") else None
    yield deployment_in(tmp_path, spark, simulator, broker.address, **roots)
    simulator.faults.clear()
    simulator.clear_now()
