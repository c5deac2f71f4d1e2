"""Fixtures shared by all tests: one Spark session, one broker and one simulator per run, and recorded responses."""

from __future__ import annotations

import contextvars
import os
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import cast

import hypothesis
import pytest
from filelock import FileLock
from moto.server import ThreadedMotoServer
from pyspark.sql import SparkSession

from steam_assets.java.jars import spark_jars
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.loopback import free_port
from steam_assets.processes.garbage_collection import collect_less_often
from steam_assets.processes.supervised import ending
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.spark.session import open_session
from steam_assets_tests.deployment import INTERPRETED, SHORT_LIVED
from steam_assets_tests.lanes import COLLECTED, OF_COPIES
from steam_assets_tests.prepared_lakes import Prepared, PreparedLakes
from steam_assets_tests.query.made_up_market import Market
from steam_assets_tests.query.market_lake import fill

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Handle signals as in a terminal, in tests and their child processes, even in a script's background job."""
    collect_less_often()
    # A thread of Polars reads the environment ten times a second for as long as the process lives. As getenv(3) is not
    # safe beside setenv(3), a test that sets a variable could crash. Tests of Polars run it in another process.
    sys.modules["polars"] = cast("ModuleType", None)
    for number in ending():
        signal.signal(number, signal.default_int_handler)
    # A busy machine must not fail an example, and CI should fail only due to the change; `make test` varies examples.
    hypothesis.settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
    hypothesis.settings.load_profile("steady")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test that uses the run's Spark session or broker, and those of the folder lake by topic."""
    config.stash[COLLECTED] = [*items]
    for item in items:
        for fixture, mark in (("spark", pytest.mark.spark), ("broker", pytest.mark.kafka)):
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        if item.path.parent.name == "lake":
            item.add_marker(pytest.mark.copies if re.match(OF_COPIES, item.path.name) else pytest.mark.lake)


@pytest.fixture(scope="session")
def prepared_lakes(tmp_path_factory: pytest.TempPathFactory) -> PreparedLakes:
    return PreparedLakes(tmp_path_factory.mktemp("lakes"))


@pytest.fixture
def lake(prepared_lakes: PreparedLakes) -> Lake:
    """An empty lake; every test's is in the same folder."""
    return prepared_lakes.empty()


@pytest.fixture
def prepared(prepared_lakes: PreparedLakes, lake: Lake) -> Prepared:
    """Fills ``lake`` as a function does; it runs once, and later its files are copied."""
    return partial(prepared_lakes.fill, lake)


@pytest.fixture(scope="session")
def market_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with every clean table and insight of a made-up market; tests must not change it.

    The lanes share one, which the first to use it fills.
    """
    given = os.environ.get("STEAM_TEST_SHARED_FOLDER")
    folder = Path(given) if given else tmp_path_factory.mktemp("market")
    made = Lake(Settings(home=folder / "market"))
    filled = folder / "market-is-filled"
    with FileLock(folder / "market.lock"):
        if not filled.exists():
            fill(made, Market().rows)
            filled.touch()
    return made


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Recorded real responses; they are beside the checkout and not part of it."""
    folder = Path(os.environ.get("STEAM_TEST_RECORDED", REPOSITORY.parent / "shared" / "recorded"))
    if not folder.is_dir():
        pytest.skip(f"no recorded responses at {folder}; set STEAM_TEST_RECORDED to their folder")
    return folder


@pytest.fixture(scope="session")
def aws_credentials() -> Iterator[None]:
    """Credentials in the environment: moto's, or the existing ones for STEAM_TEST_S3_ENDPOINT."""
    with pytest.MonkeyPatch.context() as patch:
        if "STEAM_TEST_S3_ENDPOINT" not in os.environ:
            patch.setenv("AWS_ACCESS_KEY_ID", "testing")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield


@pytest.fixture(scope="session")
def s3_server(aws_credentials: None) -> Iterator[str]:
    """The endpoint of an S3 server: moto over HTTP (also Glue), or STEAM_TEST_S3_ENDPOINT."""
    given = os.environ.get("STEAM_TEST_S3_ENDPOINT")
    if given:
        yield given
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run each test in its own context.

    A schedule's or sensor's context of Dagster resets a context variable when it is garbage-collected, possibly during
    another test, which would then get the storage of an instance that no longer exists.
    """
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    contextvars.copy_context().run(pyfuncitem.obj, **arguments)
    return True


@pytest.fixture(scope="session")
def connect_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory, aws_credentials: None, connect_port: int) -> Iterator[SparkSession]:
    """The run's Spark session, configured as by the product; ``deployment`` overlays other roots."""
    more = {
        **SHORT_LIVED,
        **INTERPRETED,
        # A JVM loads its jars when it starts, and the first test to use it may need neither S3 nor PostgreSQL.
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in spark_jars(s3=True, postgresql=True)),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(connect_port),
    }
    settings = Settings(
        home=tmp_path_factory.mktemp("spark"), spark_master="local[2]", spark_driver_memory="2g", spark_config=more
    )
    # A JVM loads credentials and jars when it starts, and the first test to use it may not need S3.
    session = open_session(settings, s3=True)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark_remote(spark: SparkSession, connect_port: int) -> str:
    """The same Spark for other processes through Spark Connect: ``Settings(spark_remote=...)``."""
    return f"sc://127.0.0.1:{connect_port}"


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """The run's simulator: a small market. A test that sets its clock or faults resets them."""
    with Simulator(seed=7, apps=12, reviews_per_app_week=30) as running:
        yield running


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """The run's Kafka broker; connect with ``Settings(kafka_bootstrap_servers=broker.address)``.

    If lanes.py runs several test processes, it has started the broker, and they share it.
    """
    folder = os.environ.get("STEAM_TEST_BROKER_FOLDER") or tmp_path_factory.mktemp("kafka")
    port = os.environ.get("STEAM_TEST_BROKER_PORT") or free_port()
    with EmbeddedBroker(Path(folder), int(port)) as running:
        yield running
