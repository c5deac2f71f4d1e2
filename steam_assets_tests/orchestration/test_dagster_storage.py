"""Dagster's storage on a laptop: events are stored, followed and survive what happens to its files."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import dagster as dg
import pytest

from steam_assets_tests.orchestration.dagster_home import instance_in, laptop_home

SHOWN_WITHIN = 20
"""Seconds."""


@dg.job
def nothing() -> None:
    """A run to which events are added by hand."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return laptop_home(tmp_path)


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with instance_in(home) as opened:
        yield opened


def begun(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)


def report(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    instance.report_engine_event(message, run)


def reported(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    return [entry.message for entry in instance.all_logs(run.run_id)]


def test_the_ui_follows_a_run_while_its_process_keeps_the_database_open(
    home: Path, instance: dg.DagsterInstance
) -> None:
    run = begun(instance)
    report(instance, run, "first")
    seen, second = list[str](), Event()

    def note(entry: dg.EventLogEntry, _cursor: str) -> None:
        seen.append(entry.message)
        if entry.message == "second":
            second.set()

    with instance_in(home) as other:
        other.watch_event_logs(run.run_id, None, note)
        report(instance, run, "second")
        assert second.wait(SHOWN_WITHIN), f"the follower has seen {seen}"
        other.end_watch_event_logs(run.run_id, note)


def test_dagsters_own_storage_reads_the_same_databases(home: Path) -> None:
    with instance_in(home) as instance:
        run = begun(instance)
        report(instance, run, "kept")
    assert not [*(home / "history").rglob("*.db-wal")], "closing copies the write-ahead logs into the databases"
    (home / "dagster.yaml").unlink()
    with instance_in(home) as plain:
        assert [found.run_id for found in plain.get_runs()] == [run.run_id]
        assert "kept" in reported(plain, run)


def test_events_go_into_a_database_that_replaced_the_open_one(home: Path, instance: dg.DagsterInstance) -> None:
    run = begun(instance)
    report(instance, run, "before")
    runs = home / "history" / "runs"
    copy = home / "copy.db"
    with closing(sqlite3.connect(runs / f"{run.run_id}.db")) as there, closing(sqlite3.connect(copy)) as here:
        there.backup(here)
    for file in runs.glob(f"{run.run_id}.db*"):
        file.unlink()
    copy.rename(runs / f"{run.run_id}.db")
    report(instance, run, "after")
    with instance_in(home) as other:
        assert "after" in reported(other, run)


def test_a_forked_process_and_its_parent_both_report(home: Path, instance: dg.DagsterInstance) -> None:
    run = begun(instance)
    report(instance, run, "parent, before")
    child = multiprocessing.get_context("fork").Process(target=report, args=(instance, run, "child"))
    child.start()
    child.join(SHOWN_WITHIN)
    assert child.exitcode == 0
    report(instance, run, "parent, after")
    with instance_in(home) as other:
        assert {"parent, before", "child", "parent, after"} <= {*reported(other, run)}


def test_many_runs_do_not_keep_as_many_files_open(instance: dg.DagsterInstance) -> None:
    def open_databases() -> int:
        return sum(".db" in str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())

    for _ in range(3):
        report(instance, begun(instance), "few")
    few = open_databases()
    runs = [begun(instance) for _ in range(20)]
    for run in runs:
        report(instance, run, "many")
    assert open_databases() <= few + 6
    assert "many" in reported(instance, runs[0])
