"""A second ``steam-assets dev`` with one HOME is refused, and the first serves on, also at an IPv6 address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets_tests.processes import STEAM_ASSETS, Program

pytestmark = [pytest.mark.process, pytest.mark.daemon, pytest.mark.kafka, pytest.mark.slow]


def host() -> str:
    """``::1``, or 127.0.0.1 on a machine without IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return "127.0.0.1"
    return "::1"


def test_a_second_dev_with_one_home_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", embedded_kafka_port=free_port())
    environment = settings.environment(secrets=True) | {"DAGSTER_HOME": str(tmp_path / "dagster")}

    def dev(name: str, port: int) -> Program:
        arguments = ["dev", "--port", str(port), "--host", host()]
        return Program([STEAM_ASSETS, *arguments], tmp_path / f"{name}.txt", environment)

    port = free_port()
    with dev("first", port) as first:
        address = f"[{host()}]" if ":" in host() else host()
        first.wait_for_output(f"Dagster UI: http://{address}:{port}")
        with dev("second", free_port()) as second:
            second.wait_for_output("already runs with")
            second.wait_for_no_family(60)
            assert second.poll() == 2
            assert len(second.output.splitlines()) == 1
        assert first.poll() is None
