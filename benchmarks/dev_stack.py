"""`steam-assets dev` as a user starts it, and its Dagster UI's GraphQL.

Belongs here: starting, stopping and asking it, the roles of its processes. Does not belong here: what is measured
(stack_memory.py, long_life.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import requests

from benchmarks.measured import REPOSITORY, command, process_environment
from steam_assets.kafka.embedded_broker import free_port
from steam_assets.settings import Settings

START_SECONDS, STOP_SECONDS = 120, 40
ROLES = {
    "kafka.Kafka": "Kafka",
    "org.apache.spark": "Spark (JVM)",
    "dagster_webserver": "Dagster UI",
    "orchestration.webserver": "Dagster UI",
    "dagster._daemon": "daemon",
    "multiprocessing.spawn": "run",
    "pyspark.daemon": "Spark (Python workers)",
    "grpc": "code server",
}


@dataclass(frozen=True)
class Dev:
    """A running `steam-assets dev` and the address of its Dagster UI."""

    process: psutil.Process
    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query. SystemExit if it is answered with errors."""
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=120)
        answer.raise_for_status()
        body = answer.json()
        if "errors" in body:
            raise SystemExit(f"the Dagster UI returned errors: {body['errors']}")
        return body["data"]

    def answers(self) -> bool:
        """Whether the Dagster UI serves requests."""
        try:
            return requests.get(f"{self.url}/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    def processes(self) -> list[psutil.Process]:
        """The command and its descendants."""
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def running_dev(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[Dev]:
    """Run ``steam-assets dev`` in its own process group, and end it as Ctrl-C does."""
    port, log = free_port(), settings.home / "dev.log"
    settings.home.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("dev", "--port", str(port)),
            cwd=REPOSITORY,
            env=process_environment(settings.environment(secrets=True)) | dict(environment or {}),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Dev(psutil.Process(process.pid), f"http://127.0.0.1:{port}")
    except TimeoutError as error:
        raise SystemExit(f"{error}\n{log.read_text(errors='replace')[-3000:]}") from error
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGINT)
    _, left = psutil.wait_procs(tree, STOP_SECONDS)
    for one in left:
        print(f"still running after Ctrl-C: {one}")
        one.kill()
    process.wait()


def until(done: Callable[[], object], seconds: float, what: str, meanwhile: Callable[[], object], pause: float) -> None:
    """Call ``meanwhile`` every ``pause`` seconds until ``done()``. Raises TimeoutError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not ready within {seconds:.0f} s")
        meanwhile()
        time.sleep(pause)


def role(process: psutil.Process) -> str:
    """What a process of the stack is, by its command line."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        line = ""
    return next((role for word, role in ROLES.items() if word in line), "steam-assets dev and others")
