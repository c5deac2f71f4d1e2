"""A webserver and a daemon of our own for a test, and a client for the GraphQL of the Dagster UI.

Belongs here: starting them on the checkout's workspace.yaml, querying and waiting. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import dagster as dg
import requests

from steam_assets.kafka.embedded_broker import free_port
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.conftest import REPOSITORY

T = TypeVar("T")

LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs { id status } error { message } }
  }
}
"""
PARTITIONS = """
query ($path: [String!]!) {
  assetNodeOrError(assetKey: {path: $path}) {
    ... on AssetNode { partitionStats { numMaterialized numFailed numPartitions } }
  }
}
"""


@dataclass(frozen=True)
class DagsterUi:
    """The Dagster UI at ``url`` and its daemon, which writes to ``log``."""

    url: str
    log: Path

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        assert answer.ok, (
            f"{answer.status_code}: {answer.text[:500]}\n{(self.log.parent / 'webserver.log').read_text()[-4000:]}"
        )
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def launch_backfill(self, assets: list[list[str]], keys: list[str]) -> str:
        """Launch a backfill of asset partitions, as the button in the Dagster UI does, and return its ID."""
        params = {"assetSelection": [{"path": path} for path in assets], "partitionNames": keys, "tags": []}
        launched = self.ask(LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return launched["backfillId"]

    def partition_states(self, asset: list[str]) -> dict[str, int]:
        """The number of materialized and of failed partitions of an asset, as its page in the UI shows them."""
        return self.ask(PARTITIONS, path=asset)["assetNodeOrError"]["partitionStats"]

    def wait_for_backfill(self, backfill_id: str, seconds: float = 300) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            state = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
            return state if state["status"] in ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED") else None

        return wait_until(ended, seconds, f"backfill {backfill_id}; {self.log} has the daemon's words")


def wait_until(probe: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return the first result of ``probe`` that is not None; raise AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        pause.wait(0.5)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@contextmanager
def dagster_ui(home: Path, settings: Mapping[str, str]) -> Iterator[DagsterUi]:
    """Run webserver and daemon in ``home`` with the environment ``settings``; stop them at the end."""
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(home)):
        pass  # As `dev` does: webserver and daemon must not both create the databases of a new instance.
    environment = os.environ | settings | {"DAGSTER_HOME": str(home)}
    commands = {
        "webserver": ["steam_assets.orchestration.webserver", "-p", str(port), "-h", "127.0.0.1"],
        "daemon": ["dagster._daemon", "run"],
    }
    with ExitStack() as running:
        for name, module in commands.items():
            command = [sys.executable, "-m", *module]
            log = home / f"{name}.log"
            running.enter_context(Supervised(command, folder=REPOSITORY, output=log, environment=environment, grace=20))
        served = DagsterUi(f"http://127.0.0.1:{port}", home / "daemon.log")
        wait_until(lambda: _answers(served), 120, f"the webserver; {home / 'webserver.log'} has its words")
        yield served


def _answers(served: DagsterUi) -> bool | None:
    try:
        return requests.get(f"{served.url}/server_info", timeout=5).ok or None
    except requests.ConnectionError:
        return None
