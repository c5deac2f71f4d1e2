"""The base services work together when started with their own commands, environment and health checks.

These tests use no container engine: software of third-party images (PostgreSQL, Kafka) is this machine's own, with the
settings of the compose file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest
from by_hand import GIVEN, Stack

from steam_assets.kafka.connection import cluster_id
from steam_assets.orchestration.stages import Stage, stage_keys
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import SHORT_LIVED
from steam_assets_tests.orchestration.dagster_graphql import ask
from steam_assets_tests.waiting import START_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.daemon, pytest.mark.nightly]

DAY, NOW = "2026-11-20", "2026-11-20T21:00:00+00:00"
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not PROGRAMS:
        pytest.skip("no PostgreSQL server here; `apt-get install postgresql` brings it")
    with Simulator(seed=7, apps=20) as steam:
        steam.set_now(datetime.fromisoformat(NOW))
        simulated = {
            "STEAM_API_URL": steam.url,
            "STEAM_API_REQUESTS_PER_SECOND": "50",
            "STEAM_SIMULATED_NOW": NOW,
            "STEAM_SPARK_CONFIG": json.dumps(SHORT_LIVED),
        }
        stack = Stack(tmp_path_factory.mktemp("stack"), ("compose.yaml",), simulated)
        try:
            stack.start_postgres(PROGRAMS[-1])
            stack.start_kafka()
            for service in ("code-location", "webserver", "daemon"):
                stack.start(service)
            yield stack
        finally:
            stack.stop()
            stack.remove_postgres()


@pytest.fixture(scope="module")
def ui(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.port('webserver', 3000)}"


def test_the_webserver_lists_the_code_location_that_grpc_serves(ui: str):
    entries = ask(
        ui,
        """{ workspaceOrError { ... on Workspace { locationEntries {
            name loadStatus locationOrLoadError { __typename } } } } }""",
    )["workspaceOrError"]["locationEntries"]
    assert entries == [
        {
            "name": "steam_assets",
            "loadStatus": "LOADED",
            "locationOrLoadError": {"__typename": "RepositoryLocation"},
        }
    ]


def test_schedules_are_on_from_the_start(ui: str):
    schedules = ask(
        ui,
        """{ schedulesOrError(repositorySelector: {
            repositoryName: "__repository__", repositoryLocationName: "steam_assets"
        }) { ... on Schedules { results { name scheduleState { status } } } } }""",
    )["schedulesOrError"]["results"]
    assert schedules
    assert {schedule["scheduleState"]["status"] for schedule in schedules} == {"RUNNING"}


def test_the_daemons_are_healthy(ui: str):
    statuses = ask(ui, "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }")
    required = [s for s in statuses["instance"]["daemonHealth"]["allDaemonStatuses"] if s["required"]]
    assert {status["daemonType"] for status in required} >= {"SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR"}
    assert [status["daemonType"] for status in required if not status["healthy"]] == []


def test_the_broker_responds_and_creates_no_topic_by_itself(stack: Stack):
    settings = Settings.model_construct(kafka_bootstrap_servers=f"127.0.0.1:{stack.port('kafka', 9092)}")
    assert cluster_id(settings, 10) == "4L6g3nShT-eMCtK--X86sw"


def test_a_queued_run_goes_from_the_source_to_the_verified_backup(stack: Stack, ui: str):
    """Webserver, queue, daemon, gRPC server and run process work together with Kafka and Spark.

    PostgreSQL records the run.
    """
    launched = ask(
        ui,
        """mutation ($tags: [ExecutionTag!]!, $assets: [AssetKeyInput!]!) { launchRun(executionParams: {
            selector: {jobName: "daily", repositoryName: "__repository__", repositoryLocationName: "steam_assets",
                assetSelection: $assets},
            executionMetadata: {tags: $tags}, runConfigData: {}
        }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
        tags=[{"key": "dagster/partition", "value": DAY}],
        assets=[{"path": key.path} for stage in Stage for key in stage_keys(source_named("most_played"), stage)],
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    assert _ended(stack, ui, run_id) == "SUCCESS", _failures(ui, run_id)
    assert _recorded_in_postgres(stack, run_id) == "SUCCESS"
    assert list((stack.folder / "steam" / "clean-backup").rglob("*.parquet"))


def _ended(stack: Stack, ui: str, run_id: str) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        run = ask(ui, "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)["runOrError"]
        if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") or time.monotonic() > deadline:
            return run["status"]
        stack.idle(1)


def _failures(ui: str, run_id: str) -> str:
    events = ask(
        ui,
        """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
            __typename ... on MessageEvent { message } ... on ErrorEvent { error { message } } } } } }""",
        id=run_id,
    )["logsForRun"]["events"]
    return "\n".join(str(event) for event in events if "Failure" in event["__typename"])


def _recorded_in_postgres(stack: Stack, run_id: str) -> str:
    with (
        psycopg2.connect(
            host="127.0.0.1",
            port=stack.port("postgres", 5432),
            user="dagster",
            password=GIVEN["POSTGRES_PASSWORD"],
            dbname="dagster",
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select status from runs where run_id = %s", (run_id,))
        (found,) = cursor.fetchall()
    return found[0]
