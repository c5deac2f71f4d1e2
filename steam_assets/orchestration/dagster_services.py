"""Run code server, webserver and daemon on one machine: ``python -m steam_assets.orchestration.dagster_services``.

Belongs here: starting the three, and exiting when one ends. Does not belong here: stopping them with their starter
(processes/supervised.py, in whose session they run).

``dagster dev`` does the same with a webserver that accepts requests from any web page. One code server serves the
other two.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from steam_assets.processes.temporary_folders import temporary_folder

LOCATION = "steam_assets"
CODE = "code server"
POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
SOCKETS = Path("/tmp")  # noqa: S108 - a folder of our own in it
"""A socket's address is limited to 103 bytes, and TMPDIR may be too long, especially on macOS."""


class ServiceEnded(Exception):
    """A service exited unexpectedly; its own output has the reason."""


def main() -> None:
    """Serve until a signal arrives. ServiceEnded if one of the three exits."""
    parser = argparse.ArgumentParser(prog="dagster_services", description="Serve the Dagster UI and run its daemon.")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    asked = parser.parse_args()
    # So that the folder is removed; the signal's sender sends it to the others, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with temporary_folder("steam-dagster-", SOCKETS) as folder:
        try:
            serve(folder, asked.host, asked.port)
        except ServiceEnded as error:
            sys.exit(f"{error}; the Dagster UI stops")
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)


def serve(folder: Path, host: str, port: int) -> None:
    """Start the services with their socket in ``folder``, which no other user can enter, and wait until one ends."""
    socket, workspace = folder / "code", folder / "workspace.yaml"
    code = {"grpc_server": {"host": "localhost", "socket": str(socket), "location_name": LOCATION}}
    # JSON is YAML.
    workspace.write_text(json.dumps({"load_from": [code]}))
    running: dict[str, subprocess.Popen[bytes]] = {}
    _start_code_server(running, socket)
    seen = ("--workspace", str(workspace))
    running["webserver"] = _python("steam_assets.orchestration.webserver", "--host", host, "--port", str(port), *seen)
    running["daemon"] = _python("dagster._daemon", "run", *seen)
    looked = time.monotonic()
    while True:
        _wait(running)
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            if not _serves_code(running[CODE]):
                _start_code_server(running, socket)
                sys.stderr.write("The process that serves the code ended unexpectedly; it was started again.\n")


def _start_code_server(running: dict[str, subprocess.Popen[bytes]], socket: Path) -> None:
    """Start the code server, or replace it, and wait until its code is loaded.

    Before that the others would show an unreachable location.
    """
    if before := running.get(CODE):
        before.kill()
        before.wait()
    socket.unlink(missing_ok=True)
    module = ("-m", "steam_assets.orchestration.code_location", "--location-name", LOCATION)
    quiet = ("--log-level", "warning", "--inject-env-vars-from-instance")
    running[CODE] = _python("dagster", "code-server", "start", "--socket", str(socket), *module, *quiet)
    while not socket.exists():
        _wait(running)


def _serves_code(server: subprocess.Popen[bytes]) -> bool:
    """Whether the process in which the code is loaded lives. The code server starts it, and another one at a reload.

    The code server itself does not notice its end.
    """
    children = psutil.Process(server.pid).children()
    return any(child.status() != psutil.STATUS_ZOMBIE for child in children)


def _python(*module: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *module])


def _wait(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in running.items():
        if (code := process.poll()) is not None:
            raise ServiceEnded(f"Dagster's {name} ended with code {code}")
    time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
