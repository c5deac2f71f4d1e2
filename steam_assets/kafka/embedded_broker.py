"""A real Apache Kafka broker on this machine: KRaft, one JVM, its data in one folder.

Belongs here: starting, adopting and stopping the embedded broker. Does not belong here: its configuration
(broker_configuration.py), topics and clients (connection.py), jars (java/jars.py).

A broker dies with the process that started it, even on SIGKILL (processes/supervised.py).
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from steam_assets.java.class_data_sharing import archive_of, archive_options, recorded
from steam_assets.java.jars import kafka_jars
from steam_assets.java.jvm import find_java, java_environment, light, native_options
from steam_assets.kafka.broker_configuration import LOGGING, Member, configuration, new_cluster_id
from steam_assets.kafka.broker_sharing import BrokerUse, alone_in_starting
from steam_assets.kafka.connection import KafkaUnavailable, cluster_id
from steam_assets.loopback import LOOPBACK, free_port, require_loopback
from steam_assets.processes.supervised import Supervised
from steam_assets.settings import Settings, UnusableSetting, private_folder

_PROGRAM = "kafka"
START_DEADLINE_SECONDS = 60.0
"""A start takes 2 s on an idle machine; a busy machine or log recovery after a crash takes longer."""
STOP_DEADLINE_SECONDS = 3.0
"""A stop takes 0.5 s on an idle machine. A killed broker recovers its log on the next start."""
ARCHIVE_DEADLINE_SECONDS = 120.0
"""An archive is written when the broker stops: 3 s on an idle machine."""
PROBE_DEADLINE_SECONDS = 3.0
LOG_TAIL_LINES = 15


class BrokerFailed(Exception):
    """The embedded broker did not start; the message includes the end of its log."""


class PortTaken(UnusableSetting):
    """Something else listens on the broker's port."""


