"""The QuickSight sensor requests one run for newly committed tables, and none for unchanged tables or without quota."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.quicksight_sensor import JOB, QUICKSIGHT
from steam_assets.settings import Settings
from steam_assets.visuals.quicksight import QuickSightNotSetUp
from steam_assets.visuals.quicksight_history import Asked, History
from steam_assets_tests.visuals.glue_tables import GlueTables
from steam_assets_tests.visuals.quicksight_stub import ACCOUNT, QuickSightStub, serving

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
SETS = {"most_played": "charts", "insight_market_day": "days"}


class Watched:
    """Two tables with data sets, and the sensor's ticks and runs."""

    def __init__(self, tables: GlueTables, stub: QuickSightStub, instance: dg.DagsterInstance, home: Path) -> None:
        self.tables, self.stub, self.instance, self.clock = tables, stub, instance, stub.clock
        self.settings = tables.settings(
            home=home,
            quicksight_account_id=ACCOUNT,
            quicksight_datasets=SETS,
            quicksight_endpoint_url=stub.url,
        )
        self.lake = Lake(self.settings)
        resources = {"lake": self.lake, "clock": self.clock}
        self.defs = build_defs(settings=self.settings, resource_overrides=resources)

    @property
    def history(self) -> History:
        return History(self.settings)

    def tick(self) -> dg.SensorExecutionData:
        context = dg.build_sensor_context(
            instance=self.instance,
            definitions=self.defs,
            resources={"lake": self.lake, "clock": self.clock},
        )
        return self.defs.resolve_sensor_def("quicksight_refresh").evaluate_tick(context)

    def request(self) -> dg.RunRequest:
        (request,) = self.tick().run_requests or []
        return request

    def run(self) -> dg.ExecuteInProcessResult:
        job = self.defs.resolve_job_def(JOB)
        return job.execute_in_process(instance=self.instance, raise_on_error=False)

    def shown(self) -> dict[str, Any]:
        event = self.instance.get_latest_materialization_event(QUICKSIGHT)
        assert event is not None and event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture
def watched(s3_server: str, tmp_path: Path) -> Iterator[Watched]:
    tables = GlueTables(s3_server)
    rows = {data_set: lambda table=table: tables.rows(table) for table, data_set in SETS.items()}
    stub = QuickSightStub(Clock(NOW), rows, looks_to_end=0)
    with serving(stub), dg.DagsterInstance.ephemeral() as instance:
        yield Watched(tables, stub, instance, tmp_path)


def test_new_commits_are_refreshed_in_one_run_and_only_once(watched: Watched) -> None:
    """Two tables take one run, then only the changed one is refreshed. A missing table is reported."""
    assert "not in Glue or empty: most_played, insight_market_day" in (watched.tick().skip_message or "")
    for table in SETS:
        watched.tables.commit(table, 3)
    request = watched.request()
    assert request.run_key == watched.request().run_key, "a repeated tick starts no second run"
    assert request.tags["steam/changed"] == "most_played, insight_market_day"
    assert watched.run().success
    shown = watched.shown()
    assert (shown["refreshed"], shown["waiting"], shown["refreshes_left"]) == (2, {}, 30)
    assert "nothing new for QuickSight" in (watched.tick().skip_message or "")

    watched.tables.commit("insight_market_day", 1)
    again = watched.request()
    assert again.tags["steam/changed"] == "insight_market_day"
    assert again.run_key != request.run_key
    assert watched.run().success
    assert len(watched.stub.ids) == 3


def test_dropped_rows_fail_the_run(watched: Watched) -> None:
    """The error explains what to do, and the version is not requested again."""
    watched.tables.commit("most_played", 3)
    watched.stub.dropped = 2
    result = watched.run()
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    told = failed.step_failure_data.user_failure_data
    assert told is not None and "has 3 rows; the data set has 1, and 2 were dropped" in (told.description or "")
    assert not watched.tick().run_requests


def test_without_quota_no_run_is_requested(watched: Watched) -> None:
    """The skip message says when quota will be available."""
    watched.tables.commit("most_played", 3)
    for number in range(32):
        at = NOW - timedelta(hours=20, minutes=-number)
        kept = Asked(
            table="news", dataset_id=f"set-{number}", ingestion_id="news-1", snapshot_id=1, attempt=1, rows=1,
            asked_at=at, status="completed",
        )  # fmt: skip
        watched.history.keep(kept, NOW)
    told = watched.tick().skip_message or ""
    assert told == "32 refreshes in 24 hours are used up; most_played from 2026-11-19 01:00 UTC"
    watched.clock.move_to(NOW + timedelta(hours=4, minutes=1))
    assert watched.request().tags["steam/changed"] == "most_played"


def test_while_a_refresh_is_under_way_the_sensor_waits(watched: Watched) -> None:
    watched.tables.commit("most_played", 3)
    watched.instance.add_run(dg.DagsterRun(JOB, status=dg.DagsterRunStatus.STARTED))
    assert "is running" in (watched.tick().skip_message or "")


def test_the_sensor_exists_only_if_data_sets_are_configured(tmp_path: Path) -> None:
    """A table name that does not exist is rejected with the list of valid names."""
    plain = build_defs(settings=Settings(home=tmp_path))
    assert "quicksight_refresh" not in {sensor.name for sensor in plain.sensors or []}
    for automation in (False, True):
        named = Settings(home=tmp_path, quicksight_datasets=SETS, automation=automation)
        sensor = build_defs(settings=named).resolve_sensor_def("quicksight_refresh")
        assert (sensor.default_status is dg.DefaultSensorStatus.RUNNING) is automation
    with pytest.raises(QuickSightNotSetUp, match="unknown tables: charts; the tables are most_played"):
        build_defs(settings=Settings(home=tmp_path, quicksight_datasets={"charts": "x"}))
