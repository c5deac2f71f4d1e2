"""Spark in several processes on this machine: a standalone cluster.

Belongs here: starting it from pyspark's own jars, its state, stopping it. Does not belong here: sessions
(spark/session.py), which jars (jars.py).

It ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyspark

from steam_assets.java.jvm import find_java
from steam_assets.loopback import LOOPBACK, free_port
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.waiting import START_SECONDS

LOG_TAIL_CHARACTERS = 2000


class SparkServerFailed(Exception):
    """A master or worker did not start; the message has the end of its log."""


class StandaloneCluster:
    """A master and workers of ``cores`` and ``memory`` each, as a context manager; ``url`` is the Spark master."""

    def __init__(self, folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g") -> None:
        self._folder = folder
        self._size, self._cores, self._memory = workers, cores, memory
        self._port, self._page = free_port(), free_port()
        self._servers: list[_Server] = []

    @property
    def url(self) -> str:
        return f"spark://{LOOPBACK}:{self._port}"

    def state(self) -> dict[str, Any]:
        """The master's report on its workers and applications (``/json/``)."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self._page}/json/", timeout=10) as answer:
            return json.load(answer)

    def workers_alive(self) -> int:
        try:
            return int(self.state()["aliveworkers"])
        except OSError:
            return -1

    def worker_of(self, executor: str) -> int:
        """The worker (from 0) that runs or ran an executor of the only application. LookupError if there is none."""
        for number in range(self._size):
            if list(self._work(number).glob(f"app-*/{executor}")):
                return number
        raise LookupError(f"no worker has had executor {executor}")

    def kill_worker(self, number: int) -> None:
        """Kill a worker and its executors with SIGKILL, like the loss of a machine."""
        self._servers[1 + number].kill()

    def __enter__(self) -> Self:
        try:
            at = ["--host", LOOPBACK, "--port", str(self._port), "--webui-port", str(self._page)]
            master = self._start("master", ["org.apache.spark.deploy.master.Master", *at])
            master.wait(lambda: self.workers_alive() >= 0)
            for number in range(self._size):
                size = ["--cores", str(self._cores), "--memory", self._memory, "--work-dir", str(self._work(number))]
                main = "org.apache.spark.deploy.worker.Worker"
                worker = [main, "--host", LOOPBACK, "--webui-port", "0", *size, self.url]
                self._start(f"worker-{number}", worker)
            self._servers[-1].wait(lambda: self.workers_alive() == self._size)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        for server in self._servers:
            server.kill()

    def _work(self, number: int) -> Path:
        return self._folder / f"work-{number}"

    def _start(self, name: str, command: Sequence[str]) -> _Server:
        server = _Server(self._folder, name, ["spark-class", *command])
        self._servers.append(server)
        return server


class _Server:
    """One of Spark's scripts as a process; its log is ``folder``/``name``.log."""

    def __init__(self, folder: Path, name: str, command: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._name, self._log = name, folder / f"{name}.log"
        home = Path(pyspark.__file__).parent
        environment = os.environ | {
            "SPARK_HOME": str(home),
            "JAVA_HOME": str(find_java().resolve().parent.parent),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        }
        script = [str(home / "bin" / command[0]), *command[1:]]
        self._process: Supervised | None = Supervised(script, folder=folder, output=self._log, environment=environment)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait for ``ready``. SparkServerFailed, after stopping the process, if it ends early or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                tail = self._log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
                raise SparkServerFailed(f"Spark's {self._name} did not start. The end of {self._log}:\n{tail}")
            time.sleep(0.1)

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
