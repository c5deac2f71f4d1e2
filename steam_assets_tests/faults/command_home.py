"""Commands run as separate processes on one home, whose Dagster instance outlives them.

Belongs here: starting, watching and killing them. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from steam_assets import cli, failpoints
from steam_assets.extraction.hosts import served_by
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.run_ownership import POOL
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import SlowBody
from steam_assets.sources import source_named
from steam_assets_tests.deployment import NOW
from steam_assets_tests.forked_work import ENDS_WITHIN, exit_code, start
from steam_assets_tests.orchestration.dagster_home import instance_in
from steam_assets_tests.waiting import START_SECONDS, wait_until


@dataclass
class Home:
    """A home with its own instance; commands run on it in separate processes."""

    folder: Path
    settings: Settings
    environment: Mapping[str, str]
    simulator: Simulator

    def start(self, name: str, *arguments: str, crash_at: str = "") -> Command:
        return start_command(self.folder, name, {**self.environment, failpoints.VARIABLE: crash_at}, *arguments)

    def raw(self, name: str, source: str, key: str) -> Command:
        return self.start(name, "run", source, "--from", key, "--stage", "raw")

    @contextmanager
    def slow_sources(self) -> Iterator[Callable[[], object]]:
        """Sources whose responses take minutes; yields a function that waits for a request."""
        self.simulator.faults.add(SlowBody(seconds=300))
        before = self.simulator.faults.hits()
        try:
            yield lambda: wait_until(
                lambda: True if self.simulator.faults.hits() > before else None, START_SECONDS, "a request"
            )
        finally:
            self.simulator.faults.clear()

    def instance(self) -> AbstractContextManager[dg.DagsterInstance]:
        return instance_in(self.folder / "dagster")

    def holders(self) -> set[str]:
        with self.instance() as instance:
            info = instance.event_log_storage.get_concurrency_info(POOL)
            return {holder.run_id for holder in (*info.claimed_slots, *info.pending_steps)}

    @property
    def lake(self) -> Lake:
        return Lake(self.settings)

    def has_raw(self, source: str, key: str) -> bool:
        return self.lake.raw(source_named(source)).record(RawRecord, key) is not None


@dataclass
class Command:
    process: ForkServerProcess
    log: Path

    @property
    def output(self) -> str:
        return " ".join(self.log.read_text().split())

    def says(self, words: str) -> None:
        wait_until(lambda: True if words in self.output else None, START_SECONDS, f"{words!r} in {self.output!r}")

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def ends(self, seconds: float = ENDS_WITHIN) -> int:
        return exit_code(self.process, seconds)


def start_command(folder: Path, name: str, environment: Mapping[str, str], *arguments: str) -> Command:
    """Start ``steam-assets`` with these arguments in ``folder``, where its output goes to ``name``.log."""
    log = folder / f"{name}.log"
    log.touch()
    return Command(start(_run, folder, log, arguments, environment=environment), log)


def _run(folder: Path, log: Path, arguments: Sequence[str]) -> None:
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = ["steam-assets", *arguments]
    cli.main()


@pytest.fixture
def home(
    tmp_path: Path, broker: EmbeddedBroker, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    prefix = f"dead-{uuid4().hex[:8]}"
    own = Settings(
        home=tmp_path,
        kafka_bootstrap_servers=broker.address,
        kafka_topic_prefix=prefix,
        simulated_now=NOW.isoformat(),
    )
    settings = served_by(own, simulator.url, 500)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = settings.environment(secrets=False)
    environment |= {"DAGSTER_HOME": str(tmp_path / "dagster"), "TMPDIR": str(temporary)}
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    simulator.set_now(NOW)
    yield Home(tmp_path, settings, environment, simulator)
    simulator.faults.clear()
    simulator.clear_now()
