"""``steam-assets dev``, ``broker`` and ``simulate``: services that run until Ctrl-C.

Belongs here: starting and stopping them together. Does not belong here: what they serve.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.local_broker import kept_broker
from steam_assets.commands.preflight import require_free_port, require_kafka, writable_settings
from steam_assets.commands.recordings import recorded_in, show_left_out
from steam_assets.commands.terminal import Terminal
from steam_assets.processes.warm_process_address import VARIABLE, surroundings

if TYPE_CHECKING:
    from steam_assets.settings import Settings


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the Dagster UI listens on.")] = "127.0.0.1",
) -> None:
    """Start the Dagster UI, the daemon, an embedded Kafka and Spark, against the real Steam. Ctrl-C stops all of them.

    All data is stored in STEAM_HOME (default: data). Its runs, and commands started while it runs, share that Spark.
    Schedules and sensors are off until you switch them on in the Dagster UI. The UI serves its own pages and programs
    on this machine, and rejects requests from other websites.
    """
    # Before anything below adds to the environment.
    os.environ[VARIABLE] = surroundings() if sys.platform == "linux" else ""
    settings = writable_settings()
    require_free_port(host, port)
    require_kafka(settings)
    from steam_assets.java.jvm import find_java
    from steam_assets.orchestration.dagster_home import prepare_dagster_home

    find_java()
    home = prepare_dagster_home(settings)
    with _only_one(home):
        _serve(settings, home, host, port)


def _serve(settings: Settings, home: Path, host: str, port: int) -> None:
    from steam_assets.processes.supervised import Supervised

    console = Terminal()
    said = partial(console.print, soft_wrap=True)
    # Here, as the webserver and the daemon must not both create the databases of a new instance; in its own process,
    # because this one would keep 160 MB of imports for as long as it runs.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(_open_instance, settings).result()
    with _kept_spark(settings, said), console.status("Starting Apache Kafka"), kept_broker(settings, said) as address:
        console.print(f"Kafka listens at {address}; the run history is in {home}", soft_wrap=True)
        console.print(f"Dagster UI: http://{f'[{host}]' if ':' in host else host}:{port}", style="bold")
        services = "steam_assets.orchestration.dagster_services"
        command = [sys.executable, "-m", services, "--host", host, "--port", str(port)]
        with _archives_made(settings, home), Supervised(command, errors=sys.stderr) as served:
            code = served.wait()
    if code:
        raise typer.Exit(code)


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Raise typer.BadParameter if another `dev` serves the instance: Dagster does not support two daemons of one."""
    from filelock import FileLock, Timeout

    with ExitStack() as held:
        try:
            held.enter_context(FileLock(home / "dev.lock", timeout=0))
        except Timeout:
            raise typer.BadParameter(
                f"`steam-assets dev` already runs with {home}; use its Dagster UI, or set STEAM_HOME to another folder"
            ) from None
        yield


def _open_instance(settings: Settings) -> None:
    from steam_assets.orchestration.launch import local_instance

    with local_instance(settings):
        pass


def _kept_spark(settings: Settings, say: Callable[[str], None]) -> AbstractContextManager[object]:
    """One Spark for all runs, if the settings leave Spark to this machine."""
    from steam_assets.spark.warm_spark import WarmSpark, can_be_kept

    if not can_be_kept(settings):
        return nullcontext()
    return WarmSpark(settings, say)


@contextmanager
def _archives_made(settings: Settings, folder: Path) -> Iterator[None]:
    """Have `steam-assets warm` create missing CDS archives in the background; unfinished ones are discarded."""
    from steam_assets.commands.warm import lacking_archives
    from steam_assets.processes.supervised import Supervised

    if not lacking_archives(settings):
        yield
        return
    command = ["nice", "-n", "19", sys.executable, "-m", "steam_assets.cli", "warm"]
    making = Supervised(command, output=folder / "class-archives.log")
    try:
        yield
    finally:
        # At once, so that Ctrl-C need not wait for it; unfinished archives are never used and are swept later.
        making.kill()


def broker() -> None:
    """Run only the embedded Kafka, until Ctrl-C, for runs started by other processes."""
    settings = writable_settings()
    require_kafka(settings)
    console = Terminal()
    with kept_broker(settings, partial(console.print, soft_wrap=True)) as address:
        console.print(f"Kafka listens at {address}. Press Ctrl-C to stop.")
        threading.Event().wait()


def simulate(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8765,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 7,
    apps: Annotated[int, typer.Option(min=10, help="Number of games.")] = 100,
    replay: Annotated[Path | None, typer.Option(help="Serve the recorded responses in this folder.")] = None,
) -> None:
    """Run the simulator of all hosts until Ctrl-C. It prints the settings that point the pipeline at it."""
    require_free_port("127.0.0.1", port)
    if replay:
        show_left_out(Terminal(stderr=True), recorded_in(replay).left_out)

    from steam_assets.simulator import Simulator
    from steam_assets.sources import HOSTS

    def say(url: str) -> None:
        Terminal().print(*(f"{host.variable('url')}={url}" for host in HOSTS), soft_wrap=True)

    Simulator(port=port, seed=seed, apps=apps, replay=replay).run(say)
