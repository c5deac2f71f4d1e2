"""The synthetic market in both engines, created once per run."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from steam_assets_tests.deployment import COMPILED, INTERPRETED, configure
from steam_assets_tests.insights.odd_market import odd_market
from steam_assets_tests.insights.synthetic_market import market
from steam_assets_tests.insights.synthetic_store import store
from steam_assets_tests.insights.two_engines import TwoEngines, both


@pytest.fixture(scope="session")
def engines(spark: SparkSession) -> TwoEngines:
    session = spark.newSession()
    configure(session, COMPILED)
    return both(market(session) | store(session))


@pytest.fixture(scope="session")
def odd_engines(spark: SparkSession) -> TwoEngines:
    """Random tables in both engines."""
    session = spark.newSession()
    configure(session, INTERPRETED)
    return both({name: session.createDataFrame(rows).cache() for name, rows in odd_market(1).items()})
