"""One long-running Spark: a Spark Connect server that ``steam-assets dev`` keeps for all runs and commands of its HOME.

Belongs here: starting, keeping and stopping it, and the file through which others find it. Does not belong here:
sessions on it (session.py), an externally managed Spark Connect server (STEAM_SPARK_REMOTE).

It listens only on this machine and requires the token in that file, which only its owner can read. The token is passed
to the server in its environment, because other users can read the process list.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyspark
from pydantic import BaseModel, ValidationError
from pyspark.sql import SparkSession

from steam_assets.extras import installed
from steam_assets.java.class_data_sharing import without_archive
from steam_assets.loopback import LOOPBACK, free_port
from steam_assets.processes.identity import ProcessIdentity
from steam_assets.processes.supervised import Supervised
from steam_assets.processes.temporary_folders import process_scratch, temporary_folder
from steam_assets.settings import Settings, private_folder
from steam_assets.spark.light_driver import DRIVER_DEFAULTS
from steam_assets.spark.session import prepare_process, properties_file, spark_config

TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105 - the variable's name
START_SECONDS = 120.0
POLL_SECONDS = 0.1
RETRIES = 5
"""Retries of a call, within about twenty seconds."""
STARTS = 5
"""A server that ends this often within ``STABLE_SECONDS`` of its start is given up; runs then start their own Spark."""
STABLE_SECONDS = 60.0
_OPTIONS = "spark.driver.extraJavaOptions"


class _Running(BaseModel):
    """A ready server: its port, expected token, process, and the configuration it was started with."""

    port: int
    token: str
    process: str
    started_with: str


def warm_spark(settings: Settings) -> str | None:
    """The address of the running server for these settings, for ``spark_remote``; None if there is none."""
    if not can_be_kept(settings):
        return None
    running = _read(settings)
    if running is None or running.started_with != started_with(settings) or _has_died(running):
        return None
    # By name, because PySpark sends a token without TLS only to this host.
    return f"sc://localhost:{running.port}/;token={running.token}" if _listens(running.port) else None


def brief_retries(session: SparkSession) -> None:
    """Make calls to an unresponsive server fail within seconds, not the ten minutes meant for a network."""
    from pyspark.sql.connect.client.retries import DefaultPolicy  # late: an extra's

    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])


def can_be_kept(settings: Settings) -> bool:
    """Whether the settings run Spark on this machine within runs, and Spark Connect's packages are installed."""
    local = settings.spark_master.startswith("local") and not settings.spark_remote
    return local and settings.spark_runner == "in-process" and installed("connect")


class WarmSpark:
    """Keeps the server while the context is open, in the background; restarts it when it dies.

    ``say`` gets a sentence when it is restarted, or cannot be.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._folder = private_folder(settings.home / "spark")
        # The same port each time: a run that lost its server then fails at once because the new one does not know it.
        self._token, self._port = "", free_port()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="warm-spark", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _keep(self) -> None:
        left = STARTS
        while left and not self._ends.is_set():
            begun = time.monotonic()
            try:
                with self._server() as server:
                    self._serve(server)
            except Exception as error:
                self._say(f"Spark did not start ({error}); each run starts its own")
                return
            left = left - 1 if time.monotonic() - begun < STABLE_SECONDS else STARTS
            if not self._ends.is_set():
                again = "it is started again" if left else f"each run starts its own; see {self._log}"
                self._say(f"Spark ended unexpectedly; {again}")

    @contextmanager
    def _server(self) -> Generator[Supervised]:
        prepare_process()
        self._token = secrets.token_hex(32)
        home = Path(pyspark.__file__).parent
        with temporary_folder("steam-spark-") as private, properties_file(self._config()) as properties:
            submit = ["org.apache.spark.deploy.SparkSubmit", "--properties-file", properties]
            main = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
            environment = os.environ | {"SPARK_HOME": str(home), TOKEN_VARIABLE: self._token}
            server = Supervised(
                [str(home / "bin" / "spark-class"), *submit, *main],
                folder=private,
                output=self._log,
                environment=environment,
            )
            try:
                yield server
            finally:
                _file(self._settings).unlink(missing_ok=True)
                server.end()

    def _serve(self, server: Supervised) -> None:
        """Announce the server when it is ready, and return when it has ended or is to be stopped."""
        deadline = time.monotonic() + START_SECONDS
        while server.poll() is None and not self._ends.is_set() and not _listens(self._port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"it is not listening after {START_SECONDS:.0f} s; see {self._log}")
            self._ends.wait(POLL_SECONDS)
        if server.poll() is None and not self._ends.is_set():
            self._publish(server.pid)
        while server.poll() is None and not self._ends.wait(POLL_SECONDS):
            pass

    def _publish(self, pid: int) -> None:
        process = ProcessIdentity.of(pid)
        running = _Running(
            port=self._port, token=self._token, process=str(process), started_with=started_with(self._settings)
        )
        file = _file(self._settings)
        draft = file.with_suffix(f".{process.mark}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(running.model_dump_json())
        draft.replace(file)

    def _config(self) -> dict[str, str]:
        return spark_config(self._settings) | {
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": str(self._port),
            "spark.local.dir": str(process_scratch()),
            # Runs continue each other's sessions (continued_session.py).
            "spark.connect.session.manager.defaultSessionTimeout": "-1",
        }

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"


def started_with(settings: Settings) -> str:
    """A digest of the configuration that a running server cannot change, such as jars and heap.

    The driver's default options are left out, as they only tune the JVM, and so is the archive of classes, which
    ``dev`` makes after the server has started.
    """
    config = spark_config(settings)
    for own in ("spark.local.dir", "spark.app.name", DRIVER_DEFAULTS):
        config.pop(own, None)
    config[_OPTIONS] = shlex.join(without_archive(shlex.split(config[_OPTIONS])))
    return hashlib.sha256(repr(sorted(config.items())).encode()).hexdigest()


def _file(settings: Settings) -> Path:
    return settings.home / "spark" / "server.json"


def _read(settings: Settings) -> _Running | None:
    with suppress(OSError, ValidationError):
        return _Running.model_validate_json(_file(settings).read_text(encoding="utf-8"))
    return None


def _has_died(running: _Running) -> bool:
    process = ProcessIdentity.parse(running.process)
    return process.has_died or not process.is_here


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
