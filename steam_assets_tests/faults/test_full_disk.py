"""A disk that fills up while a command runs: one line names the folder, the run ends, and its slot is free."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from steam_assets.disk_space import disk_is_full
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.roots import ROOT_NAMES, is_in_use
from steam_assets.orchestration.launch import RunFailed
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import RootName
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import deployment_in
from steam_assets_tests.faults.command_home import Home
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.orchestration.dagster_home import instance_in

WEEK = "2026-11-10"
SIZE_MB = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only a user who may mount a tmpfs has a disk to fill")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, left: int = 0) -> Path:
    """Use up all remaining space except ``left`` bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(1 << 12))
        file.truncate(file.tell() - left)
    return filler


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
@pytest.mark.parametrize("which", rest_nightly(["STEAM_HOME", "DAGSTER_HOME"]))
def test_a_command_on_a_full_disk_names_it_and_leaves_no_run(which: str, home: Home, small_disk: Path) -> None:
    if which == "STEAM_HOME":
        home = replace(home, settings=home.settings.model_copy(update={"home": small_disk}))
    environment = {**home.environment, which: str(small_disk)}
    home = replace(home, environment=environment)
    assert home.raw("before", "most_played", "2026-11-18").ends() == 0
    filler = fill(small_disk)

    full = home.raw("full", "top_sellers", WEEK)
    assert full.ends() == 1, full.output
    assert "The disk is full" in full.output and str(small_disk) in full.output, full.output
    assert "Traceback" not in full.output

    filler.unlink()
    after = home.raw("after", "top_sellers", WEEK)
    assert after.ends() == 0, after.output
    assert home.has_raw("top_sellers", WEEK)
    with instance_in(Path(environment["DAGSTER_HOME"])) as instance:
        assert all(run.is_finished for run in instance.get_runs())
        assert instance.event_log_storage.get_concurrency_info("sources").claimed_slots == []


LEFT = (0, 32 << 10)
"""How many bytes a stage still finds: none, or those of its first files."""


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.spark
def test_a_stage_on_a_full_disk_leaves_nothing_partial_and_is_finished_by_the_next_run(
    spark: SparkSession,
    simulator: Simulator,
    broker: EmbeddedBroker,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each stage of a partition, one after the other, then its insights and visuals."""
    monkeypatch.setenv("STEAM_HOME", str(small_disk / "home"))
    source = source_named("top_sellers")
    # Alone, so that few insights are computed.
    deployment = replace(deployment_in(small_disk / "home", spark, simulator, broker.address), sources=(source,))
    stages: dict[str, Callable[[], object]] = {
        stage.value: partial(deployment.run, source, WEEK, stages=(stage,)) for stage in Stage
    }
    stages["refresh"] = partial(deployment.launcher.refresh, {"top_sellers": [WEEK]})

    def seen() -> set[tuple[str, str, str]]:
        """The partitions that readers see, with the digests of their rows."""
        opened: list[RootName] = [root for root in ROOT_NAMES if is_in_use(deployment.settings, root)]
        found = {(root, name): told for root in opened for name, told in deployment.digests(root).items()}
        return {(root, name, told.partition(" ")[0]) for (root, name), told in found.items()}

    for name, run in stages.items():
        before, during = seen(), list[set[tuple[str, str, str]]]()
        for left in LEFT:
            filler = fill(small_disk, left)
            with pytest.raises(RunFailed) as failed:
                run()
            said = str(failed.value)
            assert "The disk is full" in said and str(small_disk) in said and "\n" not in said, (name, left, said)
            filler.unlink()
            during.append(seen())
        run()
        after = seen()
        assert before < after, name
        # Of several partitions each is as before, or whole.
        assert all(before <= then <= after for then in during), name
    simulator.clear_now()


@pytest.mark.parametrize(
    ("failure", "full"),
    [
        ("OSError: [Errno 28] No space left on device", True),
        ("[Errno 27] File too large: '/x'", True),
        ("(sqlite3.OperationalError) database or disk is full", True),
        ("java.io.IOException: No space left on device", True),
        ("OSError: [Errno 122] Disk quota exceeded", True),
        ("OSError: [Errno 13] Permission denied", False),
        ("(sqlite3.OperationalError) disk I/O error", False),
    ],
)
def test_a_full_disk_is_distinguished_from_other_failures(failure: str, full: bool, tmp_path: Path) -> None:
    said = disk_is_full(failure, [tmp_path / "not" / "yet"])
    assert (said is not None) is full
    assert said is None or str(tmp_path) in said
