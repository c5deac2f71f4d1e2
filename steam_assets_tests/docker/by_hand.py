"""Services of the compose files run as local processes with the same commands and environment.

Belongs here: what a container would provide: host names, ports, the image's folders, health checks.
Does not belong here: assertions (test_services_by_hand.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from composition import DOCKER, environment, image_environment, merged

from steam_assets.java.jars import cache_folder, kafka_jars
from steam_assets.java.jvm import find_java
from steam_assets.loopback import free_port
from steam_assets.processes.supervised import Supervised
from steam_assets_tests.local_port import listens
from steam_assets_tests.waiting import START_SECONDS

GIVEN = {"POSTGRES_PASSWORD": "by-hand", "S3_ACCESS_KEY": "by-hand", "S3_SECRET_KEY": "by-hand-secret"}
SCRIPTS = Path(sys.executable).parent
STOP_SECONDS = 20.0
CHECK_SECONDS = 5.0
"""Between health checks: each is a process that imports Dagster and competes with the services for the CPU."""


class NotHealthy(Exception):
    """A service ended or did not become healthy in time; the message has the end of its output."""


@dataclass
class Stack:
    """Services of ``files``, each on free ports of 127.0.0.1 instead of its container's; data is below ``folder``."""

    folder: Path
    files: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of every service of our image: the addresses of the simulated sources."""

    def __post_init__(self) -> None:
        self.services = merged(*self.files)
        self.ports: dict[tuple[str, int], int] = {}
        self.running: dict[str, Supervised] = {}
        home = self.folder / "dagster"
        (home / "storage").mkdir(parents=True)
        shutil.copy2(DOCKER / "dagster.yaml", home)
        (home / "workspace.yaml").write_text(self.local((DOCKER / "workspace.yaml").read_text(encoding="utf-8")))

    def port(self, service: str, inside: int) -> int:
        return self.ports.setdefault((service, inside), free_port())

    def local(self, text: str) -> str:
        """``text`` with container folders, host names and ports replaced by local ones."""
        replaced = {"/opt/dagster": str(self.folder / "dagster"), "/var/lib/steam": str(self.folder / "steam")}
        for service, inside in _LISTENING:
            port = self.port(service, inside)
            for name in (service, "127.0.0.1"):
                replaced |= {f"{name}:{inside}": f"127.0.0.1:{port}", f"{name}/{inside}": f"127.0.0.1/{port}"}
        replaced |= {
            "host: code-location": "host: 127.0.0.1",
            '"code-location"': '"127.0.0.1"',
            "port: 4000": f"port: {self.port('code-location', 4000)}",
            "/opt/steam-assets/lib/python3.11/site-packages": str(SCRIPTS.parent / "lib/python3.11/site-packages"),
        }
        for found, here in replaced.items():
            text = text.replace(found, here)
        return text

    def command(self, service: str, words: Sequence[str] | None = None) -> list[str]:
        words = list(self.services[service]["command"] if words is None else words)
        own = {str(inside): str(self.port(service, inside)) for name, inside in _LISTENING if name == service}
        own |= dict.fromkeys(self.services, "127.0.0.1")
        local = [own.get(word, self.local(word)) for word in words]
        return [word.replace("0.0.0.0", "127.0.0.1") for word in local]

    def environment(self, service: str) -> dict[str, str]:
        """The container's environment; from this process only the paths of Java and programs are added."""
        settings = image_environment() | environment(self.services[service], GIVEN) | dict(self.extra)
        settings = {name: self.local(value) for name, value in settings.items() if name not in _OF_THE_IMAGE}
        if settings.get("DAGSTER_POSTGRES_HOST") == "postgres":
            settings["DAGSTER_POSTGRES_HOST"] = "127.0.0.1"
            settings["DAGSTER_POSTGRES_PORT"] = str(self.port("postgres", 5432))
        here = {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder)}
        # The image contains the folder of jars; here they are in the user's cache.
        here["XDG_CACHE_HOME"] = str(cache_folder().parents[1])
        return settings | here | {name: os.environ[name] for name in ("JAVA_HOME",) if name in os.environ}

    def start(self, service: str, command: Sequence[str] | None = None) -> None:
        """Start a service's own command and wait until its own health check passes. Raises NotHealthy."""
        self.running[service] = Supervised(
            command or self.command(service),
            folder=self.folder / "dagster",
            output=self._log(service),
            environment=self.environment(service),
            grace=STOP_SECONDS,
        )
        self.wait(lambda: self.healthy(service), service)

    def healthy(self, service: str) -> bool:
        """Whether its ports are open and its own health check passes, which may be a process that imports Dagster."""
        if not all(listens(self.port(name, inside)) for name, inside in _LISTENING if name == service):
            return False
        _, *check = self.services[service]["healthcheck"]["test"]
        done = subprocess.run(
            self.command(service, check),
            env=self.environment(service),
            cwd=self.folder / "dagster",
            capture_output=True,
        )
        return done.returncode == 0

    def wait(self, ready: Callable[[], bool], service: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            ended = self.running[service].poll() is not None
            if ended or time.monotonic() > deadline:
                tail = self._log(service).read_text(errors="replace")[-3000:]
                raise NotHealthy(f"{service} {'ended' if ended else 'was not healthy in time'}:\n{tail}")
            with suppress(subprocess.TimeoutExpired):
                self.running[service].wait(CHECK_SECONDS)

    def idle(self, seconds: float) -> None:
        """Wait while the services work; return early if one of them ends."""
        with suppress(subprocess.TimeoutExpired):
            next(iter(self.running.values())).wait(seconds)

    def _log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.end()

    def start_postgres(self, programs: Path) -> None:
        """Start a local PostgreSQL set up like the image's entry point: one user with a password, one database."""
        data = Path(tempfile.mkdtemp(prefix="steam-postgres-"))
        self._postgres_data = data
        as_user: list[str] = []
        if os.geteuid() == 0:
            # PostgreSQL does not run as root.
            shutil.chown(data, "postgres", "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        password = data.with_suffix(".password")
        password.write_text(GIVEN["POSTGRES_PASSWORD"])
        password.chmod(0o644)
        user = self.services["postgres"]["environment"]["POSTGRES_USER"]
        setup = ["--username", user, "--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        subprocess.run(
            [*as_user, programs / "initdb", "--pgdata", data, *setup], check=True, capture_output=True, cwd=data
        )
        password.unlink()
        server, *flags = self.services["postgres"]["command"]
        port = str(self.port("postgres", 5432))
        command = [*as_user, str(programs / server), "-D", str(data), "-p", port, "-k", str(data), *flags]
        self.running["postgres"] = Supervised(command, folder=data, output=self._log("postgres"), grace=STOP_SECONDS)
        access = {**os.environ, "PGPASSWORD": GIVEN["POSTGRES_PASSWORD"], "PGHOST": "127.0.0.1", "PGPORT": port}
        check = self.services["postgres"]["healthcheck"]["test"][1:]
        program = [str(programs / check[0]), *check[1:]]
        self.wait(lambda: subprocess.run(program, env=access, capture_output=True).returncode == 0, "postgres")
        database = self.services["postgres"]["environment"]["POSTGRES_DB"]
        subprocess.run([programs / "createdb", "--username", user, database], env=access, check=True)

    def remove_postgres(self) -> None:
        shutil.rmtree(self._postgres_data)

    def start_kafka(self) -> None:
        """Start a local broker configured like the image: KAFKA_A_B_C is a.b.c."""
        controller = free_port()
        given = {n: self.local(v) for n, v in environment(self.services["kafka"], GIVEN).items()}
        properties = {
            name.removeprefix("KAFKA_").replace("_", ".").lower(): value
            for name, value in given.items()
            if name != "KAFKA_HEAP_OPTS"
        }
        local = {
            "log.dirs": str(self.folder / "kafka"),
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port('kafka', 9092)},CONTROLLER://127.0.0.1:{controller}",
        }
        file = self.folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in (properties | local).items()))
        java = [str(find_java()), *given["KAFKA_HEAP_OPTS"].split(), "-cp", os.pathsep.join(map(str, kafka_jars()))]
        format_ = [*java, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", str(file)]
        subprocess.run(format_, check=True, capture_output=True)
        self.start("kafka", [*java, "kafka.Kafka", str(file)])


_LISTENING = (
    ("kafka", 9092),
    ("postgres", 5432),
    ("code-location", 4000),
    ("webserver", 3000),
    ("spark-master", 7077),
    ("spark-master", 8080),
    ("spark-worker", 8081),
)

_OF_THE_IMAGE = frozenset({"PATH", "SPARK_HOME", "PYSPARK_PYTHON", "STEAM_JARS_DIR"})
