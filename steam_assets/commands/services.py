"""``steam-assets dev``, ``broker`` and ``simulate``: what stays up until Ctrl-C.

Belongs here: starting and stopping them together. Does not belong here: what they serve.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from steam_assets.commands.local_broker import broker_for
from steam_assets.commands.preflight import require_free_port, require_kafka, writable_settings
from steam_assets.commands.recordings import recorded_in, show_left_out
from steam_assets.commands.terminal import Terminal
from steam_assets.sources import HOSTS


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address the Dagster UI listens at.")] = "127.0.0.1",
) -> None:
    """Serve the Dagster UI, the daemon and an embedded Kafka, on live Steam. Ctrl-C stops all of them.

    Everything is kept in STEAM_HOME (default: data). Schedules and sensors are off until you switch them on in the
    Dagster UI. It answers its own pages and this machine's programs, no page of another site.
    """
    settings = writable_settings()
    require_free_port(host, port)
    require_kafka(settings)
    from steam_assets.java.jvm import find_java
    from steam_assets.orchestration.launch import local_instance
    from steam_assets.processes.supervised import Supervised

    console = Terminal()
    find_java()
    # Laid out here, as the webserver and the daemon must not both lay out the databases of a new instance.
    with local_instance(settings) as instance:
        home = instance.root_directory
    with console.status("Starting Apache Kafka"), broker_for(settings) as address:
        console.print(f"Kafka answers at {address}; the history of runs is in {home}", soft_wrap=True)
        console.print(f"Dagster UI: http://{host}:{port}", style="bold")
        services = "steam_assets.orchestration.dagster_services"
        command = [sys.executable, "-m", services, "--host", host, "--port", str(port)]
        with Supervised(command, errors=sys.stderr) as served:
            code = served.wait()
    if code:
        raise typer.Exit(code)


def broker() -> None:
    """Run the embedded Kafka alone, until Ctrl-C, for runs that other processes start."""
    settings = writable_settings()
    require_kafka(settings)
    with broker_for(settings) as address:
        Terminal().print(f"Kafka answers at {address}. Ctrl-C stops it.")
        threading.Event().wait()


def simulate(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8765,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 7,
    apps: Annotated[int, typer.Option(min=10, help="Games that exist.")] = 100,
    replay: Annotated[Path | None, typer.Option(help="Serve recorded responses in this folder.")] = None,
) -> None:
    """Serve the simulator of all hosts, until Ctrl-C. It prints the settings by which it takes their place."""
    require_free_port("127.0.0.1", port)
    if replay:
        show_left_out(Terminal(stderr=True), recorded_in(replay).left_out)

    from steam_assets.simulator import serve

    def say(url: str) -> None:
        Terminal().print(*(f"{host.variable('url')}={url}" for host in HOSTS), soft_wrap=True)

    serve(say, port=port, seed=seed, apps=apps, replay=replay)
