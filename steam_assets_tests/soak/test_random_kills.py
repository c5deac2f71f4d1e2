"""Work killed at random moments, during writes and before renames, is completed by the next attempt."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pyspark.sql import SparkSession

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.backup import backup_of, verify
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets_tests.deployment import deployment_in
from steam_assets_tests.faults.crashing import Crashing
from steam_assets_tests.forked_work import start
from steam_assets_tests.lake.raw_landing import KEY
from steam_assets_tests.lake.stages import SOURCE, STAGES, account
from steam_assets_tests.soak.conftest import Soak
from steam_assets_tests.soak.victims import Death, stage_of_the_lake

LAKES, RUNS = 235, 200
"""Rounds; with about four kills of each lake and three of four runs, a thousand kills."""
FILE_BYTES = 60_000
"""About the bytes that a stage writes in this lake."""
RENAMES = 4
WAITS = 120


def ends(process: Any, seconds: float = WAITS) -> bool:
    """Whether the process was killed, by itself or here after ``seconds``. AssertionError if it failed."""
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, dict[str, Any]]]:
    """The duration of each stage in a separate process, in seconds, and the state after it."""
    home = tmp_path_factory.mktemp("undisturbed")
    found = {}
    for stage in STAGES:
        began = monotonic()
        assert not ends(start(stage_of_the_lake, home, stage, Death()))
        found[stage] = monotonic() - began, account(Lake(Settings(home=home)))
    return found


def deaths(soak: Soak, seconds: float) -> Iterator[tuple[float, Death]]:
    """After how many seconds to kill a process, or how it kills itself; alternating, without end."""
    chance = soak.random
    while True:
        yield chance.uniform(0, seconds), Death()
        yield WAITS, Death(written=int(FILE_BYTES ** chance.random()))
        yield WAITS, Death(renames=chance.randint(1, RENAMES))


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.nightly
def test_a_lake_after_random_kills_equals_one_without_them(
    soak: Soak, tmp_path: Path, undisturbed: dict[str, tuple[float, dict[str, Any]]]
) -> None:
    """Meanwhile readers see either the old or the new partition, complete."""
    killed, ways = 0, {stage: deaths(soak, seconds) for stage, (seconds, _) in undisturbed.items()}
    for number in soak.rounds("lakes", LAKES, 1):
        home = tmp_path / str(number)
        lake = Lake(Settings(home=home))
        for stage, (_, expected) in undisturbed.items():
            for _ in range(3):
                after, death = next(ways[stage])
                if not ends(start(stage_of_the_lake, home, stage, death), after):
                    break
                killed += 1
                _assert_whole(lake)
            assert not ends(start(stage_of_the_lake, home, stage, Death()))
            assert account(lake) == expected, f"{home}: {stage}"
    assert killed
    soak.found(
        "Landing, backup, housekeeping and restore killed at random moments, writes and renames",
        f"{killed} SIGKILLs: readers saw the partition before or after, whole, and the next attempt left what an "
        "undisturbed one leaves",
    )


def _assert_whole(lake: Lake) -> None:
    for twins in lake.twins(SOURCE):
        record, held = twins.primary.record(twins.model, KEY), backup_of(twins, KEY)
        assert verify(twins.primary, [record] if record else []) == []
        assert verify(twins.backup, [held.of] if held else []) == []


@pytest.fixture
def made(spark: SparkSession, spark_remote: str, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Any]:
    def make(folder: Path) -> Crashing:
        return Crashing(deployment_in(folder, spark, simulator, broker.address), spark_remote)

    yield make
    simulator.clear_now()


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.spark
@pytest.mark.nightly
def test_a_run_killed_at_random_is_finished_by_the_next(
    soak: Soak, made: Callable[[Path], Crashing], tmp_path: Path
) -> None:
    """Covers fetching, Kafka, landing and backup, and in one of four rounds cleaning."""
    expected, seconds = {}, {}
    crashing = made(tmp_path / "undisturbed")
    for stage in ("publish", "clean"):
        began = monotonic()
        assert not ends(crashing.start(stage, crashing.environment))
        seconds[stage], expected[stage] = monotonic() - began, crashing.account()
    killed = {"publish": 0, "clean": 0}
    for number in soak.rounds("runs", RUNS, 2):
        crashing, stage = made(tmp_path / str(number)), "publish" if number % 4 else "clean"
        if stage == "clean":
            crashing.run("publish")
        victim = crashing.start(stage, crashing.environment)
        killed[stage] += ends(victim, soak.random.uniform(0, seconds[stage]))
        crashing.run(stage)
        assert crashing.account() == expected[stage], f"{crashing.environment['STEAM_HOME']}: {stage}"
    soak.found(
        "Runs killed at random moments",
        f"{killed['publish']} of raw and {killed['clean']} of clean: the next run left in Kafka and in the lake what "
        "an undisturbed one leaves",
    )
