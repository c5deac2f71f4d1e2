"""The next command ends runs whose process died, and waits for none of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psutil
import pytest

from steam_assets import failpoints
from steam_assets.clock import Clock
from steam_assets.kafka.consumer import find_batches
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, local_instance
from steam_assets.orchestration.run_ownership import OWNER, POOL, Owner, end_dead_runs, owner_tags
from steam_assets.orchestration.stages import Stage
from steam_assets.processes.identity import ProcessIdentity
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.faults.command_home import Home
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.orchestration.dagster_ui import dagster_ui
from steam_assets_tests.waiting import wait_until

DAY, WEEK, MONTH = "2026-11-18", "2026-11-10", "2026-10-01"
FETCH_STEPS = [step for step in failpoints.STEPS if step.startswith("fetch:")]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
def test_a_run_that_is_killed_while_it_fetches_blocks_no_other(home: Home) -> None:
    """One run is killed alone, one while a third waits for it; each next run succeeds without help."""
    with home.slow_sources() as requested:
        first = home.raw("first", "most_played", DAY)
        requested()
    first.kill()
    (dead,) = home.holders()

    with home.slow_sources() as requested:
        second = home.raw("second", "top_sellers", WEEK)
        requested()
        assert f"Run {dead[:8]} of process {first.process.pid} " in second.output
        third = home.raw("third", "most_played", DAY)
        third.says(f"of top_sellers {WEEK} by process {second.process.pid} ")
    second.kill()
    assert third.ends() == 0, third.output
    assert home.has_raw("most_played", DAY) and home.holders() == set()
    with home.instance() as instance:
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        owners = [Owner.of(run) for run in failed]
        assert {o.process.pid for o in owners if o} == {first.process.pid, second.process.pid}
        (event,) = instance.all_logs(dead, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert "died while it executed this run" in event.message
    assert not [path for path in (home.folder / "spool").rglob("*") if path.suffix != ".lock" and path.is_file()]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
@pytest.mark.parametrize("step", rest_nightly(FETCH_STEPS))
def test_a_command_killed_while_fetching_is_finished_by_the_next(step: str, home: Home) -> None:
    """The next run ends the dead one, takes the slot, and each response is in Kafka and the raw table exactly once."""
    source, apps = source_named("news"), (730, 570, 440)
    named = ",".join(str(app) for app in apps)
    dying = home.start("dying", "run", source.name, "--from", WEEK, "--stage", "raw", "--apps", named, crash_at=step)
    assert dying.ends() == -signal.SIGKILL, dying.output
    (dead,) = home.holders()

    clock = Clock.from_settings(home.settings)
    with local_instance(home.settings) as instance:
        launcher = Launcher(build_defs(settings=home.settings, resource_overrides={"clock": clock}), instance)
        launcher.partition(source, (Stage.RAW,), WEEK, apps=apps)
        assert stands(instance, dead).status is dg.DagsterRunStatus.FAILURE
    assert home.holders() == set()

    manifest = Lake(home.settings).raw(source).record(RawRecord, WEEK)
    assert manifest is not None
    (batch,) = manifest.batches
    assert batch.fetched == batch.published == batch.landed >= len(apps)
    assert [found.batch_id for found in find_batches(home.settings, source, [WEEK])] == [batch.batch_id]
    assert [path for path in (home.folder / "spool").rglob("*") if path.suffix != ".lock" and path.is_file()] == []
    assert left_in(Path(home.environment["TMPDIR"])) == []


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("steam-"))


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
def test_a_run_that_waits_is_idle_and_ends_at_once(home: Home) -> None:
    with home.slow_sources() as requested:
        asking = home.raw("asking", "most_played", DAY)
        requested()
        (held,) = home.holders()
        waiting = home.raw("waiting", "top_sellers", WEEK)
        waiting.says("Waiting to fetch")
        watched = psutil.Process(waiting.process.pid)
        watched.cpu_percent()
        assert watched.cpu_percent(interval=5) < 50
        waiting.process.terminate()
        assert waiting.ends(30) != 0
    assert home.holders() == {held}
    with home.instance() as instance:
        assert [run.run_id for run in instance.get_runs() if not run.is_finished] == [held]
    asking.kill()


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
@pytest.mark.daemon
@pytest.mark.nightly
def test_a_power_loss_does_not_fill_the_queue(home: Home) -> None:
    """All Dagster processes die while a run of the daemon fetches; after the restart the run is ended and retried."""
    with home.slow_sources() as requested, dagster_ui(home.folder / "dagster", home.environment) as served:
        served.launch_backfill([["most_played", "raw"]], [DAY])
        requested()
        _kill_all(home)
    with home.instance() as instance:
        (run,) = instance.get_runs()
        assert not run.is_finished

        with dagster_ui(home.folder / "dagster", home.environment):
            wait_until(lambda: True if home.has_raw("most_played", DAY) else None, 450, "the run's second try")
        assert stands(instance, run.run_id).status is dg.DagsterRunStatus.FAILURE


def stands(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def _kill_all(home: Home) -> None:
    """Kill every process of this home at once."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("DAGSTER_HOME") == home.environment["DAGSTER_HOME"] and process.pid != os.getpid():
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with local_instance(Settings(home=tmp_path)) as made:
        yield made


