"""``steam-assets dev`` in a process of its own, and runs that are launched in its Dagster UI.

Belongs here: starting and stopping it, the GraphQL that the UI's buttons send. Does not belong here: what is measured
(stack_memory.py, whole_commands.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.measured import REPOSITORY, command, process_environment
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets_tests.orchestration.dagster_graphql import ask, launch_backfill

START_SECONDS, STOP_SECONDS, POLL_SECONDS = 120, 40, 0.1
BACKFILL_STATUS = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
RUN = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
RUN_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status startTime endTime } } }"
JOB = """
query ($path: [AssetKeyInput!]!) { assetNodes(assetKeys: $path) { jobNames repository { name location { name } } } }
"""


@dataclass(frozen=True)
class RunTimes:
    """Unix seconds: when the button was pressed, when the run's process began its work, and when it ended."""

    launched: float
    started: float
    ended: float


@dataclass(frozen=True)
class Dev:
    """A running ``steam-assets dev``; ``log`` is its output."""

    process: psutil.Popen
    url: str
    log: Path

    def answers(self) -> bool:
        """Whether the Dagster UI is ready. SystemExit if the process has ended."""
        if self.process.poll() is not None:
            raise SystemExit(f"dev ended:\n{self.log.read_text(errors='replace')[-3000:]}")
        try:
            return requests.get(f"{self.url}/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    def launch_backfill(self, assets: Sequence[Sequence[str]], key: str) -> str:
        """Materialize a partition as a backfill, and return its ID. Raises QueryFailed."""
        return launch_backfill(self.url, assets, [key])

    def backfill_ended(self, backfill: str) -> bool:
        """Whether the backfill is complete. SystemExit if it failed."""
        return self._ended(self.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"])

    def materialize(self, assets: Sequence[Sequence[str]], key: str, seconds: float) -> RunTimes:
        """Materialize one partition in one run, as the dialog does for a single partition, and wait for its end."""
        selection = [{"path": path} for path in assets]
        (node, *_) = self.ask(JOB, path=selection)["assetNodes"]
        (job,) = [name for name in node["jobNames"] if name.startswith("__ASSET_JOB")]
        selector = {
            "repositoryLocationName": node["repository"]["location"]["name"],
            "repositoryName": node["repository"]["name"],
            "pipelineName": job,
            "assetSelection": selection,
        }
        params = {
            "mode": "default",
            "selector": selector,
            "runConfigData": "{}",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": key}]},
        }
        launched = time.time()
        run = self.ask(RUN, params=params)["launchPipelineExecution"]["run"]["runId"]
        found: dict[str, Any] = {}

        def ended() -> bool:
            found.update(self.ask(RUN_STATUS, id=run)["runOrError"])
            return self._ended(found["status"])

        self.wait_for(ended, seconds, f"the run {run}")
        return RunTimes(launched, found["startTime"], found["endTime"])

    def wait_for(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until ``done()``. SystemExit after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {seconds:.0f} s: {what}\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(POLL_SECONDS)

    def _ended(self, status: str) -> bool:
        if status in ("COMPLETED_FAILED", "FAILED", "FAILURE", "CANCELED"):
            raise SystemExit(f"a run ended with status {status}; {self.log.read_text(errors='replace')[-3000:]}")
        return status in ("COMPLETED_SUCCESS", "SUCCESS")

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query. Raises QueryFailed."""
        return ask(self.url, query, **variables)


@contextmanager
def dev_process(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[Dev]:
    """Run ``steam-assets dev`` in its own process group, with more variables, and end it as Ctrl-C does."""
    port, log = free_port(), settings.home / "dev.log"
    settings.home.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = psutil.Popen(
            command("dev", "--port", str(port)),
            cwd=REPOSITORY,
            env=process_environment(settings.environment(secrets=True)) | dict(environment or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Dev(process, f"http://127.0.0.1:{port}", log)
    finally:
        tree = [process, *process.children(recursive=True)]
        os.killpg(process.pid, signal.SIGINT)
        _, left = psutil.wait_procs(tree, STOP_SECONDS)
        for one in left:
            print(f"still running after Ctrl-C: {one}")
            one.kill()
