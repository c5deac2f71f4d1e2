"""Two machines share one Kafka: the sensor of one lands, cleans and backs up what the other collects."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.stages import Stage
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, GivenSpark, session_for

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]


def test_a_batch_from_another_machine_is_processed_to_verified_backups(
    deployment: Deployment, spark: SparkSession, tmp_path: Path
) -> None:
    """The sensor requests a single run, which does not ask the source; afterwards nothing is left to do."""
    source, key = source_named("most_played"), "2026-11-17"
    deployment.at(source.cadence.window(key).start + timedelta(hours=21))
    deployment.run(source, key, stages=(Stage.RAW,))
    asked = len(deployment.simulator.requests)

    settings = deployment.settings.model_copy(update={"home": tmp_path / "other"})
    other = Deployment(settings, session_for(spark, settings), deployment.simulator, clock=deployment.clock)
    overrides = {"clock": other.clock, "spark": GivenSpark(other.session), "lake": other.lake}
    defs = build_defs(settings=settings, resource_overrides=overrides)
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(name: str) -> list[dg.RunRequest]:
            context = dg.build_sensor_context(
                instance=instance, definitions=defs, resources={"lake": other.lake, "clock": other.clock}
            )
            return list(defs.resolve_sensor_def(name).evaluate_tick(context).run_requests or [])

        (request,) = tick("most_played_topic")
        result = defs.resolve_job_def("daily").execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            run_config=request.run_config,
            asset_selection=list(request.asset_selection or []),
        )
        assert result.success
        assert tick("most_played_topic") == []
        assert tick("most_played_uncleaned") == []

    status = other.status(source, key)
    assert status.up_to_date
    assert status.tables[0].record is not None
    assert status.tables[0].record.clean == status.published("most_played") > 0
    assert len(deployment.simulator.requests) == asked