@dg.job
def nothing() -> None: ...


def in_progress(instance: dg.DagsterInstance, process: ProcessIdentity | None, of: str | None = None) -> str:
    """Create a run of ``process`` in progress that holds or awaits the slot; its tag names the run ``of``.

    None: the run names no process.
    """
    run_id = str(uuid4())
    tags = {OWNER: f"{of or run_id} {process}"} if process else {}
    run = instance.create_run_for_job(nothing, run_id=run_id, tags=tags)
    instance.report_dagster_event(_started(run), run_id)
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "step")
    return run_id


def _started(run: dg.DagsterRun) -> dg.DagsterEvent:
    return dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)


HERE = ProcessIdentity.current()


def _gone() -> ProcessIdentity:
    process = subprocess.Popen([sys.executable, "-c", ""])
    gone = replace(HERE, pid=process.pid)
    process.wait()
    return gone


@pytest.mark.parametrize(
    ("whose", "ended"),
    [
        (lambda: HERE, False),
        (_gone, True),
        (lambda: replace(HERE, started=HERE.started - 500, since_boot=HERE.since_boot - 500), True),
        (lambda: replace(HERE, started=HERE.started + 3600), False),
        (lambda: replace(_gone(), host="another-machine"), False),
        (lambda: None, False),
    ],
    ids=["alive", "gone", "reused id", "clock was set", "another machine", "unknown"],
)
def test_only_runs_of_processes_that_certainly_died_are_ended(
    whose: Callable[[], ProcessIdentity | None], ended: bool, instance: dg.DagsterInstance
) -> None:
    run_id = in_progress(instance, whose())
    assert bool(end_dead_runs(instance)) is ended
    assert stands(instance, run_id).is_finished is ended
    holders = instance.event_log_storage.get_concurrency_info(POOL).claimed_slots
    assert [slot.run_id for slot in holders] == ([] if ended else [run_id])


def test_a_run_that_was_relaunched_from_a_dead_one_is_left_alone(instance: dg.DagsterInstance) -> None:
    """A re-execution copies the tags of the run that it repeats."""
    repeated = in_progress(instance, _gone(), of=str(uuid4()))
    assert end_dead_runs(instance) == []
    assert not stands(instance, repeated).is_finished


def test_a_zombie_has_died() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    began = psutil.Process(process.pid).create_time()
    identity = ProcessIdentity(HERE.host, process.pid, began, began - psutil.boot_time())
    assert not identity.has_died
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert identity.has_died
    process.wait()


def test_a_forked_child_is_not_its_parent() -> None:
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    child = fork.Process(target=lambda: queue.put(str(ProcessIdentity.current())))
    child.start()
    assert ProcessIdentity.parse(queue.get()).pid == child.pid
    child.join()


def test_slots_of_finished_and_of_deleted_runs_are_freed(instance: dg.DagsterInstance) -> None:
    finished, deleted = in_progress(instance, HERE), in_progress(instance, HERE)
    instance.report_run_failed(stands(instance, finished))
    instance.run_storage.delete_run(deleted)
    end_dead_runs(instance)
    info = instance.event_log_storage.get_concurrency_info(POOL)
    assert (info.claimed_slots, info.pending_steps) == ([], [])


def test_tags_name_this_process_and_hide_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/steam-assets", "run", "http://name:hunter2@host/"])
    tags = owner_tags("an-id")
    assert tags[OWNER] == f"an-id {ProcessIdentity.current()}"
    assert tags["steam/command"].startswith("steam-assets run") and "hunter2" not in str(tags)
