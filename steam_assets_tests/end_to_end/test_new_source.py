"""A new source on a new host takes one file, one registry line and one simulator file; everything else follows.

``new_source/`` has both files, which docs/how-to/add-a-source.md walks through. They and the line are added to a copy
of the package, and its commands are run as a user runs them. Nothing else in the copy is changed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pyarrow.parquet as pq
import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.loopback import free_port
from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.deployment import SHORT_LIVED
from steam_assets_tests.processes import Program

FILES = Path(__file__).with_name("new_source")
GUIDE = REPOSITORY / "docs" / "how-to" / "add-a-source.md"
LONGEST = 120
DAY = "2026-11-17"
NOON = f"{DAY}T12:00:00+00:00"

DERIVED = """
import json
from steam_assets.commands.doctor_settings import setting_lines, unknown_settings
from steam_assets.insights.freshness import INSIGHT
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.insights.declared_tables import declared_tables
from steam_assets.sources import SOURCES
defs = build_defs()
graph = defs.resolve_asset_graph()
print(json.dumps({
    "job": sorted(key.to_user_string() for key in defs.resolve_job_def("daily").asset_layer.executable_asset_keys),
    "schedule": defs.resolve_schedule_def("daily_schedule").job_name,
    "checks": sorted(check.to_user_string() for check in graph.asset_check_keys),
    "sensors": sorted(sensor.name for sensor in defs.sensors),
    "freshness": [needed.table for needed in INSIGHT.inputs],
    "exports": [table.name for table in declared_tables(SOURCES)],
    "settings": {line.name: line.value for line in setting_lines(Settings(), Settings())},
    "unknown": [f"{found.name} {found.detail}" for found in unknown_settings()],
}))
"""
"""What follows from the declaration without a run, as JSON."""


def test_the_new_source_is_short_and_in_the_guide_verbatim() -> None:
    """Each file has at most 120 lines, and the guide shows exactly the files used here."""
    guide = GUIDE.read_text()
    for file in FILES.glob("*.py"):
        text = file.read_text()
        assert len(text.splitlines()) <= LONGEST, file.name
        assert f"```python\n{text}```" in guide, f"docs/how-to/add-a-source.md does not show {file.name} as it is"


@dataclass(frozen=True)
class Copy:
    """A copy of the package with the new source; ``environment`` is for its commands."""

    folder: Path
    environment: Mapping[str, str]

    def python(self, *arguments: str, **more: str) -> str:
        """The output of Python in the copy, with ``more`` variables. AssertionError with that output if it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | self.environment | more,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def command(self, *arguments: str) -> str:
        return self.python("-P", "-m", "steam_assets.cli", *arguments)


def package_with_the_source(folder: Path) -> None:
    """Copy the package, add the two files and insert the line into the registry."""
    package = folder / "steam_assets"
    shutil.copytree(REPOSITORY / "steam_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    endpoints = next(path for path in package.rglob("endpoints") if path.parent.name == "simulator")
    shutil.copy(FILES / "specials.py", package / "sources")
    shutil.copy(FILES / "steam_store.py", endpoints)
    registry = package / "sources" / "__init__.py"
    line = '    "monthly_visits",\n'
    assert registry.read_text().count(line) == 1
    registry.write_text(registry.read_text().replace(line, f'{line}    "specials",\n'))


@pytest.fixture(scope="module")
def copy(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    folder = tmp_path_factory.mktemp("new source")
    package_with_the_source(folder)
    environment = {
        "PYTHONPATH": str(folder),
        "STEAM_HOME": str(folder / "home"),
        "STEAM_KAFKA_BOOTSTRAP_SERVERS": broker.address,
        "STEAM_KAFKA_TOPIC_PREFIX": f"new-{os.getpid()}",
        "STEAM_SPARK_CONFIG": json.dumps(SHORT_LIVED),
        "STEAM_SIMULATED_NOW": NOON,
        "STEAM_SPECIALS_COUNTRY": "GB",
    }
    simulate = [sys.executable, "-P", "-m", "steam_assets.cli", "simulate", "--port", str(free_port())]
    with Program(simulate, folder / "simulator.txt", environment) as simulator:
        simulator.wait_for_output("STEAM_STORE_URL=")
        urls = dict(re.findall(r"(STEAM_\w+_URL)=(\S+)", simulator.output))
        clock = f"{urls['STEAM_STORE_URL']}/_simulator/clock"
        urlopen(Request(clock, json.dumps({"now": NOON}).encode(), method="PUT"), timeout=30).close()
        yield Copy(folder, environment | urls)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.kafka
def test_a_new_source_runs_to_its_clean_backup_and_is_seen_everywhere(copy: Copy) -> None:
    """`run` takes it through Kafka and Spark; status, dashboard, exports, schedules and settings include it."""
    copy.command("run", "specials")

    (status,) = json.loads(copy.command("status", "--source", "specials", "--json"))
    assert (status["newest"], status["late"], status["gaps"]) == (DAY, False, [])
    (partition,) = status["partitions"]
    assert partition["up_to_date"]
    (table,) = partition["tables"]
    assert table["published"] == table["landed"] == table["clean"] > 0
    assert table["backed_up"]

    home = copy.folder / "home"
    (export,) = home.rglob(f"specials/{DAY}.parquet")
    rows = pq.read_table(export).to_pylist()
    assert len(rows) == table["clean"]
    assert {row["currency"] for row in rows} == {"GBP"}, "the option was set to GB"

    page = (home / "dashboard.html").read_text()
    data: dict[str, Any] = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)[0])
    (source,) = [one for one in data["sources"] if one["name"] == "specials"]
    assert (source["title"], source["periods"]) == ("Specials", ["ok"])
    assert re.search(r"Steam: [^.<]*\bspecials\b", page), "the credits name it"

    derived = json.loads(copy.python("-c", DERIVED, STEAM_STORE_REQUEST_PER_SECOND="1"))
    assert {f"specials/{stage}" for stage in ("raw", "raw_backup", "clean", "clean_backup")} <= {*derived["job"]}
    assert derived["schedule"] == "daily"
    assert {"specials/clean:reconciled", "specials/clean_backup:verified"} <= {*derived["checks"]}
    assert any(name.startswith("specials") for name in derived["sensors"])
    assert "specials" in derived["freshness"]
    assert "specials" in derived["exports"]
    assert derived["settings"]["STEAM_SPECIALS_COUNTRY"] == "GB"
    assert float(derived["settings"]["STEAM_STORE_REQUESTS_PER_SECOND"]) > 0
    (unknown,) = derived["unknown"]
    assert unknown.startswith("STEAM_STORE_REQUEST_PER_SECOND ")
    assert "STEAM_STORE_REQUESTS_PER_SECOND" in unknown, "the setting that was meant"
