"""The synthetic market in both engines, created once per run."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from steam_assets_tests.deployment import COMPILED, configure
from steam_assets_tests.insights.synthetic_market import market
from steam_assets_tests.insights.synthetic_store import store
from steam_assets_tests.insights.two_engines import TwoEngines, both


@pytest.fixture(scope="session")
def engines(spark: SparkSession) -> TwoEngines:
    session = spark.newSession()
    configure(session, COMPILED)
    return both(market(session) | store(session))
