"""A process killed at any step, and run again, ends with what an uninterrupted run leaves, in Kafka and in the lake.

The steps are those of ``failpoints.STEPS`` that need Kafka or Spark; lake/test_crashes.py has those of the lake.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from steam_assets import failpoints
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.backup import verify
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import Drift
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, deployment_in
from steam_assets_tests.faults import stage_process

SOURCE, KEY = source_named("top_sellers"), "2026-11-10"
TABLE = SOURCE.tables[0]
MATRIX = [step for step in failpoints.STEPS if step.split(":")[0] in stage_process.STAGES]
OWN_JVM = "clean:after_commit"
"""At this step a Spark of the process's own dies with it; at the others the process dies away from the run's Spark."""
FETCH_MATRIX = {"fetch"}
"""Of a command on an instance that outlives it: faults/test_dead_runs.py."""
OF_THE_LAKE = {"land", "backup", "restore", "housekeeping"}

heavy = [pytest.mark.fault, pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]


def test_every_step_the_code_reaches_is_in_the_list_and_in_a_matrix() -> None:
    """Whoever adds a step finds it tested, or this fails; a step that no code names fails too."""
    named: set[str] = set()
    for file in Path(failpoints.__file__).parent.rglob("*.py"):
        named |= set(re.findall(r'\bfailpoint\("([^"]+)"\)', file.read_text()))
    assert named == set(failpoints.STEPS)
    assert {step.split(":")[0] for step in failpoints.STEPS} == FETCH_MATRIX | OF_THE_LAKE | set(stage_process.STAGES)


@dataclass
class Crashing:
    """A deployment whose stages run here, or in a process that dies."""

    deployment: Deployment
    spark_remote: str

    def run(self, stage: str) -> None:
        self.deployment.run(SOURCE, KEY, stages=(stage_process.STAGES[stage],))

    def killed_at(self, step: str) -> int:
        """The return code of a process that runs the step's stage and is told to die there."""
        settings = self.deployment.settings
        told = settings.environment(secrets=True)
        told |= {"STEAM_SIMULATED_NOW": self.deployment.clock.now().isoformat(), "STEAM_SPARK_DRIVER_MEMORY": "512m"}
        told |= {failpoints.VARIABLE: step, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        if step != OWN_JVM:
            told["STEAM_SPARK_REMOTE"] = self.spark_remote
        program = [sys.executable, str(stage_process.__file__), step.split(":")[0], SOURCE.name, KEY]
        return subprocess.run(program, env={**os.environ, **told}, cwd=settings.home, timeout=240).returncode

    def account(self) -> dict[str, Any]:
        """All that is kept of the partition, without what is a run's own: ids, moments on the wall clock."""
        deployment = self.deployment
        raw, clean, quarantine = (
            deployment.lake.raw(SOURCE),
            deployment.lake.clean(TABLE),
            deployment.lake.quarantine(TABLE),
        )
        landed, record = raw.record(RawRecord, KEY), clean.record(CleanRecord, KEY)
        assert verify(raw, [landed] if landed else []) == verify(clean, [record] if record else []) == []
        bodies, set_aside = raw.arrow([KEY], ("body", "sequence")), quarantine.arrow([KEY], ("problem", "item"))
        own = {"snapshot_id", "committed_at", "raw_digest", "content"}
        return {
            "kafka batches": len(find_batches(deployment.settings, SOURCE, KEY)),
            "raw": sorted(map(str, bodies.to_pylist())) if bodies else [],
            "clean": clean.content([KEY])[KEY].rows,
            "record": record.model_dump(exclude=own) if record else None,
            "current": deployment.status(SOURCE, KEY).tables[0].current,
            "quarantine": sorted(map(str, set_aside.to_pylist())) if set_aside else [],
        }


@pytest.fixture(scope="module")
def made(spark: SparkSession, spark_remote: str, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Any]:
    """Makes deployments in folders; what they fetch has two unusable items, so that quarantine has something."""

    def make(folder: Path) -> Crashing:
        simulator.faults.clear()
        simulator.faults.add(Drift(path="/IStoreTopSellersService/", field="appid", literal='"abc"', every=5))
        return Crashing(deployment_in(folder, spark, simulator, broker.address), spark_remote)

    yield make
    simulator.faults.clear()
    simulator.clear_now()


@pytest.fixture(scope="module")
def uninterrupted(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """The account after each stage of a run that nobody disturbs."""
    crashing = made(tmp_path_factory.mktemp("uninterrupted"))
    accounts = {}
    for stage in stage_process.STAGES:
        crashing.run(stage)
        accounts[stage] = crashing.account()
    assert accounts["clean"]["quarantine"] and accounts["clean"]["clean"]
    return accounts


@pytest.mark.parametrize("step", [pytest.param(step, marks=heavy) for step in MATRIX])
def test_a_run_killed_at_a_step_is_finished_by_the_next(
    step: str, made: Any, uninterrupted: Mapping[str, dict[str, Any]], tmp_path: Path
) -> None:
    """After the kill readers see the old version or the new one, whole; after the re-run all is as if never killed."""
    crashing: Crashing = made(tmp_path)
    stage = step.split(":")[0]
    if stage == "clean":
        crashing.run("publish")
    assert crashing.killed_at(step) == -signal.SIGKILL
    assert crashing.account()["clean"] in (EMPTY.rows, uninterrupted[stage]["clean"])
    crashing.run(stage)
    assert crashing.account() == uninterrupted[stage]
