"""The turns of the drill for what runs beside the lake: Kafka's log and Dagster's storage, lost between commands.

Belongs here: what is lost, and the command after which all is there again. Does not belong here: the other turns, and
comparing the copy with the lake's backups (lake/loss_drill.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.lake.loss_drill import Turn
    from steam_assets.settings import Settings
    from steam_assets.sources.source import Source

NOWHERE = "http://127.0.0.1:9"
"""The address of every source: the copy has all partitions, so that none is fetched."""
DEADLINE_SECONDS = 600
STAGES = {"kafka": "raw", "dagster": "raw-backup"}
"""By the folder of a service in HOME, the stage that needs it."""


@dataclass(frozen=True)
class Services:
    """A partition of the copy with the settings ``copy``, run with a Kafka and a Dagster of its own in ``folder``."""

    copy: Settings
    folder: Path
    source: Source
    partition_key: str

    def turns(self) -> dict[str, Turn]:
        """How to lose and to recover each of them, by its name in docs/how-to/recover.md."""
        return {
            "Kafka's log": (partial(self._lose, "kafka"), partial(self._run, "kafka")),
            "the folder of Dagster's storage (DAGSTER_HOME)": (
                partial(self._lose, "dagster"),
                partial(self._run, "dagster"),
            ),
        }

    def _lose(self, name: str) -> None:
        if not (self._home / name).exists():
            self._run(name)
        shutil.rmtree(self._home / name)

    def _run(self, name: str) -> None:
        """Run the partition, which is there; this must create the folder ``name``. Raises NotRecovered."""
        from steam_assets.lake.loss_drill import NotRecovered

        key = ("--from", self.partition_key, "--to", self.partition_key)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "steam_assets", "run", self.source.name, *key, "--stage", STAGES[name]],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        if done.returncode or not (self._home / name).exists():
            raise NotRecovered(f"a run of {self.source.name} {self.partition_key}: {done.stderr.strip()[-500:]}")

    @property
    def _home(self) -> Path:
        return self.folder / "home"

    def _environment(self) -> dict[str, str]:
        from steam_assets.extraction.hosts import served_by
        from steam_assets.loopback import free_port

        own = {"home": self._home, "kafka_bootstrap_servers": "", "embedded_kafka_port": free_port()}
        settings = served_by(self.copy.model_copy(update=own), NOWHERE, 500)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STEAM_", "DAGSTER_"))}
        return {**inherited, **settings.environment(secrets=True), "DAGSTER_HOME": str(self._home / "dagster")}
