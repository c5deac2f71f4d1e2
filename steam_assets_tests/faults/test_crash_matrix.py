"""A process killed at any step, and run again, ends with what an uninterrupted run leaves, in Kafka and in the lake.

The steps are those of ``crash_points.STEPS`` that need Kafka or Spark; lake/test_raw_crashes.py has those of raw files.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from steam_assets import crash_points
from steam_assets.embedded.broker import EmbeddedBroker
from steam_assets.embedded.simulator import Simulator
from steam_assets.embedded.simulator.faults import Drift
from steam_assets.ingestion.consumer import find_batches
from steam_assets.lake.clean_backup import EMPTY, Content, content
from steam_assets.lake.clean_tables import AUDIT_DAYS, clean_table
from steam_assets.lake.spark_session import CLEAN, CLEAN_BACKUP
from steam_assets.orchestration.launch import Stage
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, deployment_in, session_for
from steam_assets_tests.faults import stage_process

SOURCE, KEY = source_named("top_sellers"), "2026-11-10"
TABLE = SOURCE.tables[0]
MATRIX = [step for step in crash_points.STEPS if step.split(":")[0] in stage_process.STAGES]
OWN_JVM = "clean:after_commit"
"""At this step a Spark of the process's own dies with it; at the others the process dies away from the run's Spark."""
ASK_MATRIX = {"ask"}
"""Of a command on an instance that outlives it: faults/test_dead_runs.py."""
RAW_MATRIX = {"land", "raw_backup", "restore", "housekeeping"}

heavy = [pytest.mark.fault, pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]


def test_every_step_the_code_reaches_is_in_the_list_and_in_a_matrix() -> None:
    """Whoever adds a step finds it tested, or this fails; a step that no code names fails too."""
    stages = "|".join({step.split(":")[0] for step in crash_points.STEPS})
    named: set[str] = set()
    for file in Path(crash_points.__file__).parent.rglob("*.py"):
        if file != Path(crash_points.__file__):
            text = file.read_text()
            named |= set(re.findall(rf'"((?:{stages}):[a-z_]+)"', text))
            named |= set(re.findall(r'\breached\("([^"]+)"\)', text))
    assert named == set(crash_points.STEPS)
    assert {step.split(":")[0] for step in crash_points.STEPS} == ASK_MATRIX | RAW_MATRIX | set(stage_process.STAGES)


@dataclass
class Crashing:
    """A deployment whose stages run here, or in a process that dies."""

    deployment: Deployment
    spark: SparkSession
    spark_remote: str

    def fresh(self) -> Deployment:
        """The deployment as another process sees it: Iceberg remembers tables for a session."""
        return replace(self.deployment, session=session_for(self.spark, self.deployment.settings))

    def run(self, stage: str) -> None:
        deployment = self.fresh()
        if stage == "clean_restore":
            stage_process.restore(deployment.settings, SOURCE, KEY)
        elif stage == "clean_housekeeping":
            stage_process.housekeeping(deployment.settings, SOURCE, KEY)
        else:
            chosen = {"publish": Stage.RAW, "clean": Stage.CLEAN, "clean_backup": Stage.CLEAN_BACKUP}[stage]
            deployment.run(SOURCE, KEY, stages=(chosen,))
        if stage == "publish":
            deployment.run(SOURCE, KEY, stages=(Stage.RAW_BACKUP,))

    def killed_at(self, step: str) -> int:
        """The return code of a process that runs the step's stage and is told to die there."""
        settings = self.deployment.settings
        told = settings.environment(secrets=True)
        told |= {"STEAM_SIMULATED_NOW": self.deployment.clock.now().isoformat(), "STEAM_SPARK_DRIVER_MEMORY": "512m"}
        told |= {crash_points.VARIABLE: step, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        if step != OWN_JVM:
            told["STEAM_SPARK_REMOTE"] = self.spark_remote
        program = [sys.executable, str(stage_process.__file__), step.split(":")[0], SOURCE.name, KEY]
        return subprocess.run(program, env={**os.environ, **told}, cwd=settings.home, timeout=240).returncode


def rows(deployment: Deployment, catalog: str) -> Content:
    table = clean_table(deployment.session, TABLE, catalog)
    return content(table.read([KEY]), [KEY])[KEY] if table.exists() else EMPTY


def account(deployment: Deployment) -> dict[str, Any]:
    """All that is kept of the partition, without what is a run's own: ids, folders, moments on the wall clock."""
    lake, settings = deployment.lake, deployment.settings
    quarantine = f"{CLEAN}.steam.{TABLE.name}_quarantine"
    there = deployment.session.catalog.tableExists(quarantine)
    status = deployment.status(SOURCE, KEY)
    part = status.tables[0]
    own = {"snapshot_id", "committed_at", "raw_digest"}
    return {
        "kafka batches": len(find_batches(settings, SOURCE, KEY)),
        "raw": envelopes(settings.home / "raw"),
        "raw backup": envelopes(settings.home / "raw-backup"),
        "raw problems": lake.raw.verify(SOURCE.name, KEY).problems if status.raw_whole else (),
        "raw whole, backed up": (status.raw_whole, status.raw_backed_up),
        "clean": rows(deployment, CLEAN),
        "clean backup": rows(deployment, CLEAN_BACKUP),
        "quarantine": sorted(
            (row["problem"], row["item"], row["partition_key"])
            for row in (deployment.session.table(quarantine).collect() if there else [])
        ),
        "clean record": part.record.model_dump(exclude=own) if part.record else None,
        "backup record": (part.backup.rows, part.backup.content_digest) if part.backup else None,
        "current, backed up": (part.current, part.backed_up),
    }


def branch_days(deployment: Deployment) -> list[float]:
    """For how many days Iceberg keeps each branch that a dead writer left; no reader sees them."""
    table = clean_table(deployment.session, TABLE)
    if not table.exists():
        return []
    refs = deployment.session.table(f"{table.identifier}.refs").where("name != 'main'")
    return [row["max_reference_age_in_ms"] / 86_400_000 for row in refs.collect()]


def envelopes(root: Path) -> list[dict[str, Any]]:
    """The envelopes of the files that are there, whoever names them."""
    lines = [line for file in root.rglob("*.jsonl.gz") for line in gzip.decompress(file.read_bytes()).splitlines()]
    return sorted(
        ({**json.loads(line), "batch_id": "", "headers": {}, "url": ""} for line in lines), key=lambda e: e["sequence"]
    )


@pytest.fixture(scope="module")
def made(spark: SparkSession, spark_remote: str, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Any]:
    """Makes deployments in folders; what they fetch has two unusable items, so that quarantine has something."""

    def make(folder: Path) -> Crashing:
        simulator.faults.clear()
        simulator.faults.add(Drift(path="/IStoreTopSellersService/", field="appid", literal='"abc"', every=5))
        return Crashing(deployment_in(folder, spark, simulator, broker.address), spark, spark_remote)

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
        accounts[stage] = account(crashing.fresh())
    assert accounts["clean_backup"]["quarantine"] and accounts["clean_backup"]["clean"] != EMPTY
    assert accounts["clean_housekeeping"]["clean"] == EMPTY and accounts["clean_housekeeping"]["raw"] == []
    assert accounts["clean_restore"]["clean"] == accounts["clean_backup"]["clean"]
    return accounts


@pytest.mark.parametrize("step", [pytest.param(step, marks=heavy) for step in MATRIX])
def test_a_run_killed_at_a_step_is_finished_by_the_next(
    step: str, made: Any, uninterrupted: Mapping[str, dict[str, Any]], tmp_path: Path
) -> None:
    """After the kill readers see the old version or the new one, whole; after the re-run all is as if never killed."""
    crashing: Crashing = made(tmp_path)
    stage = step.split(":")[0]
    order = list(stage_process.STAGES)
    before = order[: order.index(stage)]
    for earlier in before:
        crashing.run(earlier)
    assert crashing.killed_at(step) == -signal.SIGKILL

    seen = rows(crashing.fresh(), CLEAN)
    assert seen in (EMPTY, uninterrupted[stage]["clean"])
    assert branch_days(crashing.fresh()) == ([AUDIT_DAYS] if step == "clean:after_quarantine" else [])
    backed_up = rows(crashing.fresh(), CLEAN_BACKUP)
    assert backed_up in (EMPTY, uninterrupted[stage]["clean backup"])
    assert "clean_backup" not in before or backed_up != EMPTY, "a backup is never less than it was"

    crashing.run(stage)
    assert account(crashing.fresh()) == uninterrupted[stage]
    assert branch_days(crashing.fresh()) == []
