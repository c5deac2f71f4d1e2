"""Cleaning outside the run's process gives the same rows: spark-submit to a standalone cluster, and Spark Connect."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import CleanRecord
from steam_assets.loopback import free_port
from steam_assets.orchestration.launch import RunFailed
from steam_assets.orchestration.stages import Stage
from steam_assets.sources import source_named
from steam_assets_tests.deployment import NOW, Deployment
from steam_assets_tests.faults.command_home import start_command
from steam_assets_tests.spark_servers import StandaloneCluster

pytestmark = [pytest.mark.fault, pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]

KEY = "2026-11-10"
CHART = source_named("top_sellers")


def changed(deployment: Deployment, **settings: Any) -> Deployment:
    return replace(deployment, settings=deployment.settings.model_copy(update=settings))


def contents(deployment: Deployment, *sources: str) -> dict[str, Content]:
    """The sources' clean rows for the week."""
    tables = [table for source in sources for table in source_named(source).tables]
    return {table.name: deployment.lake.clean(table).stored([KEY])[KEY].content for table in tables}


def record_of(deployment: Deployment) -> CleanRecord | None:
    return deployment.lake.clean(CHART.tables[0]).record(CleanRecord, KEY)


def snapshot(deployment: Deployment) -> int:
    record = record_of(deployment)
    assert record is not None
    return record.snapshot_id


def test_a_failed_job_fails_its_run(deployment: Deployment) -> None:
    """Raw data damaged between landing and the job is not cleaned, and the run reports the failed job."""
    deployment.run(CHART, KEY, stages=(Stage.RAW,))
    raw = deployment.lake.raw(CHART).load()
    assert raw is not None
    (found,) = raw.scan(row_filter=of_partitions([KEY])).plan_files()
    Path(found.file.file_path).write_bytes(b"not Parquet")
    with pytest.raises(RunFailed):
        changed(deployment, spark_runner="subprocess").run(CHART, KEY, stages=(Stage.CLEAN,))
    assert record_of(deployment) is None


class LosesAWorker(threading.Thread):
    """Kills a worker that has started a task of the job whose page is at ``port``."""

    def __init__(self, cluster: StandaloneCluster, port: int) -> None:
        super().__init__()
        self._cluster, self._jobs = cluster, f"http://127.0.0.1:{port}/api/v1/applications"
        self.job_is_over = threading.Event()
        self.lost: int | None = None

    def run(self) -> None:
        while self.lost is None and not self.job_is_over.wait(0.05):
            for executor in self._executors():
                if executor["id"] != "driver" and executor["totalTasks"]:
                    self.lost = self._cluster.worker_of(executor["id"])
                    self._cluster.kill_worker(self.lost)
                    return

    def _executors(self) -> list[dict[str, Any]]:
        try:
            (job,) = requests.get(self._jobs, timeout=10).json()
            return requests.get(f"{self._jobs}/{job['id']}/executors", timeout=10).json()
        except (requests.RequestException, ValueError):
            # The page exists only while the job's driver runs.
            return []


@pytest.mark.nightly
def test_weekly_clean_on_a_cluster_survives_the_loss_of_a_worker(deployment: Deployment, tmp_path: Path) -> None:
    """Settings alone submit the job to two workers. The active one is killed during it, and the job commits the same
    rows as the run itself, with its own commit and record.
    """
    deployment.run(CHART, KEY, stages=(Stage.RAW, Stage.CLEAN))
    before, first = contents(deployment, "top_sellers"), snapshot(deployment)
    with StandaloneCluster(tmp_path / "cluster") as cluster:
        page = free_port()
        config = {"spark.executor.memory": "512m", "spark.ui.enabled": "true", "spark.ui.port": str(page)}
        config |= deployment.settings.spark_config
        loss = LosesAWorker(cluster, page)
        loss.start()
        try:
            on_cluster = {"spark_runner": "subprocess", "spark_master": cluster.url, "spark_config": config}
            changed(deployment, **on_cluster).run(CHART, KEY, stages=(Stage.CLEAN,))
        finally:
            loss.job_is_over.set()
            loss.join()
        assert loss.lost is not None
        state = cluster.state()
        assert state["aliveworkers"] == 1
        assert [application["state"] for application in state["completedapps"]] == ["FINISHED"]
    assert contents(deployment, "top_sellers") == before
    assert snapshot(deployment) != first


@pytest.mark.nightly
def test_run_processes_share_one_spark_by_connect(deployment: Deployment, spark_remote: str, tmp_path: Path) -> None:
    """Two concurrent run processes without a JVM use one Spark Connect server, up to the backup."""
    shared = {"spark_remote": spark_remote, "simulated_now": NOW.isoformat()}
    remote = deployment.settings.model_copy(update=shared)

    def finish(*sources: str) -> None:
        environment = {**remote.environment(secrets=True), "DAGSTER_HOME": str(tmp_path / "dagster")}
        for command in [start_command(tmp_path, name, environment, "run", name, "--from", KEY) for name in sources]:
            assert command.ends() == 0, command.output[-6000:]

    deployment.run(CHART, KEY)
    finish("news", "reviews")
    for name in ("news", "reviews"):
        assert deployment.status(source_named(name), KEY).up_to_date
    by_connect = contents(deployment, "news", "reviews")
    for name in ("news", "reviews"):
        deployment.run(source_named(name), KEY, stages=(Stage.CLEAN,))
    assert contents(deployment, "news", "reviews") == by_connect
    assert all(found.rows for name, found in by_connect.items())
