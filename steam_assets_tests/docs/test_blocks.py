"""Every command and snippet of README and docs is run on a small lake, or parsed if its page says why it is not run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from command_lines import faults, steam_assets_arguments
from pages import ALL, MARKED, SHOWN, TESTED, Block
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.status import LATE
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import NOW, deployment_in
from steam_assets_tests.nightly import rest_nightly

DAY = source_named("most_played")
KEY = "2026-11-17"
"""The partition used on the pages."""
RUN = [block for block in MARKED if block.mark == "run"]
HOW_TO = [block for block in RUN if block.page.parts[1:2] == ("how-to",)]


@pytest.fixture(scope="module")
def lake(
    spark: SparkSession, simulator: Simulator, broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment for commands on a lake with one day of most played games, all stages and insights."""
    folder = tmp_path_factory.mktemp("docs")
    deployment = deployment_in(folder / "data", spark, simulator, broker.address, simulated_now=NOW.isoformat())
    deployment.at(DAY.cadence.window(KEY).start + timedelta(hours=21))
    deployment.run(DAY, KEY)
    deployment.launcher.refresh()
    # As in the tutorial.
    (folder / "tutorial" / "data").mkdir(parents=True)
    (folder / "tutorial" / "data" / "demo").symlink_to(folder / "data", target_is_directory=True)
    yield deployment.settings.environment(secrets=True)
    simulator.clear_now()


def test_every_block_is_run_or_states_why_not() -> None:
    """An unexpected language fails, too, because its blocks would be neither."""
    assert [f"{block.place}: {block.language!r}" for block in ALL if block.language not in {*TESTED, *SHOWN}] == []
    assert [block.place for block in MARKED if block.mark is None] == []


def test_every_command_line_could_be_typed() -> None:
    scripts = [block for block in MARKED if TESTED[block.language] == "bash"]
    assert len(scripts) > len(RUN) / 2
    assert [f"{block.place}: {fault}" for block in scripts for fault in faults(block.text)] == []


def test_every_python_block_compiles() -> None:
    for block in MARKED:
        if TESTED[block.language] == "python":
            compile(block.text, block.place, "exec")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("steam-assets statuz", "no command"),
        ("steam-assets status --sauce news", "No such option: --sauce"),
        ("FOO=1 .venv/bin/steam-assets show raw most_played | jq .", "Missing argument"),
        ("steam-assets status && steam-assets demo --days many > log.txt", "Invalid value"),
        ("make tset", "no target tset"),
        ("docker compose -f docker/nothing.yaml up", "no file docker/nothing.yaml"),
        ("python -m benchmarks.nothing", "no module benchmarks.nothing"),
        ("if then", "syntax error"),
    ],
)
def test_a_line_that_does_not_work_is_found(script: str, fault: str) -> None:
    assert fault in "\n".join(faults(script))


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [*(block for block in RUN if block not in HOW_TO), *rest_nightly(HOW_TO, kept=0)],
    ids=lambda block: block.place,
)
def test_block_runs(block: Block, lake: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as typed, in the folder and on the lake that the page refers to."""
    folder = Path(lake["STEAM_HOME"]).parent
    monkeypatch.chdir(folder / "tutorial" if block.page.parts[1:2] == ("tutorial",) else folder)
    for name, value in lake.items():
        monkeypatch.setenv(name, value)
    if TESTED[block.language] == "python":
        _run(sys.executable, "-c", block.text)
    elif (lines := steam_assets_arguments(block.text)) is not None:
        for arguments in lines:
            result = CliRunner().invoke(app, arguments, catch_exceptions=False)
            # The pages' lake has one source; `status` reports the others, never collected, as late.
            assert result.exit_code in ((0, LATE) if arguments[0] == "status" else (0,)), (arguments, result.output)
            assert result.output.strip()
    elif shutil.which("jq") is None:
        pytest.skip("jq is not installed; `apt-get install jq` brings it")
    else:
        assert _run("bash", "-eu", "-c", block.text).strip()


def _run(*command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
