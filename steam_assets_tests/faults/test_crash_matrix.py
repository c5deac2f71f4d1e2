"""A process killed at any step, then rerun, leaves the same Kafka and lake as an uninterrupted run.

The steps are those of ``failpoints.STEPS`` that need Kafka or Spark; lake/test_crashes.py has those of the lake.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from steam_assets import failpoints
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.ledger.content import EMPTY
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import Drift
from steam_assets_tests.deployment import deployment_in
from steam_assets_tests.faults import stage_process
from steam_assets_tests.faults.crashing import Crashing

MATRIX = [step for step in failpoints.STEPS if step.split(":")[0] in stage_process.STAGES]
FETCH_MATRIX = {"fetch"}
"""Steps of a command on an instance that outlives it: see faults/test_dead_runs.py."""
OF_THE_LAKE = {"land", "backup", "restore", "housekeeping"}

HEAVY = [pytest.mark.fault, pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]


def _marks(step: str) -> list[pytest.MarkDecorator]:
    """Each stage's last step is tested for each change."""
    return HEAVY if step.endswith("after_commit") else [*HEAVY, pytest.mark.nightly]


def test_every_step_the_code_reaches_is_in_the_list_and_in_a_matrix() -> None:
    """A new step that no test covers fails here, and so does a listed step that no code reaches."""
    named: set[str] = set()
    for file in Path(failpoints.__file__).parent.rglob("*.py"):
        named |= set(re.findall(r'\bfailpoint\("([^"]+)"\)', file.read_text()))
    assert named == set(failpoints.STEPS)
    assert {step.split(":")[0] for step in failpoints.STEPS} == FETCH_MATRIX | OF_THE_LAKE | set(stage_process.STAGES)


@pytest.fixture(scope="module")
def made(spark: SparkSession, spark_remote: str, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Any]:
    """Creates deployments in folders; what they fetch has two unusable items, so that there is a quarantine."""

    def make(folder: Path) -> Crashing:
        simulator.faults.clear()
        simulator.faults.add(Drift(path="/IStoreTopSellersService/", field="appid", literal='"abc"', every=5))
        return Crashing(deployment_in(folder, spark, simulator, broker.address), spark_remote)

    yield make
    simulator.faults.clear()
    simulator.clear_now()


@pytest.fixture(scope="module")
def uninterrupted(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """The account after each stage of an undisturbed run."""
    crashing = made(tmp_path_factory.mktemp("uninterrupted"))
    accounts = {}
    for stage in stage_process.STAGES:
        crashing.run(stage)
        accounts[stage] = crashing.account()
    assert accounts["clean"]["quarantine"] and accounts["clean"]["clean"]
    return accounts


@pytest.mark.parametrize("step", [pytest.param(step, marks=_marks(step)) for step in MATRIX])
def test_a_run_killed_at_a_step_is_finished_by_the_next(
    step: str, made: Any, uninterrupted: Mapping[str, dict[str, Any]], tmp_path: Path
) -> None:
    """After the kill readers see either the old or the new version, complete; a rerun ends as if nothing was killed."""
    crashing: Crashing = made(tmp_path)
    stage = step.split(":")[0]
    if stage == "clean":
        crashing.run("publish")
    assert crashing.killed_at(step) == -signal.SIGKILL
    assert crashing.account()["clean"] in (EMPTY.rows, uninterrupted[stage]["clean"])
    crashing.run(stage)
    assert crashing.account() == uninterrupted[stage]
