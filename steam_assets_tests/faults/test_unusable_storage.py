"""A database of Dagster's storage that is locked or damaged: one line names it, and the next run finishes."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from steam_assets.failpoints import failpoint
from steam_assets.lake import backup
from steam_assets.lake.backup import backup_of, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.orchestration import dagster_storage
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, RunFailed, UnwritableStorage, local_instance
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets_tests.lake.raw_landing import KEY, NEWS, land
from steam_assets_tests.nightly import rest_nightly

SECONDS = 0.2


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lake with one raw partition; Dagster waits for a lock for ``SECONDS``."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setattr(dagster_storage, "SQLITE_BUSY_TIMEOUT_SECONDS", SECONDS)
    monkeypatch.setattr(dagster_storage, "WAIT_SECONDS", SECONDS)
    settings = Settings(home=tmp_path)
    land(Lake(settings))
    return settings


@pytest.mark.fault
@pytest.mark.parametrize(("database", "step"), [("runs.db", "before"), ("runs/index.db", "backup:after_commit")])
def test_a_run_that_dagster_cannot_record_names_the_file_and_leaves_a_whole_partition_or_none(
    database: str, step: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings.home / "dagster" / "history" / database
    twins = Lake(settings).raw_twins(NEWS)
    with local_instance(settings) as instance, closing(sqlite3.connect(file, isolation_level=None)) as other:
        run = partial(Launcher(build_defs(settings=settings), instance).partition, NEWS, (Stage.RAW_BACKUP,), KEY)

        def lock(reached: str) -> None:
            if reached == step:
                other.execute("BEGIN EXCLUSIVE")

        monkeypatch.setattr(backup, "failpoint", lock)
        lock("before")
        with pytest.raises(RunFailed, match=f"^Dagster could not record the run; .* {file} has been locked .*again$"):
            run()
        assert (backup_of(twins, KEY) is not None) == (step == "backup:after_commit")
        other.rollback()
        monkeypatch.setattr(backup, "failpoint", failpoint)
        run()
    assert verify_twins(twins, KEY) == []


@pytest.mark.fault
@pytest.mark.parametrize("database", rest_nightly(["history/runs.db", "history/runs/index.db"]))
def test_a_damaged_database_is_named_and_a_new_one_records_the_next_run(database: str, settings: Settings) -> None:
    file = settings.home / "dagster" / database
    with local_instance(settings):
        pass
    file.write_bytes(b"no database" * 1000)

    def run() -> None:
        with local_instance(settings) as instance:
            Launcher(build_defs(settings=settings), instance).partition(NEWS, (Stage.RAW_BACKUP,), KEY)

    with pytest.raises((RunFailed, UnwritableStorage), match=f"^{file}, .* is damaged; .*`mv .*`") as failed:
        run()
    command = str(failed.value).split("`")[1]
    subprocess.run(command, shell=True, check=True)
    run()
    assert backup_of(Lake(settings).raw_twins(NEWS), KEY) is not None
