"""Our JVM options and the user's work together: a JVM refuses to start with two garbage collectors."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from steam_assets.commands.common_options import STAGES
from steam_assets.commands.run import with_spark_for
from steam_assets.java.jvm import find_java, light
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.spark.light_driver import with_light_driver
from steam_assets.spark.session import spark_config
from steam_assets.spark.warm_spark import started_with

THEIRS = "-XX:+UseG1GC"
DEFAULTS, EXTRA = "spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"


def collectors(options: Sequence[str]) -> list[str]:
    """The collectors that a JVM with these options uses; it must start."""
    command = [str(find_java()), "-Xmx1g", *options, "-XX:+PrintFlagsFinal", "-version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"bool Use(G1|Parallel|Serial|Shenandoah|Z)GC\s+= true", done.stdout)


def driver_options(settings: Settings) -> list[str]:
    """In the order in which Spark passes them to the driver."""
    config = spark_config(settings)
    return shlex.split(f"{config[DEFAULTS]} {config[EXTRA]}")


def any_work(home: Path, **config: str) -> list[str]:
    return driver_options(Settings(home=home, spark_config=config))


def little_work(home: Path, **config: str) -> list[str]:
    return driver_options(with_light_driver(Settings(home=home, spark_config=config)))


def broker(home: Path) -> list[str]:
    return light()


@pytest.mark.parametrize(("options", "ours"), [(any_work, "Parallel"), (little_work, "Serial"), (broker, "Serial")])
def test_a_collector_that_the_environment_selects_is_used(
    options: Callable[[Path], list[str]], ours: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert collectors(options(tmp_path)) == [ours]
    for variable in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, f"-Dsome=thing {THEIRS}")
            assert collectors(options(tmp_path)) == ["G1"], variable


@pytest.mark.parametrize("options", [any_work, little_work])
@pytest.mark.parametrize("name", [DEFAULTS, EXTRA])
def test_a_collector_that_the_setting_selects_is_used(
    options: Callable[..., list[str]], name: str, tmp_path: Path
) -> None:
    assert collectors(options(tmp_path, **{name: THEIRS})) == ["G1"]


@pytest.mark.parametrize("options", [any_work, little_work])
def test_a_driver_starts_where_java_is_given_a_large_heap_to_begin_with(
    options: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xms4g")
    assert collectors(options(tmp_path))


@pytest.mark.parametrize(
    ("sources", "refreshes", "used"),
    [
        (["most_played", "monthly_visits"], False, "Serial"),
        (["most_played"], True, "Parallel"),
        (["most_played", "reviews"], False, "Parallel"),
    ],
)
def test_a_run_uses_a_light_driver_if_there_is_little_to_clean(
    sources: list[str], refreshes: bool, used: str, tmp_path: Path
) -> None:
    chosen = [source_named(name) for name in sources]
    assert collectors(driver_options(with_spark_for(chosen, STAGES, refreshes, Settings(home=tmp_path)))) == [used]


def test_a_command_with_little_work_uses_the_kept_spark(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert started_with(with_light_driver(settings)) == started_with(settings)
    remote = settings.model_copy(update={"spark_remote": "sc://localhost:15002"})
    assert spark_config(with_light_driver(remote)) == spark_config(remote)
