"""A deployment whose stages run in this process or in one that is killed, and its account of a partition.

Belongs here: running and killing stages, and the account. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from typing import Any

from steam_assets import failpoints
from steam_assets.kafka.consumer import find_batches
from steam_assets.lake.backup import verify
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment
from steam_assets_tests.faults import stage_process
from steam_assets_tests.forked_work import exit_code, start

SOURCE, KEY = source_named("top_sellers"), "2026-11-10"
TABLE = SOURCE.tables[0]
OWN_JVM = "clean:after_commit"
"""At this step the process has its own Spark, which dies with it; at the others the run's Spark survives."""


@dataclass
class Crashing:
    """A deployment whose stages run here or in a process that is killed."""

    deployment: Deployment
    spark_remote: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings for a process that runs a stage on the existing Spark."""
        told = self.deployment.settings.environment(secrets=True)
        told |= {"STEAM_SIMULATED_NOW": self.deployment.clock.now().isoformat(), "STEAM_SPARK_DRIVER_MEMORY": "512m"}
        return told | {"STEAM_SPARK_REMOTE": self.spark_remote}

    def run(self, stage: str) -> None:
        self.deployment.run(SOURCE, KEY, stages=(stage_process.STAGES[stage],))

    def killed_at(self, step: str) -> int:
        """Run the step's stage in a process that kills itself there; return its exit code."""
        told = self.environment | {failpoints.VARIABLE: step}
        if step == OWN_JVM:
            del told["STEAM_SPARK_REMOTE"]
        return exit_code(self.start(step.split(":")[0], told))

    def start(self, stage: str, environment: Mapping[str, str]) -> ForkServerProcess:
        """Run a stage in another process with this environment."""
        home = self.deployment.settings.home
        return start(stage_process.run, home, stage, SOURCE.name, KEY, environment=environment)

    def account(self) -> dict[str, Any]:
        """Everything stored for the partition, except what differs between runs: IDs and wall-clock times."""
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
            "clean": clean.stored([KEY])[KEY].content.rows,
            "record": record.model_dump(exclude=own) if record else None,
            "current": deployment.status(SOURCE, KEY).tables[0].current,
            "quarantine": sorted(map(str, set_aside.to_pylist())) if set_aside else [],
        }
