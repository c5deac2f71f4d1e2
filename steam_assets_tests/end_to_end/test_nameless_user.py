"""Kafka and Spark run for a user ID without a name, as with a container's ``--user`` or on OpenShift."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from steam_assets.loopback import free_port

pytestmark = [pytest.mark.process, pytest.mark.slow]

NAMELESS = 54321
WORK = """
import sys
from pathlib import Path
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.catalogs import open_catalog
from steam_assets.spark.session import open_session
from steam_assets.settings import Settings
home = Path(sys.argv[1])
settings = Settings(home=home, spark_master="local[1]")
with EmbeddedBroker(home / "kafka", int(sys.argv[2])):
    open_catalog(settings, "clean")
    spark = open_session(settings)
    spark.range(3).writeTo("clean.steam.numbers").create()
    print("rows", spark.table("clean.steam.numbers").count())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the user; pytest's own folder is accessible only to root."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NAMELESS, NAMELESS)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="becoming another user needs root")
@pytest.mark.nightly
def test_kafka_and_spark_run_for_a_user_without_a_name(place: Path) -> None:
    """This holds without HOME, too. Nothing is written below ``?``, which Java takes for such a user's home."""
    environment = {name: os.environ[name] for name in ("PATH", "STEAM_JARS_DIR", "JAVA_HOME") if name in os.environ}
    # It may read this checkout, its Python and its jars anywhere; files it writes belong to the user.
    rights = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    user = [f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups"]
    done = subprocess.run(
        ["setpriv", *user, *rights, sys.executable, "-c", WORK, str(place / "data"), str(free_port())],
        env=environment,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "rows 3" in done.stdout, done.stderr[-3000:]
    assert not [path for path in place.rglob("*") if "?" in path.name]
