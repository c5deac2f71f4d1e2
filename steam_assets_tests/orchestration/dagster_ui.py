"""A Dagster UI for a test, of ``steam-assets dev`` or of Dagster's own processes.

Belongs here: starting them, their backfills. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from steam_assets.loopback import free_port
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.orchestration.dagster_graphql import QueryFailed, ask, has_definitions, launch_backfill
from steam_assets_tests.orchestration.dagster_home import instance_in, laptop_home
from steam_assets_tests.waiting import START_SECONDS, wait_until

_STEAM_ASSETS = Path(sys.executable).with_name("steam-assets")

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
    """The Dagster UI at ``url`` and its daemon, whose processes write to the files in ``logs``."""

    url: str
    logs: tuple[Path, ...]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query. Raises QueryFailed, with the end of the logs."""
        try:
            return ask(self.url, query, **variables)
        except QueryFailed as error:
            error.add_note("\n".join(log.read_text(errors="replace")[-4000:] for log in self.logs))
            raise

    def launch_backfill(self, assets: list[list[str]], keys: list[str]) -> str:
        """Launch a backfill of asset partitions, as the button in the Dagster UI does, and return its ID."""
        return launch_backfill(self.url, assets, keys)

    def partition_states(self, asset: list[str]) -> dict[str, int]:
        """The number of materialized and of failed partitions of an asset, as its page in the UI shows them."""
        return self.ask(PARTITIONS, path=asset)["assetNodeOrError"]["partitionStats"]

    def wait_for_backfill(self, backfill_id: str, seconds: float = 300) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            state = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
            return state if state["status"] in ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED") else None

        return wait_until(ended, seconds, f"backfill {backfill_id}; see {self.logs}")


@contextmanager
def dev_ui(home: Path, settings: Mapping[str, str]) -> Iterator[DagsterUi]:
    """Run ``steam-assets dev`` in ``home`` with the environment ``settings``; stop it at the end."""
    port = free_port()
    own = {**settings, "STEAM_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    with _serving(port, home, {"dev": [str(_STEAM_ASSETS), "dev", "--port", str(port)]}, own) as served:
        yield served


@contextmanager
def dagster_ui(home: Path, settings: Mapping[str, str]) -> Iterator[DagsterUi]:
    """Run Dagster's webserver and daemon on the checkout's workspace.yaml, with ``home`` as DAGSTER_HOME."""
    port = free_port()
    with instance_in(laptop_home(home)):
        pass  # As `dev` does: webserver and daemon must not both create the databases of a new instance.
    module = [sys.executable, "-m"]
    commands = {
        "webserver": [*module, "steam_assets.orchestration.webserver", "-p", str(port), "-h", "127.0.0.1"],
        "daemon": [*module, "dagster._daemon", "run"],
    }
    with _serving(port, home, commands, {**settings, "DAGSTER_HOME": str(home)}) as served:
        yield served


@contextmanager
def _serving(
    port: int, home: Path, commands: Mapping[str, Sequence[str]], settings: Mapping[str, str]
) -> Iterator[DagsterUi]:
    logs = {name: home / f"{name}.log" for name in commands}
    with ExitStack() as running:
        for name, command in commands.items():
            process = Supervised(
                command, folder=REPOSITORY, output=logs[name], environment=os.environ | settings, grace=60
            )
            running.enter_context(process)
        served = DagsterUi(f"http://127.0.0.1:{port}", tuple(logs.values()))
        wait_until(lambda: _answers(served), START_SECONDS, f"the Dagster UI; see {served.logs}")
        yield served


def _answers(served: DagsterUi) -> bool | None:
    try:
        return has_definitions(served.url) or None
    except requests.ConnectionError:
        return None