class EmbeddedBroker:
    """A broker whose data, configuration and log are in ``folder``, listening on 127.0.0.1:``port``.

    As a context manager it is started on entry and stopped on exit. If a broker of the same folder already listens on
    the port, that one is used and not stopped (``adopted``). Data and cluster id survive restarts.
    ``heap_mb`` is the JVM's maximum heap in MiB; ``jvm_options`` replace those that use a CDS archive.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 19092,
        heap_mb: int = 384,
        *,
        member: Member | None = None,
        jvm_options: Sequence[str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.heap_mb = heap_mb
        self.adopted = False
        self.use = BrokerUse(self.folder)
        self._member = member or Member()
        self._jvm_options = jvm_options
        self._process: Supervised | None = None

    @classmethod
    def of(cls, settings: Settings) -> EmbeddedBroker:
        """The broker described by ``settings``; its folder is HOME/kafka."""
        return cls(settings.home / "kafka", settings.embedded_kafka_port, settings.embedded_kafka_heap_mb)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id, also for an adopted one; None if unknown."""
        if self._process is not None:
            return self._process.pid
        recorded = self._pid_file.read_text() if self._pid_file.exists() else ""
        return int(recorded) if recorded.isdigit() else None

    @property
    def is_running(self) -> bool:
        """Whether the broker's process is alive (for an adopted one: whether it responds)."""
        if self.adopted:
            return self._answers()
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start or adopt it, and wait until it is ready. Raises PortTaken, BrokerBusy, BrokerFailed, MissingJava."""
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Start the process, or adopt one, without waiting until it is ready. Raises NoLoopback."""
        require_loopback()
        private_folder(self.folder)
        # If two processes start the same broker concurrently, the second waits and then adopts the first one's.
        with alone_in_starting(self.folder):
            if self._port_answers():
                self._adopt()
                return
            self._write_configuration()
            self._format()
            self._process = self._spawn()
            self._pid_file.write_text(str(self._process.pid))
            atexit.register(self.stop)
            if self._member.alone:
                self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the broker responds as a member of its own cluster. Raises BrokerFailed."""
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while not self.adopted:
            if not self.is_running:
                raise BrokerFailed(f"The embedded Kafka broker exited while starting.{self._log_tail()}")
            if self._port_answers() and self._answers():
                return
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerFailed(
                    f"The embedded Kafka broker did not respond on {self.address} within "
                    f"{START_DEADLINE_SECONDS:.0f} s.{self._log_tail()}"
                )
            time.sleep(0.05)

    def stop(self, deadline: float = STOP_DEADLINE_SECONDS) -> None:
        """Stop the broker gracefully, and kill it after ``deadline`` seconds. An adopted one keeps running."""
        if self._process is not None:
            self._process.send(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(deadline)
            self.kill()
        self.adopted = False
        self.use.end()

    def kill(self) -> None:
        """Kill the broker with SIGKILL, as a power loss would. An adopted one keeps running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        self._pid_file.unlink(missing_ok=True)
        atexit.unregister(self.stop)

    @property
    def _pid_file(self) -> Path:
        return self.folder / "broker.pid"

    @property
    def _log_file(self) -> Path:
        return self.folder / "broker.log"

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _cluster_id(self) -> str | None:
        meta = self.folder / "data" / "meta.properties"
        if not meta.exists():
            return None
        lines = dict(line.split("=", 1) for line in meta.read_text().splitlines() if "=" in line)
        return lines.get("cluster.id")

    def _port_answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1):
                return True
        except OSError:
            return False

    def _answers(self) -> bool:
        # Only the plain address: the environment's settings for another Kafka do not apply to this broker.
        here = Settings.model_construct(kafka_bootstrap_servers=self.address)
        try:
            return cluster_id(here, PROBE_DEADLINE_SECONDS) == self._cluster_id
        except KafkaUnavailable:
            return False

    def _adopt(self) -> None:
        if self._cluster_id is None or not self._answers():
            raise PortTaken(
                f"{self.address} is in use by something that is not the Kafka broker of {self.folder}; "
                "end it, or set STEAM_EMBEDDED_KAFKA_PORT to a free port"
            )
        self.adopted = True
        self.use.begin()

    def _write_configuration(self) -> None:
        controller = self._member.controller_ports or {self._member.node_id: free_port()}
        values = configuration(self.port, self._member, controller)
        self._configuration.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        (self.folder / "log4j2.properties").write_text(LOGGING)

    def _format(self) -> None:
        if self._cluster_id is not None:
            return
        wanted = self._member.cluster_id or new_cluster_id()
        command = self._java(64, _archived(), "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", wanted)
        done = subprocess.run(
            [*command, "-c", self._configuration.name],
            capture_output=True,
            text=True,
            timeout=START_DEADLINE_SECONDS,
            cwd=self.folder,
            env={**os.environ, **java_environment()},
        )
        if done.returncode:
            raise BrokerFailed(
                f"{self.folder} could not be formatted for Kafka: {(done.stderr or done.stdout)[-2000:]}"
            )

    def _spawn(self) -> Supervised:
        options = _archived() if self._jvm_options is None else self._jvm_options
        command = self._java(self.heap_mb, options, "kafka.Kafka", self._configuration.name)
        output = self.folder / "broker.out"
        return Supervised(command, folder=self.folder, output=output, environment=java_environment())

    def _java(self, heap_mb: int, options: Sequence[str], *arguments: str) -> list[str]:
        return [
            str(find_java()),
            *options,
            *native_options(self.folder / "native"),
            f"-Xmx{heap_mb}m",
            "-Xms32m",
            *light(),
            "-XX:MaxDirectMemorySize=128m",
            "-Xss512k",
            "-Djava.net.preferIPv4Stack=true",
            "-Dlog4j2.configurationFile=./log4j2.properties",
            "-cp",
            os.pathsep.join(str(jar) for jar in kafka_jars()),
            *arguments,
        ]

    def _log_tail(self) -> str:
        lines: list[str] = []
        for file in (self._log_file, self.folder / "broker.out"):
            if file.exists():
                lines += file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return (
            f" The end of {self._log_file}:\n" + "\n".join(lines) if lines else f" Its log {self._log_file} is empty."
        )


def kafka_archive() -> Path:
    """The path of the CDS archive of this machine's Kafka, which need not exist."""
    return archive_of(_PROGRAM, kafka_jars())


def archive_kafka(folder: Path) -> Path:
    """The CDS archive of Kafka; if there is none, a broker runs briefly in ``folder`` to write it.

    Raises NoArchive, BrokerFailed.
    """
    archive = kafka_archive()
    if not archive.exists():
        with (
            recorded(archive) as option,
            EmbeddedBroker(folder / _PROGRAM, free_port(), jvm_options=[option]) as broker,
        ):
            broker.stop(ARCHIVE_DEADLINE_SECONDS)
    return archive


def _archived() -> list[str]:
    return archive_options(_PROGRAM, kafka_jars())
