"""Every command stops all it started, whatever signal arrives, even when it is killed itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

import dagster as dg
import psutil
import pytest

from steam_assets.extraction.hosts import served_by
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import SlowBody
from steam_assets_tests.deployment import NOW, SHORT_LIVED
from steam_assets_tests.local_port import listens
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.orchestration.dagster_graphql import QueryFailed
from steam_assets_tests.orchestration.dagster_ui import DagsterUi
from steam_assets_tests.processes import STEAM_ASSETS, Program
from steam_assets_tests.waiting import START_SECONDS, wait_until

pytestmark = [pytest.mark.process, pytest.mark.kafka, pytest.mark.slow]

DAY = f"{NOW:%Y-%m-%d}"
ENDED_SECONDS = 15
"""Three times the promised time, because the test machine is busy."""
KILLED_SECONDS = 30
CODES = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGKILL: -SIGKILL}


@pytest.fixture
def slow(simulator: Simulator) -> Iterator[Simulator]:
    """A simulator at ``NOW`` whose responses take longer than any test."""
    simulator.set_now(NOW)
    simulator.faults.add(SlowBody(seconds=600))
    yield simulator
    simulator.faults.clear()
    simulator.clear_now()


class Command(Program):
    """A ``steam-assets`` command with its own home and ports, using the simulator."""

    def __init__(self, folder: Path, simulator: Simulator, *arguments: str) -> None:
        own = Settings(
            home=folder / "home",
            simulated_now=NOW.isoformat(),
            embedded_kafka_port=free_port(),
            spark_config=SHORT_LIVED,
        )
        self.settings = served_by(own, simulator.url, 1.0)
        # Ignore a .env file of the checkout.
        environment = self.settings.environment(secrets=True) | {"DAGSTER_HOME": str(folder / "dagster")}
        super().__init__([STEAM_ASSETS, *arguments], folder / "output.txt", environment)
        self._dagster = folder / "dagster"

    def ends_by(self, number: Signals) -> None:
        """Send the signal and assert that the command ends in time, completely and quietly."""
        before = len(self.output)
        self.signal(number)
        self.wait_for_no_family(KILLED_SECONDS if number is SIGKILL else ENDED_SECONDS)
        assert self.poll() == CODES[number]
        assert not listens(self.settings.embedded_kafka_port)
        if number is not SIGKILL:
            said = self.output[before:]
            assert "Traceback" not in said
            assert said.count("Interrupted; ") == 1

    def run_ended_as(self, *statuses: dg.DagsterRunStatus) -> None:
        """Each run has one of these statuses, and none holds a pool slot.

        The daemon may have requested a retry before it ended; that run is queued or has ended as well.
        """
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(self._dagster))
            with dg.DagsterInstance.get() as instance:
                record, *again = instance.get_run_records(ascending=True)
                assert {one.dagster_run.status for one in again} <= {dg.DagsterRunStatus.QUEUED, *statuses}
                assert record.dagster_run.status in statuses
                assert not instance.event_log_storage.get_concurrency_info("sources").claimed_slots


def asked(simulator: Simulator) -> None:
    wait_until(lambda: True if simulator.faults.hits() else None, START_SECONDS, "a request to the source")


@pytest.mark.parametrize("number", rest_nightly([SIGINT, SIGHUP, SIGKILL]), ids=lambda number: number.name)
def test_run_ends_while_it_fetches_a_source(number: Signals, slow: Simulator, tmp_path: Path) -> None:
    with Command(tmp_path, slow, "run", "most_played", "--stage", "raw") as run:
        asked(slow)
        run.ends_by(number)
        # Also by SIGKILL of the program: its command notices and cleans up its run.
        run.run_ended_as(dg.DagsterRunStatus.FAILURE)


@pytest.mark.nightly
def test_run_ends_while_it_fetches_many_apps(slow: Simulator, tmp_path: Path) -> None:
    """It does not wait for the fetching threads."""
    arguments = ("news", "--stage", "raw", "--apps", ",".join(str(app) for app in range(10, 130, 10)))
    with Command(tmp_path, slow, "run", *arguments) as run:
        asked(slow)
        run.ends_by(SIGTERM)
        run.run_ended_as(dg.DagsterRunStatus.FAILURE)


@pytest.mark.daemon
@pytest.mark.parametrize("number", rest_nightly([SIGKILL, SIGINT]), ids=lambda number: number.name)
def test_dev_ends_while_dagster_starts(number: Signals, simulator: Simulator, tmp_path: Path) -> None:
    with Command(tmp_path, simulator, "dev", "--port", str(free_port())) as dev:

        def code_server() -> bool | None:
            with suppress(psutil.NoSuchProcess):
                return True if any("grpc" in process.cmdline() for process in dev.family()) else None

        wait_until(code_server, START_SECONDS, f"the code server; {dev.output}")
        dev.ends_by(number)


TERMINATE = """
mutation ($id: String!) { terminateRun(runId: $id) { __typename } }
"""
RUNS = "query { runsOrError { ... on Runs { results { id status } } } }"


@pytest.mark.daemon
@pytest.mark.nightly
def test_runs_of_dev_end_alone_and_with_dev(slow: Simulator, tmp_path: Path) -> None:
    """A run that is terminated in the UI ends. If the process that runs are forked from or the code server is killed,
    the next run works. With ``dev`` all its processes end, and a run in progress is marked as failed.
    """
    port = free_port()
    with Command(tmp_path, slow, "dev", "--port", str(port)) as dev:
        served = DagsterUi(f"http://127.0.0.1:{port}", (tmp_path / "output.txt",))
        wait_until(lambda: True if listens(port) else None, START_SECONDS, f"the Dagster UI; see {served.logs}")

        def processes(word: str) -> list[psutil.Process]:
            return [process for process in dev.family() if word in " ".join(process.cmdline())]

        def launched() -> str | None:
            # For some seconds, the webserver does not know a code server that was started again.
            with suppress(QueryFailed):
                return served.launch_backfill([["most_played", "raw"]], [DAY])

        def begun() -> str:
            slow.faults.clear()
            slow.faults.add(SlowBody(seconds=600))
            wait_until(launched, 60, f"the webserver finds the code server; see {served.logs}")
            asked(slow)
            return served.ask(RUNS)["runsOrError"]["results"][0]["id"]

        def terminated(run: str) -> None:
            assert served.ask(TERMINATE, id=run)["terminateRun"]["__typename"] == "TerminateRunSuccess"
            wait_until(lambda: states()[run] == "CANCELED" or None, 60, f"the end of run {run}")

        def states() -> dict[str, str]:
            return {one["id"]: one["status"] for one in served.ask(RUNS)["runsOrError"]["results"]}

        terminated(begun())
        for process in processes("multiprocessing.forkserver"):
            process.kill()
        terminated(begun())
        for process in processes("api grpc"):
            process.kill()
        dev.wait_for_output("it was started again")
        begun()
        dev.ends_by(SIGTERM)
        assert not listens(port)
        dev.run_ended_as(dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@pytest.mark.nightly
def test_broker_ends_on_hang_up(simulator: Simulator, tmp_path: Path) -> None:
    with Command(tmp_path, simulator, "broker") as broker:
        broker.wait_for_output("Kafka listens")
        broker.ends_by(SIGHUP)


def test_simulate_ends_where_its_parent_ignores_ctrl_c(simulator: Simulator, tmp_path: Path) -> None:
    """With ``&`` a script makes its children ignore SIGINT, and Python keeps that."""
    port = free_port()
    script = f"trap '' INT; exec {STEAM_ASSETS} simulate --port {port}"
    with Program(["/bin/sh", "-c", script], tmp_path / "output.txt") as simulate:
        simulate.wait_for_output(f":{port}")
        simulate.signal(SIGINT)
        simulate.wait_for_no_family(ENDED_SECONDS)
        assert simulate.poll() == CODES[SIGINT]
        assert not listens(port)


def test_nohup_outlives_the_terminal(tmp_path: Path) -> None:
    with Program(["nohup", STEAM_ASSETS, "simulate", "--port", str(free_port())], tmp_path / "output.txt") as simulate:
        simulate.wait_for_output("STEAM_API_URL")
        simulate.signal(SIGHUP)
        simulate.signal(SIGTERM)
        simulate.wait_for_no_family(ENDED_SECONDS)
        assert simulate.poll() == CODES[SIGTERM]


@pytest.mark.parametrize("number", [SIGINT, SIGTERM, SIGHUP], ids=lambda number: number.name)
def test_a_signal_before_the_command_has_begun_ends_it(number: Signals, simulator: Simulator, tmp_path: Path) -> None:
    with Command(tmp_path, simulator, "simulate", "--port", str(free_port())) as simulate:
        wait_until(lambda: simulate.descendants() or None, 30, "the command's process")
        simulate.ends_by(number)


@pytest.mark.nightly
def test_demo_ends_in_the_middle_of_spark(tmp_path: Path, simulator: Simulator) -> None:
    home = tmp_path / "demo"
    arguments = ("--apps", "10", "--days", "1", "--weeks", "1", "--months", "1", "--home", str(home))
    with Command(tmp_path, simulator, "demo", *arguments) as demo:
        tables = home / "clean" / "warehouse" / "steam"
        wait_until(lambda: next(tables.glob("*/data"), None), 240, "what Spark writes")
        assert any(process.name() == "java" and "spark" in " ".join(process.cmdline()) for process in demo.family())
        demo.ends_by(SIGINT)
