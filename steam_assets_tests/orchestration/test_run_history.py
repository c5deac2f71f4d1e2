"""Runs older than the setting are deleted with everything that Dagster stores of them; by default none is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from steam_assets.clock import Clock
from steam_assets.orchestration.run_history import ENDED, forget_runs, run_history_sensors
from steam_assets.settings import Settings
from steam_assets_tests.orchestration.dagster_home import instance_in, laptop_home


@dg.op
def make() -> str:
    print("a line in the run's own log")
    return "an output on the disk"


@dg.op
def take(made: str) -> None:
    if not made:
        raise ValueError(made)


@dg.job
def two_steps() -> None:
    take(make())


def executed(instance: dg.DagsterInstance) -> str:
    return two_steps.execute_in_process(instance=instance, resources={"io_manager": dg.fs_io_manager}).run_id


def files_of(root: Path, run_id: str) -> list[Path]:
    return [path for path in root.rglob("*") if run_id in str(path.relative_to(root))]


def test_an_old_run_is_forgotten_with_all_its_files(tmp_path: Path) -> None:
    with instance_in(laptop_home(tmp_path)) as instance:
        old, between, new = executed(instance), datetime.now(UTC), executed(instance)
        assert files_of(tmp_path, old) and files_of(tmp_path, new)
        kept = files_of(tmp_path, new)
        assert forget_runs(instance, between - timedelta(days=1)) == []
        assert forget_runs(instance, between) == [old]
        assert instance.get_run_by_id(old) is None
        assert files_of(tmp_path, old) == []
        run = instance.get_run_by_id(new)
        assert run is not None and run.status in ENDED and instance.all_logs(new)
        assert files_of(tmp_path, new) == kept


def test_a_run_in_progress_is_never_forgotten(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.create_run_for_job(two_steps, status=dg.DagsterRunStatus.STARTED)
        assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1)) == []


def test_the_sensor_exists_only_with_a_limit_and_keeps_to_it() -> None:
    assert run_history_sensors(Settings()) == []
    (sensor,) = run_history_sensors(Settings(run_history_days=30))
    with dg.DagsterInstance.ephemeral() as instance:
        executed(instance)
        for later, left in ((29, 1), (31, 0)):
            clock = Clock(datetime.now(UTC) + timedelta(days=later))
            with dg.build_sensor_context(instance=instance, resources={"clock": clock}) as context:
                sensor(context)
            assert len(instance.get_runs()) == left
