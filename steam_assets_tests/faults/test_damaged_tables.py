"""A run that meets a lost or damaged file of a table repairs what it computes, and otherwise names the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.orchestration.launch import RunFailed
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator import faults
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment
from steam_assets_tests.nightly import rest_nightly

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.slow, pytest.mark.spark]

SOURCE = source_named("top_sellers")
WEEK = "2026-11-10"


def cut(table: IcebergTable, pattern: str) -> Path:
    """Cut the newest such file of the table."""
    loaded = table.load()
    assert loaded is not None
    path = max(Path(loaded.location().removeprefix("file://")).glob(pattern), key=lambda one: one.stat().st_mtime_ns)
    path.write_bytes(path.read_bytes()[:100])
    return path


@pytest.mark.parametrize(
    "what", rest_nightly(["metadata/*-m0.avro", "metadata/snap-*.avro", "data/**/*.parquet"], kept=1)
)
def test_a_damaged_quarantine_is_written_anew(deployment: Deployment, what: str) -> None:
    deployment.simulator.faults.add(
        faults.Drift(path="/IStoreTopSellersService/", field="appid", literal='"abc"', every=5)
    )
    deployment.run(SOURCE, WEEK)
    found = deployment.quarantined(SOURCE).count()
    cut(deployment.lake.quarantine(SOURCE.tables[0]), what)
    deployment.run(SOURCE, WEEK, stages=(Stage.CLEAN,))
    assert deployment.quarantined(SOURCE).count() == found > 0


def clean(deployment: Deployment) -> None:
    deployment.run(SOURCE, WEEK, stages=(Stage.CLEAN,))


def refresh(deployment: Deployment) -> None:
    deployment.launcher.refresh({})


@pytest.mark.parametrize("what", rest_nightly(["data/**/*.parquet", "metadata/*-m0.avro"], kept=1))
@pytest.mark.parametrize(("of", "work"), [("raw", clean), ("clean", refresh)])
def test_a_damaged_file_of_what_a_run_reads_is_named_with_the_command_that_restores_it(
    deployment: Deployment, of: str, work: Callable[[Deployment], None], what: str
) -> None:
    deployment.run(SOURCE, WEEK)
    table = deployment.lake.raw(SOURCE) if of == "raw" else deployment.lake.clean(SOURCE.tables[0])
    path = cut(table, what)
    with pytest.raises(RunFailed, match=rf"^table top_sellers cannot be read: .*{path.name}.*`steam-assets restore"):
        work(deployment)
