"""The Spark that `steam-assets dev` keeps: found through its file, protected, restarted, and stopped at the end."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from steam_assets.lake.catalogs import CATALOG_FILE
from steam_assets.lake.lake import Lake
from steam_assets.processes.identity import ProcessIdentity
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets.spark.warm_spark import WarmSpark, warm_spark
from steam_assets_tests.deployment import SHORT_LIVED
from steam_assets_tests.lake.raw_landing import NEWS, land
from steam_assets_tests.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]

SECONDS = 240
USER = """
import dagster as dg, psutil, sys
from steam_assets.orchestration.resources import SparkSessions, tried_again_if_lost
from steam_assets.settings import Settings
sessions = SparkSessions.of(Settings())
session = sessions.spark_session
print(session.range(7).count(), flush=True)
sys.stdin.readline()
try:
    with tried_again_if_lost(sessions):
        session.range(8).count()
except dg.RetryRequested:
    print("to be tried again", flush=True)
print(sessions.spark_session.range(9).count(), flush=True)
print([child.name() for child in psutil.Process().children(recursive=True)], flush=True)
"""
STRANGER = """
import sys
from pyspark.sql import SparkSession
from steam_assets.sources.source import Column
from steam_assets.spark.warm_spark import brief_retries
session = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
session.range(1).count()
"""
RUNS = """
import os, sys
import pyspark.sql.connect.session
from pyspark.sql import functions as F
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.resources import SparkSessions
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.spark.clean_tables import read_table
for source in sys.stdin:
    if (run := os.fork()) == 0:
        raw = Lake(Settings()).raw(source_named(source.strip()))
        rows = read_table(SparkSessions.of(Settings()).spark_session, raw).withColumn("more", F.lit(1))
        print(len(rows.columns) - 1, rows.count(), flush=True)
        os._exit(0)
    os.waitpid(run, 0)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("warm"), spark_driver_memory="512m", spark_config=SHORT_LIVED)


@pytest.fixture(scope="module")
def said(settings: Settings) -> Iterator[list[str]]:
    """What is printed about a server that runs during the tests of this file."""
    sentences: list[str] = []
    with WarmSpark(settings, sentences.append):
        wait_until(lambda: warm_spark(settings), SECONDS, "the server's start")
        server = process_of(settings)
        yield sentences
        server = process_of(settings)
    assert not server.is_running()
    assert warm_spark(settings) is None
    assert not file_of(settings).exists()


def file_of(settings: Settings) -> Path:
    return settings.home / "spark" / "server.json"


def process_of(settings: Settings) -> psutil.Process:
    return psutil.Process(ProcessIdentity.parse(json.loads(file_of(settings).read_text())["process"]).pid)


def python(code: str, settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=settings.environment(secrets=True),
    )


def test_only_clients_that_can_read_the_file_are_served(settings: Settings, said: list[str]) -> None:
    address = warm_spark(settings)
    assert address is not None
    assert stat.S_IMODE(file_of(settings).stat().st_mode) == 0o600
    token = address.partition("token=")[2]
    assert token and token not in " ".join(process_of(settings).cmdline())
    assert {
        connection.laddr.ip for connection in process_of(settings).net_connections() if connection.status == "LISTEN"
    } <= {
        "127.0.0.1",
        "::ffff:127.0.0.1",
    }
    _, error = python(STRANGER, settings, address.replace(token, "guessed")).communicate(timeout=SECONDS)
    assert "UNAUTHENTICATED" in error


def test_runs_with_other_settings_use_another_spark(settings: Settings, said: list[str]) -> None:
    assert warm_spark(settings.model_copy(update={"spark_driver_memory": "600m"})) is None
    assert warm_spark(settings.model_copy(update={"home": settings.home / "other"})) is None
    assert warm_spark(settings.model_copy(update={"spark_runner": "subprocess"})) is None


def test_runs_leave_no_catalog_open_and_each_reads_what_was_committed_before_it(
    settings: Settings, said: list[str]
) -> None:
    raw, opened = Lake(settings).raw(NEWS), list[int]()
    with python(RUNS, settings) as runs:
        assert runs.stdout is not None and runs.stdin is not None
        for number in (1, 2, 3):
            land(Lake(settings), number=number)
            later = tuple(Column(f"later_{n}", "bigint", "A column of a later version.", "") for n in range(number))
            columns = replace(raw, columns=(*raw.columns, *later)).create().schema().columns
            print(NEWS.name, file=runs.stdin, flush=True)
            assert runs.stdout.readline() == f"{len(columns)} {sum(raw.partition_rows().values())}\n"
            opened.append(sum(file.path.endswith(CATALOG_FILE) for file in process_of(settings).open_files()))
        runs.stdin.close()
    assert opened == [1, 1, 1]


def test_a_run_uses_the_kept_spark_and_retries_on_the_next_one_if_it_dies(settings: Settings, said: list[str]) -> None:
    user = python(USER, settings)
    assert user.stdout is not None and user.stdin is not None
    assert user.stdout.readline() == "7\n"
    first = process_of(settings)
    first.kill()
    user.stdin.write("\n")
    user.stdin.flush()
    assert user.stdout.readline() == "to be tried again\n"
    assert user.stdout.readline() == "9\n"
    assert user.stdout.readline() == "[]\n", "the run started no JVM"
    user.communicate(timeout=SECONDS)
    assert process_of(settings).pid != first.pid
    assert said == ["Spark ended unexpectedly; it is started again"]
